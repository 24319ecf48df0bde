//! What a sentence says, coarsely: its content words, its numbers with their units, and whether it denies. Enough to
//! decide whether a passage's sentence can prove a claim that quotes nothing.

use crate::domain::{
    fold::{Folded, has_no_spaces, is_word},
    stop_words::STOP_WORDS,
};

/// The share of a claim's content words that a sentence must hold to prove it. High enough that a sentence on another
/// subject with the same figure fails, low enough for a paraphrase.
const COVERED_MIN_PERCENT: usize = 60;

/// Words that say nothing of what a sentence is about, besides the stop words of search.
const EMPTY_WORDS: [&str; 14] = [
    "also", "could", "get", "gets", "may", "might", "must", "one", "per", "shall", "since", "upon", "via",
    "would",
];
/// Units of more than three letters, in the singular.
const LONG_UNITS: [&str; 26] = [
    "cent",
    "centimetre",
    "cycle",
    "day",
    "degree",
    "dollar",
    "euro",
    "fahrenheit",
    "feet",
    "foot",
    "gram",
    "hour",
    "inch",
    "inche",
    "kelvin",
    "litre",
    "metre",
    "mile",
    "minute",
    "month",
    "percent",
    "pound",
    "second",
    "tonne",
    "week",
    "year",
];
/// Units in which a capital M is not a small one: mega, not milli.
const MEGA_UNITS: [&str; 8] = ["ma", "mhz", "mj", "mn", "mpa", "mv", "mw", "mwh"];
/// Written numbers; "one" is more often a pronoun.
const NUMBER_WORDS: [&str; 11] =
    ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
const NEGATIONS: [&str; 8] = ["cannot", "neither", "never", "no", "none", "nor", "not", "without"];
/// After a negation these set a bound, which a paraphrase may say without one: "not exceed", "no later than".
const BOUNDS: [&str; 11] =
    ["exceed", "exceeds", "fewer", "greater", "higher", "later", "less", "longer", "lower", "more", "only"];

/// What is known of one sentence.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Claim {
    /// Stems of the content words, each once.
    words: Vec<String>,
    measures: Vec<Measure>,
    is_negated: bool,
}

/// A number and what it counts; or a name with digits in it, such as MR0175.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Measure {
    number: String,
    unit: Option<String>,
}

impl Claim {
    /// Reads a sentence of an answer.
    pub fn new(text: &str) -> Self {
        let (folded, source) = (Folded::new(text), text.chars().collect::<Vec<_>>());
        let (chars, at) = folded.within(&(0..u32::MAX));
        Self::read(chars, at, &source)
    }

    /// Reads folded text; `at` are the places of its characters in `source`.
    pub fn read(chars: &[char], at: &[u32], source: &[char]) -> Self {
        let tokens = tokens(chars);
        let mut claim = Self::default();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            index += 1;
            if token.is_number() {
                let (unit, used) = unit_after(&tokens, index);
                let is_mega = unit.is_some_and(|unit| {
                    let first = at.get(unit.start).and_then(|&at| source.get(usize::try_from(at).ok()?));
                    first == Some(&'M') && MEGA_UNITS.contains(&unit.text.as_str())
                });
                let before = index.checked_sub(2).and_then(|before| tokens.get(before));
                let currency = before.filter(|before| matches!(before.text.as_str(), "$" | "€" | "£" | "¥"));
                let unit = unit.or(currency).map(|unit| unit_name(&unit.text, is_mega));
                claim.measures.push(Measure { number: number_name(token), unit });
                index += used;
            } else if token.has_digit() {
                claim.measures.push(Measure { number: token.text.clone(), unit: None });
            } else if is_negation(&token.text) {
                let mut following = tokens.iter().skip(index).take(2);
                claim.is_negated |= !following.any(|next| BOUNDS.contains(&next.text.as_str()));
            } else if is_content(&token.text) {
                let stem = stem(&token.text);
                if !claim.words.contains(&stem) {
                    claim.words.push(stem);
                }
            }
        }
        claim
    }

    /// Whether there is enough in it to be a claim of its own.
    pub fn is_enough(&self) -> bool {
        self.words.len() + 2 * self.measures.len() >= 2
    }

    /// How many of its words and numbers stand in `other`.
    pub fn overlap(&self, other: &Self) -> usize {
        self.shared_words(other) + self.measures.iter().filter(|measure| other.measures(measure)).count()
    }

    /// Whether `sentence` can prove it: every number with its unit stands there, at least `COVERED_MIN_PERCENT` of its
    /// content words do, all that is at least two things, and either both deny or neither.
    pub fn is_proved_by(&self, sentence: &Self) -> bool {
        let shared = self.shared_words(sentence);
        let things: usize = self.measures.iter().map(|measure| 1 + usize::from(measure.unit.is_some())).sum();
        self.is_negated == sentence.is_negated
            && self.measures.iter().all(|measure| sentence.measures(measure))
            && shared * 100 >= self.words.len() * COVERED_MIN_PERCENT
            && shared + things >= 2
    }

    /// How many content words it has.
    pub fn length(&self) -> usize {
        self.words.len()
    }

    fn shared_words(&self, other: &Self) -> usize {
        self.words.iter().filter(|word| other.words.contains(word)).count()
    }

    /// Does it hold the number, with the unit? In `22 to 25 HRC` the first number has the unit of the second.
    fn measures(&self, wanted: &Measure) -> bool {
        let has_unit =
            |unit: &String| self.measures.iter().any(|measure| measure.unit.as_ref() == Some(unit));
        self.measures.iter().filter(|measure| measure.number == wanted.number).any(|measure| {
            match (&wanted.unit, &measure.unit) {
                (None, _) => true,
                (Some(wanted), Some(unit)) => wanted == unit,
                (Some(wanted), None) => has_unit(wanted) || self.words.contains(wanted),
            }
        })
    }
}

/// A word, a number or a sign that is a unit.
struct Token {
    text: String,
    /// Its place in the folded text.
    start: usize,
}

impl Token {
    fn is_number(&self) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or(&self.text);
        digits.starts_with(|first: char| first.is_ascii_digit()) || NUMBER_WORDS.contains(&digits)
    }

    fn has_digit(&self) -> bool {
        self.text.contains(char::is_numeric)
    }
}

fn tokens(chars: &[char]) -> Vec<Token> {
    let get = |index: usize| chars.get(index).copied();
    let is_digit = |index: usize| get(index).is_some_and(|found| found.is_ascii_digit());
    let is_letter = |index: usize| get(index).is_some_and(|found| is_word(found) && !found.is_ascii_digit());
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(found) = get(at) {
        let start = at;
        at += 1;
        if found.is_ascii_digit() {
            while is_digit(at) || matches!(get(at), Some('.' | ',')) && is_digit(at + 1) {
                at += 1;
            }
            let before = |steps: usize| start.checked_sub(steps).and_then(get);
            let is_negative = before(1) == Some('-') && !before(2).is_some_and(is_word);
            let sign = if is_negative { "-" } else { "" };
            let digits: String = chars.get(start..at).unwrap_or_default().iter().collect();
            tokens.push(Token { text: format!("{sign}{digits}"), start });
            continue;
        }
        if is_word(found) && !has_no_spaces(found) {
            // The parts of `mm/s`, and the apostrophe of `isn't`.
            while get(at).is_some_and(|next| is_word(next) && !has_no_spaces(next))
                || matches!(get(at), Some('\'' | '/')) && is_letter(at + 1)
            {
                at += 1;
            }
        } else if found == '°' {
            while is_letter(at) || get(at) == Some('/') && is_letter(at + 1) {
                at += 1;
            }
        } else if !has_no_spaces(found) && !matches!(found, '%' | '‰' | '$' | '€' | '£' | '¥') {
            continue;
        }
        tokens.push(Token { text: chars.get(start..at).unwrap_or_default().iter().collect(), start });
    }
    tokens
}

/// The unit among the tokens from `index`, which follow a number, and how many of them it takes.
fn unit_after(tokens: &[Token], index: usize) -> (Option<&Token>, usize) {
    let Some(next) = tokens.get(index) else { return (None, 0) };
    let text = next.text.as_str();
    let is_sign = text.starts_with(['%', '‰', '°']);
    let is_short = text.chars().count() <= 3
        && text.starts_with(char::is_alphabetic)
        && !is_empty(text)
        && !NUMBER_WORDS.contains(&text)
        && !is_negation(text);
    let is_unit = is_sign
        || is_short
        || text.contains('/')
        || LONG_UNITS.contains(&text.strip_suffix('s').unwrap_or(text))
        || text == "celsius";
    if is_unit { (Some(next), 1) } else { (None, 0) }
}

fn unit_name(unit: &str, is_mega: bool) -> String {
    match stem(unit).as_str() {
        "percent" => "%".to_owned(),
        _ if is_mega => unit.replacen('m', "M", 1),
        other => other.to_owned(),
    }
}

/// The number in one notation: `1,000` is `1000`, `2.50` is `2.5`, `five` is `5`.
fn number_name(token: &Token) -> String {
    if let Some(value) = NUMBER_WORDS.iter().position(|word| *word == token.text) {
        return (value + 2).to_string();
    }
    let mut parts = token.text.split(',');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_thousands = part.split('.').next().is_some_and(|digits| digits.len() == 3);
        if !is_thousands {
            name.push('.');
        }
        name.push_str(part);
    }
    match name.matches('.').count() {
        1 => name.trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => name,
    }
}

fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't")
}

fn is_content(word: &str) -> bool {
    let is_long = word.chars().nth(2).is_some() || word.starts_with(has_no_spaces);
    is_long && !is_empty(word)
}

fn is_empty(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok() || EMPTY_WORDS.contains(&word)
}

/// The word without the commonest endings: crude, but the same on both sides.
fn stem(word: &str) -> String {
    let word = word.split('\'').next().unwrap_or(word);
    for ending in ["ing", "ed", "es", "s", "e"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= 3
            && !(ending == "s" && stem.ends_with('s'))
        {
            return stem.to_owned();
        }
    }
    word.to_owned()
}
