//! Properties of the whole check, over random passages, quotes and answers.

use super::{
    super::{
        resolve::{is_proof, trim},
        *,
    },
    assert_sound, counts, passage,
};
use crate::domain::fold::Folded;

/// The same random numbers in every run.
pub(super) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn word(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const WORDS: [&str; 24] = [
    "steel",
    "weld",
    "shall",
    "not",
    "exceed",
    "eﬃcient",
    "Hardness",
    "22",
    "HRC",
    "1,250",
    "3.5",
    "mm",
    "café",
    "“limit”",
    "well-known",
    "the",
    "of",
    "in",
    "Größe",
    "MR0175",
    "flow",
    "final",
    "60 °C",
    "(see",
];

/// What answers and attacks are made of.
const PARTS: [&str; 96] = [
    "[",
    "]",
    "[1",
    "[2 \"",
    "\"",
    "”",
    "“",
    "【",
    "】",
    "[1]",
    "[1, 2]",
    "[3-1]",
    "[1-3]",
    "(",
    ")",
    "](",
    "!",
    "![",
    "<b>",
    "<",
    ">",
    "</",
    "https://x.y/",
    "www.",
    "mailto:",
    ":",
    "…",
    "...",
    ".",
    " ",
    " ",
    " ",
    "\n",
    "\n\n",
    "\\",
    "\\\"",
    "'",
    "1",
    "9",
    "and",
    "p.",
    "*",
    "**",
    "`",
    "\u{f0000}",
    "\u{f0001}",
    "\u{0}",
    "é",
    "漢字",
    "😀",
    "[^1]",
    "†",
    "#",
    "-",
    "\u{ad}",
    "steel",
    "weld",
    "shall not exceed",
    "22 HRC",
    "eﬃcient flow",
    "<!--",
    "-->",
    "[a]:",
    "[[1]",
    "1]",
    "[0]",
    "&lt;",
    "&#x3c;",
    "&amp;",
    "&gt;",
    "＜",
    "＞",
    "https:",
    "//",
    "evil.com/x?y=1",
    "%3A%2F%2F",
    "ｈttps",
    "\u{200b}",
    "\u{200d}",
    "data:",
    "text/html,",
    "javascript:",
    "@",
    "a.com",
    "**[",
    "([1])",
    "]:",
    "\r\n",
    "passage 1",
    "script>",
    "img src=x",
    " & ",
    ";",
    "</script>",
    "style>",
    "。",
];

/// An answer of such parts and of quotes from the passages.
pub(super) fn random_answer(random: &mut Random, passages: &[Passage]) -> String {
    let mut answer = String::new();
    for _ in 0..random.below(40) {
        if random.below(6) == 0 && !passages.is_empty() {
            let number = random.below(passages.len());
            let quote = random_quote(random, &passages[number]);
            answer.extend([format!(" [{} \"{quote}\"]", random.below(5))]);
        } else {
            answer += PARTS[random.below(PARTS.len())];
        }
    }
    answer
}

pub(super) fn random_passages(random: &mut Random) -> Vec<Passage> {
    let count = 1 + random.below(4);
    let mut passages = Vec::new();
    for number in 0..count {
        let mut text = format!("Z{number}");
        for _ in 0..20 + random.below(60) {
            text += [" ", " ", " ", " ", "\n", "  ", ". ", "\u{c}"][random.below(8)];
            text += WORDS[random.below(WORDS.len())];
            if random.below(3) == 0 {
                text.extend([" w".to_owned(), random.below(1000).to_string()]);
            }
        }
        let mut passage = passage(&text);
        // Somewhere within its document: the passage begins in the middle of its first page.
        let (lead, offset) =
            (u32::try_from(random.below(50)).unwrap(), u32::try_from(random.below(5_000)).unwrap());
        passage.start = lead + offset;
        for page in &mut passage.pages {
            page.start += passage.start;
            page.end += passage.start;
        }
        passage.pages[0].start -= lead;
        passages.push(passage);
    }
    passages
}

/// Some words of the passage as they stand there, from one page.
pub(super) fn random_quote(random: &mut Random, passage: &Passage) -> String {
    let page = random.pick(&passage.pages);
    let start = page.start.max(passage.start) - passage.start;
    let length = page.end - start - passage.start;
    let page: String = passage.text.chars().skip(start as usize).take(length as usize).collect();
    let words: Vec<&str> = page.split_whitespace().collect();
    if words.is_empty() {
        return String::new();
    }
    let from = random.below(words.len());
    let to = (from + 2 + random.below(8)).min(words.len());
    let start = words[from].as_ptr() as usize - page.as_ptr() as usize;
    let end = words[to - 1].as_ptr() as usize - page.as_ptr() as usize + words[to - 1].len();
    page[start..end].to_owned()
}

fn mutated(random: &mut Random, quote: &str) -> String {
    let quote = match random.below(5) {
        0 => quote.to_uppercase(),
        1 => quote.to_lowercase(),
        2 => quote.split_whitespace().collect::<Vec<_>>().join(" \n "),
        3 => quote.replace('ﬃ', "ffi").replace("fi", "ﬁ").replace("fl", "ﬂ"),
        _ => quote
            .replace('-', "–")
            .replace("el", "e\u{ad}l")
            .replace('é', "e\u{301}")
            .replace(['“', '”'], "\""),
    };
    quote.replace('"', "\\\"")
}

#[test]
fn quotes_from_a_passage_are_always_verified() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut checked = 0;
    for _ in 0..4_000 {
        let passages = random_passages(&mut random);
        let number = random.below(passages.len());
        let quote = random_quote(&mut random, &passages[number]);
        if !is_proof(trim(Folded::new(&quote).chars())) {
            continue;
        }
        let answer = format!("Some claim [{} \"{}\"].", number + 1, mutated(&mut random, &quote));
        let verified = verify(&answer, &passages);
        assert_sound(&verified, &passages, &answer);
        assert_eq!(verified.counts, counts(1, 0, 0, 0, 0), "{answer:?} {passages:?}");
        let sent = Folded::new(&verified.citations[0].quote);
        assert_eq!(trim(sent.chars()), trim(Folded::new(&quote).chars()), "{answer:?}");
        checked += 1;
    }
    assert!(checked > 3_000);
}

#[test]
fn quotes_with_a_changed_digit_are_never_verified() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    let mut checked = 0;
    for _ in 0..4_000 {
        let passages = random_passages(&mut random);
        let number = random.below(passages.len());
        let quote = random_quote(&mut random, &passages[number]);
        let digits: Vec<usize> =
            quote.match_indices(|found: char| found.is_ascii_digit()).map(|(at, _)| at).collect();
        if digits.is_empty() {
            continue;
        }
        let at = *random.pick(&digits);
        let digit = (quote[at..=at].parse::<usize>().unwrap() + 1 + random.below(9)) % 10;
        let changed = format!("{}{digit}{}", &quote[..at], &quote[at + 1..]);
        let folded = |text: &str| Folded::new(text).chars().iter().collect::<String>();
        let words = trim(Folded::new(&changed).chars()).iter().collect::<String>();
        if words.chars().count() < 4 || passages.iter().any(|passage| folded(&passage.text).contains(&words))
        {
            continue;
        }
        let answer = format!("Some claim [{} \"{changed}\"].", number + 1);
        let verified = verify(&answer, &passages);
        assert!(verified.citations.is_empty(), "{answer:?} {verified:?}");
        assert_eq!(verified.answer, "Some claim.");
        checked += 1;
    }
    assert!(checked > 1_000);
}

#[test]
fn garbage_never_panics_and_never_cites_what_is_not_there() {
    let mut random = Random(0xdead_beef_cafe_f00d);
    for round in 0..20_000 {
        let passages = if round % 50 == 0 { Vec::new() } else { random_passages(&mut random) };
        let answer = random_answer(&mut random, &passages);
        let verified = verify(&answer, &passages);
        assert_sound(&verified, &passages, &answer);
    }
}
