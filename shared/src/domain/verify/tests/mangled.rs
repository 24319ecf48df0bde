//! True quotes, mangled: what reads the same is cited as it stands in the document, what does not is not. The judge here
//! knows nothing of how the check folds text.

use unicode_normalization::UnicodeNormalization;

use super::{
    super::{
        resolve::{is_proof, trim},
        *,
    },
    assert_sound,
    properties::{Random, random_passages, random_quote},
};
use crate::domain::{fold::Folded, ids::DocumentId, passage::PageSpan};

/// The sample standard in passages that overlap, over pages of some 1,500 characters.
fn sample() -> Vec<Passage> {
    let text = include_str!("../../../../../samples/fn-1175.md");
    let mut chars: Vec<char> = text.chars().collect();
    // Pages are joined by line feeds.
    for end in (1_500..chars.len()).step_by(1_501) {
        chars[end] = '\n';
    }
    let pages: Vec<PageSpan> = (1_u32..)
        .zip((0..chars.len()).step_by(1_501))
        .map(|(number, start)| {
            let end = (start + 1_500).min(chars.len());
            PageSpan { number, start: u32::try_from(start).unwrap(), end: u32::try_from(end).unwrap() }
        })
        .collect();
    let document_id = DocumentId::new();
    let mut passages = Vec::new();
    for start in (0..chars.len()).step_by(700) {
        // Between words, as the cutter of chunks does it.
        let space = |at: usize| (at..chars.len()).find(|at| chars[*at].is_whitespace());
        let start = if start == 0 { 0 } else { space(start).map_or(start, |at| at + 1) };
        let end = space(start + 900).unwrap_or(chars.len());
        let (from, to) = (u32::try_from(start).unwrap(), u32::try_from(end).unwrap());
        passages.push(Passage {
            document_id,
            title: "FN 1175".to_owned(),
            start: from,
            text: chars[start..end].iter().collect(),
            pages: pages.iter().copied().filter(|page| page.start < to && page.end > from).collect(),
            score: 1.0,
            similarity: None,
            lexical: 1.0,
        });
    }
    passages
}

/// The words as a person would compare them: without case, accents written in two ways, ligatures, white space, what is not
/// seen, the style of quotation marks and dashes, and punctuation at the ends.
fn said(text: &str) -> String {
    let mut said = String::new();
    let broken = text.replace("-\n", "").replace("-\r\n", "");
    for found in broken.nfkd().flat_map(char::to_lowercase) {
        match found {
            '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' => said.push('\''),
            '“' | '”' | '„' | '‟' | '″' | '«' | '»' => said.push('"'),
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => said.push('-'),
            'ß' => said += "ss",
            'æ' => said += "ae",
            'œ' => said += "oe",
            'ς' => said.push('σ'),
            found
                if found.is_whitespace()
                    || matches!(found, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}') => {}
            found => said.push(found),
        }
    }
    let is_edge = |found: char| " .,;:!?\"'*`•".contains(found);
    said.trim_matches(is_edge).to_owned()
}

/// No citation cuts a word or a number in two.
fn assert_whole(verified: &Verified, passages: &[Passage], input: &str) {
    for citation in &verified.citations {
        let whole = passages.iter().filter(|passage| passage.document_id == citation.document_id).find_map(
            |passage| {
                let page = passage.pages.iter().find(|page| page.number == citation.page)?;
                let at =
                    usize::try_from((page.start + citation.char_start).checked_sub(passage.start)?).ok()?;
                let chars: Vec<char> = passage.text.chars().collect();
                let length = citation.quote.chars().count();
                let slice: String = chars.get(at..at + length)?.iter().collect();
                let around = |index: Option<usize>| index.and_then(|index| chars.get(index)).copied();
                let page_start = usize::try_from(page.start.saturating_sub(passage.start)).ok()?;
                let before = around(at.checked_sub(1).filter(|before| *before >= page_start));
                (slice == citation.quote)
                    .then(|| (before, around(Some(at + length)), around(Some(at + length + 1))))
            },
        );
        let Some((before, after, later)) = whole else { continue };
        let (first, last) =
            (citation.quote.chars().next().unwrap(), citation.quote.chars().next_back().unwrap());
        let both = |left: char, right: char| {
            left.is_alphanumeric() && right.is_alphanumeric() && !left.is_whitespace()
        };
        assert!(!before.is_some_and(|before| both(before, first)), "{citation:?} {input:?}");
        assert!(!after.is_some_and(|after| both(last, after)), "{citation:?} {input:?}");
        let is_cut = last.is_ascii_digit()
            && matches!(after, Some('.' | ','))
            && later.is_some_and(|later| later.is_ascii_digit());
        assert!(!is_cut, "{citation:?} {input:?}");
    }
}

/// The same words, written in another way.
fn rewritten(random: &mut Random, quote: &str) -> String {
    let mut text = quote.to_owned();
    for _ in 0..=random.below(3) {
        text = match random.below(12) {
            0 => text.to_uppercase().replace('ẞ', "ß"),
            1 => text.to_lowercase(),
            2 => text.split_whitespace().collect::<Vec<_>>().join(" \n "),
            3 => text.split_whitespace().collect::<Vec<_>>().join("\u{a0}\t"),
            4 => text.replace("ﬃ", "ffi").replace("fi", "ﬁ").replace("fl", "ﬂ").replace("ff", "ﬀ"),
            5 => text.replace('-', random.word(&["–", "—", "‑", "−"])),
            6 => text.replace(['“', '”'], "\"").replace('\'', "’"),
            7 => text.nfd().collect(),
            8 => text.nfc().collect(),
            9 => letters_apart(random, &text, "\u{ad}"),
            10 => letters_apart(random, &text, "\u{200b}"),
            _ => format!(
                "{}{text}{}",
                random.word(&["", "…", "\"", "..."]),
                random.word(&["", ".", ",", "…", ";", "!"])
            ),
        };
    }
    // A line's end is one as long as nothing else is done to it.
    if random.below(4) == 0 { letters_apart(random, &text, "-\n") } else { text }
}

/// Something between two small letters of a word.
fn letters_apart(random: &mut Random, text: &str, between: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_place = |at: &usize| chars[at - 1].is_ascii_lowercase() && chars[*at].is_ascii_lowercase();
    let places: Vec<usize> = (1..chars.len()).filter(is_place).collect();
    if places.is_empty() {
        return text.to_owned();
    }
    let at = *random.pick(&places);
    chars[..at].iter().collect::<String>() + between + &chars[at..].iter().collect::<String>()
}

/// Other words, or other numbers.
fn changed(random: &mut Random, quote: &str, passages: &[Passage]) -> String {
    let words: Vec<&str> = quote.split_whitespace().collect();
    let inner = 1 + random.below(words.len().saturating_sub(2).max(1));
    let at = inner.min(words.len() - 1);
    let spliced = |removed: usize, added: &[&str]| {
        let tail = words.iter().skip(at + removed);
        words[..at].iter().chain(added).chain(tail).copied().collect::<Vec<_>>().join(" ")
    };
    let edit = |at: usize, removed: usize, added: &str| {
        let chars: Vec<char> = quote.chars().collect();
        let end = (at + removed).min(chars.len());
        chars[..at].iter().collect::<String>() + added + &chars[end..].iter().collect::<String>()
    };
    let length = quote.chars().count();
    let digits: Vec<usize> =
        quote.chars().enumerate().filter(|(_, found)| found.is_ascii_digit()).map(|(at, _)| at).collect();
    let any = random.below(length);
    match random.below(17) {
        0 => spliced(1, &[]),
        1 => spliced(0, &[random.word(&["not", "never", "also", "5", "the"])]),
        2 => spliced(1, &[random.word(&["may", "copper", "23", "minimum", "mm"])]),
        3 => {
            let mut swapped = words.clone();
            swapped.swap(at - usize::from(at > 0), at);
            swapped.join(" ")
        }
        4 => edit(any, 1, ""),
        5 => edit(any, 0, random.word(&["x", "1", ".", "-", " "])),
        6 => edit(any, 1, random.word(&["z", "7", "é"])),
        7 if !digits.is_empty() => edit(*random.pick(&digits), 1, random.word(&["0", "1", "2", "3", "7"])),
        8 if !digits.is_empty() => edit(*random.pick(&digits), 1, ""),
        9 if !digits.is_empty() => edit(*random.pick(&digits), 0, random.word(&["0", ".", ",", "1"])),
        10 => quote.replacen(['.', ','], "", 1),
        11 => quote.replacen(['-', '−', '–'], "", 1),
        12 => edit(length - 1 - random.below(length.min(6)), length, ""),
        13 => edit(0, 1 + random.below(length.min(6)), ""),
        14 => {
            let passage = random.below(passages.len());
            let other = random_quote(random, &passages[passage]);
            format!("{quote} {other}")
        }
        15 => {
            let passage = random.below(passages.len());
            let other = random_quote(random, &passages[passage]);
            format!("{quote} … {other}")
        }
        _ => spliced(1, &["…"]),
    }
}

/// The sample is written in Markdown, of which pages of a PDF have nothing.
fn is_markdown(quote: &str) -> bool {
    quote.contains(['[', ']', '\\', '|', '*', '`', '#']) || quote.contains("\n\n")
}

/// Checks one marker with these words: whatever is cited reads as the words do.
fn cited(number: usize, words: &str, passages: &[Passage]) -> Verified {
    let answer = format!("Some claim [{number} \"{}\"].", words.replace('\\', "").replace('"', "\\\""));
    let verified = verify(&answer, passages);
    assert_sound(&verified, passages, &answer);
    assert_whole(&verified, passages, &answer);
    for citation in &verified.citations {
        // A range over a page's end is clipped: what is cited is then a part of the words.
        let (quote, offered) = (said(&citation.quote), said(words));
        let is_clipped =
            offered.len() > quote.len() && (offered.starts_with(&quote) || offered.ends_with(&quote));
        assert!(quote == offered || is_clipped, "{quote:?} for {offered:?}: {answer:?}");
        if is_clipped {
            let pages: Vec<_> = passages.iter().flat_map(|passage| &passage.pages).collect();
            let ends = pages
                .iter()
                .any(|page| page.number == citation.page && page.start + citation.char_end + 2 >= page.end);
            assert!(ends || citation.char_start <= 2, "{citation:?} for {answer:?}");
        }
    }
    verified
}

#[test]
fn a_quote_written_in_another_way_is_cited_as_it_stands() {
    let mut random = Random(0x7ead_0bad_c0de_1234);
    let standard = sample();
    let mut checked = 0;
    for round in 0..10_000 {
        let made = random_passages(&mut random);
        let passages = if round % 2 == 0 { &standard } else { &made };
        let number = random.below(passages.len());
        let quote = random_quote(&mut random, &passages[number]);
        if !is_proof(trim(Folded::new(&quote).chars())) || is_markdown(&quote) {
            continue;
        }
        let words = rewritten(&mut random, &quote);
        let verified = cited(number + 1, &words, passages);
        assert_eq!((verified.counts.verified, verified.citations.len()), (1, 1), "{words:?} for {quote:?}");
        assert_eq!(said(&verified.citations[0].quote), said(&quote), "{words:?}");
        checked += 1;
    }
    println!("{checked} quotes in other writing, all cited as they stand");
    assert!(checked > 6_000, "{checked}");
}

#[test]
fn a_quote_with_other_words_is_never_cited_as_the_true_one() {
    let mut random = Random(0x0dd5_0dd5_4321_8765);
    let standard = sample();
    let (mut checked, mut dropped) = (0, 0);
    for round in 0..33_000 {
        let made = random_passages(&mut random);
        let passages = if round % 2 == 0 { &standard } else { &made };
        let number = random.below(passages.len());
        let quote = random_quote(&mut random, &passages[number]);
        if quote.split_whitespace().count() < 2 || is_markdown(&quote) {
            continue;
        }
        let words = changed(&mut random, &quote, passages);
        if said(&words) == said(&quote) || said(&words).is_empty() {
            continue;
        }
        // It may stand elsewhere by chance; then it is cited there, with its own words.
        let verified = cited(random.below(passages.len() + 1) + 1, &words, passages);
        // What is added at a page's end may be how the next begins: then `cited` has seen that the citation is clipped there.
        let is_other = |citation: &Citation| {
            let cited = said(&citation.quote);
            cited != said(&quote) || said(&words).starts_with(&cited) || said(&words).ends_with(&cited)
        };
        assert!(verified.citations.iter().all(is_other), "{words:?} for {quote:?}");
        checked += 1;
        dropped += usize::from(verified.citations.is_empty());
    }
    println!("{checked} changed quotes, {dropped} dropped, none cited as the true one");
    assert!(checked >= 20_000 && dropped * 10 >= checked * 7, "{dropped} of {checked}");
}
