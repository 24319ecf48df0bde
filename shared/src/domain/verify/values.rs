//! What a text states in figures: its numbers with signs and units, and the names that have figures in them.

use super::{
    lexer::{Part, Raw, raw},
    numbers::{Number, date},
    units,
};
use crate::domain::stop_words::STOP_WORDS;

const MULTIPLES: [(&str, i32); 6] =
    [("hundred", 2), ("thousand", 3), ("million", 6), ("mio", 6), ("billion", 9), ("bn", 9)];
const MONTHS: [(&str, &str); 12] = [
    ("jan", "uary"),
    ("feb", "ruary"),
    ("mar", "ch"),
    ("apr", "il"),
    ("may", ""),
    ("jun", "e"),
    ("jul", "y"),
    ("aug", "ust"),
    ("sep", "tember"),
    ("oct", "ober"),
    ("nov", "ember"),
    ("dec", "ember"),
];
/// Words between numbers that share the unit of the last.
const CONNECTORS: [&str; 8] = ["and", "by", "or", "through", "till", "to", "until", "x"];

/// A number and what it counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Value {
    pub number: Number,
    pub is_negative: bool,
    /// Whether it is how far something may be off: ±.
    pub is_tolerance: bool,
    pub unit: Option<String>,
    /// What it is the number of, as `iso` in ISO 15156; nothing in `2nd`.
    pub name: Option<String>,
    /// Whether its unit may be a part of its name, as in `316L`.
    pub is_grade: bool,
}

/// A part of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Word(String),
    Value(Value),
    Sign(char),
}

impl Value {
    /// A number of its own.
    pub fn new(number: Number) -> Self {
        Self { number, is_negative: false, is_tolerance: false, unit: None, name: None, is_grade: false }
    }

    /// Whether this value, which a source states, is the one that is `wanted`.
    pub fn is(&self, wanted: &Self) -> bool {
        let is_signed = self.is_negative == wanted.is_negative && self.is_tolerance == wanted.is_tolerance;
        let is_named = match (&wanted.name, &self.name) {
            (None, Some(_)) => return self.is_number_of(wanted),
            (wanted, name) => wanted == name,
        };
        let is_measured = wanted.unit == self.unit || wanted.unit.is_none() && !self.is_grade;
        is_signed && is_named && is_measured && self.number == wanted.number || self.is_date_of(wanted)
    }

    /// "15156" is said of ISO 15156, but "16" not of PN 16.
    fn is_number_of(&self, wanted: &Self) -> bool {
        let Number::Name(figures) = &self.number else { return false };
        figures.len() >= 4
            && !figures.starts_with('0')
            && wanted.unit.is_none()
            && figures.bytes().all(|byte| byte.is_ascii_digit())
            && Number::decimal(figures, "", 0) == wanted.number
    }

    /// "2024" is said of 15 March 2024, and so is "March 2024".
    fn is_date_of(&self, wanted: &Self) -> bool {
        let Number::Date(_, month, year) = self.number else { return false };
        match wanted.number {
            Number::Date(0, wanted_month, wanted_year) => (wanted_month, wanted_year) == (month, year),
            Number::Date(..) => false,
            _ => wanted.unit.is_none() && wanted.name.is_none() && wanted.number.small() == Some(year),
        }
    }

    /// How much it says: a number, and its unit or name.
    pub fn weight(&self) -> usize {
        1 + usize::from(self.unit.is_some() || self.name.is_some())
    }
}

/// The parts of a text, which is folded; `at` are the places of its characters in `source`.
pub(super) fn tokens(chars: &[char], at: &[u32], source: &[char]) -> Vec<Token> {
    let raw =
        raw(chars, &|index| at.get(index).and_then(|&at| source.get(usize::try_from(at).ok()?)).copied());
    let mut tokens: Vec<Token> = Vec::with_capacity(raw.len());
    // Which of them are numbers without a unit, which share that of the next: "22 to 25 HRC".
    let mut waiting: Vec<usize> = Vec::new();
    let mut index = 0;
    while let Some(found) = raw.get(index) {
        let mut value = match &found.part {
            Part::Number(value) => value.clone(),
            Part::Word(word) => {
                if !CONNECTORS.contains(&word.as_str()) {
                    waiting.clear();
                }
                tokens.push(Token::Word(word.clone()));
                index += 1;
                continue;
            }
            Part::Sign(sign) => {
                if !matches!(sign, '-' | ',' | '/' | '×' | '±' | '+' | '.' | '…') {
                    waiting.clear();
                }
                tokens.push(Token::Sign(*sign));
                index += 1;
                continue;
            }
        };
        if let Some((number, used, popped)) = written_date(&raw, index) {
            tokens.truncate(tokens.len() - popped);
            tokens.push(Token::Value(Value::new(number)));
            index += used;
            waiting.clear();
            continue;
        }
        let begin = index;
        index += 1;
        index += multiplied(&mut value, &raw, index);
        if value.unit.is_none() && value.name.is_none() {
            let (unit, used) = unit_after(&raw, index);
            value.unit = unit.or_else(|| unit_before(&raw, begin.checked_sub(1)?, &mut tokens));
            index += used;
        }
        match (&value.unit, &value.name) {
            (Some(unit), _) => {
                for place in waiting.drain(..) {
                    if let Some(Token::Value(earlier)) = tokens.get_mut(place) {
                        earlier.unit = Some(unit.clone());
                    }
                }
            }
            (None, Some(_)) => waiting.clear(),
            (None, None) => waiting.push(tokens.len()),
        }
        tokens.push(Token::Value(value));
    }
    tokens
}

/// "5 thousand": how many parts that takes.
fn multiplied(value: &mut Value, raw: &[Raw], index: usize) -> usize {
    let Some(Part::Word(word)) = raw.get(index).map(|next| &next.part) else { return 0 };
    let Some((_, exponent)) = MULTIPLES.iter().find(|(name, _)| *name == word) else { return 0 };
    value.number = value.number.clone().scaled(*exponent);
    1
}

/// The unit that follows a number, and how many parts it takes.
fn unit_after(raw: &[Raw], index: usize) -> (Option<String>, usize) {
    let word = |index: usize| match raw.get(index) {
        Some(Raw { part: Part::Word(word), is_mega, .. }) => Some((word.as_str(), *is_mega)),
        _ => None,
    };
    match raw.get(index).map(|next| &next.part) {
        Some(Part::Sign(sign @ ('%' | '‰' | '$' | '€' | '£' | '¥' | '℃' | '℉'))) => {
            let sign = sign.to_string();
            return (Some(units::known(&sign, false).unwrap_or(sign)), 1);
        }
        // "a 60-day period"
        Some(Part::Sign('-')) if raw.get(index + 1).is_some_and(|next| next.is_glued) => {
            let unit = word(index + 1).and_then(|(unit, is_mega)| units::known(unit, is_mega));
            return (unit.clone(), if unit.is_some() { 2 } else { 0 });
        }
        _ => {}
    }
    let Some((first, is_mega)) = word(index) else { return (None, 0) };
    let second = word(index + 1).map(|(second, _)| second);
    match (first, second) {
        ("per", Some("cent")) => return (Some("%".to_owned()), 2),
        ("°" | "deg" | "degree" | "degrees", Some(scale)) => {
            let scale =
                units::known(scale, false).filter(|scale| matches!(scale.as_str(), "°c" | "°f" | "k"));
            if scale.is_some() {
                return (scale, 2);
            }
        }
        _ => {}
    }
    if let Some(unit) = units::known(first, is_mega) {
        return (Some(unit), 1);
    }
    let is_short = first.chars().count() <= 3
        && first.starts_with(char::is_alphabetic)
        && !STOP_WORDS.contains(&first)
        && !CONNECTORS.contains(&first)
        && !MULTIPLES.iter().any(|(name, _)| *name == first)
        && !matches!(first, "may" | "per" | "one" | "max" | "min" | "see" | "use");
    let is_unit = is_short || first.contains('/') && !first.starts_with("and");
    (is_unit.then(|| first.to_owned()), usize::from(is_unit))
}

/// The unit before a number, as in `HRC 22` or `$ 5`, which is taken from `tokens`.
fn unit_before(raw: &[Raw], index: usize, tokens: &mut Vec<Token>) -> Option<String> {
    let unit = match raw.get(index)? {
        Raw { part: Part::Sign(sign @ ('$' | '€' | '£' | '¥')), .. } => {
            let sign = sign.to_string();
            units::known(&sign, false).unwrap_or(sign)
        }
        Raw { part: Part::Word(word), is_capital: true, .. } => units::known(word, false)
            .filter(|unit| matches!(unit.as_str(), "hrc" | "hrb" | "hb" | "hv" | "$" | "€" | "£" | "chf"))?,
        _ => return None,
    };
    tokens.pop();
    Some(unit)
}

/// `15 March 2024`, `March 15, 2024`, `March 2024`, where the number at `index` is the first: the date, how many parts it
/// takes, and how many tokens before it were part of it.
fn written_date(raw: &[Raw], index: usize) -> Option<(Number, usize, usize)> {
    let month = |index: usize| match &raw.get(index)?.part {
        Part::Word(word) => month(word),
        _ => None,
    };
    let whole = |index: usize| match &raw.get(index)?.part {
        Part::Number(Value { number: Number::Name(figures), .. }) => {
            let day = figures.strip_suffix("st").or(figures.strip_suffix("nd"));
            day.or(figures.strip_suffix("rd")).or(figures.strip_suffix("th"))?.parse().ok()
        }
        Part::Number(value) if !value.is_negative => value.number.small(),
        _ => None,
    };
    let is_word = |index: usize, wanted: &str| matches!(raw.get(index), Some(Raw { part: Part::Word(word), .. }) if word == wanted);
    let skip_comma = |index: usize| {
        index + usize::from(matches!(raw.get(index), Some(Raw { part: Part::Sign(',' | '.'), .. })))
    };
    let first = whole(index)?;
    // Day, month, year.
    let at = index + 1 + usize::from(is_word(index + 1, "of"));
    if let Some(month) = month(at) {
        let year = skip_comma(at + 1);
        return Some((date(first, month, whole(year)?)?, year + 1 - index, 0));
    }
    // Month before it, then day and year, or the year.
    let before = index.checked_sub(1)?;
    let month = month(before)?;
    if (1000..3000).contains(&first) {
        return Some((Number::Date(0, month, first), 1, 1));
    }
    let year = skip_comma(index + 1);
    Some((date(first, month, whole(year)?)?, year + 1 - index, 1))
}

fn month(word: &str) -> Option<u32> {
    let is_month = |(short, rest): (&str, &str)| {
        word.strip_prefix(short)
            .is_some_and(|ending| ending.is_empty() || ending == rest || short == "sep" && ending == "t")
    };
    (1..).zip(MONTHS).find(|(_, names)| is_month(*names)).map(|(number, _)| number)
}
