//! Folded text in words, numbers and signs.

use super::{
    numbers::{Number, number, superscript},
    units,
    values::Value,
};
use crate::domain::fold::{has_no_spaces, is_word};

/// Letters of a name before its number, as in `ISO 15156`, at most.
const NAME_MAX: usize = 6;
/// Written numbers from two on; "one" is more often a pronoun.
const SMALL: [&str; 18] = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

pub(super) enum Part {
    Word(String),
    Number(Value),
    Sign(char),
}

pub(super) struct Raw {
    pub part: Part,
    /// Whether nothing stands between it and what comes before.
    pub is_glued: bool,
    /// Whether none of its letters is a small one.
    pub is_capital: bool,
    /// Whether its first is a capital M.
    pub is_mega: bool,
}

/// The parts of folded text; `original` is what a folded character was before.
pub(super) fn raw(chars: &[char], original: &impl Fn(usize) -> Option<char>) -> Vec<Raw> {
    let mut lexer =
        Lexer { chars, original, at: 0, found: Vec::new(), is_negative: false, is_tolerance: false };
    let mut is_glued = false;
    while let Some(first) = lexer.get(lexer.at) {
        if first == ' ' {
            (lexer.at, is_glued) = (lexer.at + 1, false);
            continue;
        }
        let start = lexer.at;
        let part = lexer.part(first);
        let is_capital = (start..lexer.at).filter_map(original).all(|found| !found.is_lowercase());
        lexer.found.push(Raw { part, is_glued, is_capital, is_mega: original(start) == Some('M') });
        is_glued = true;
    }
    lexer.found
}

struct Lexer<'a, F: Fn(usize) -> Option<char>> {
    chars: &'a [char],
    original: &'a F,
    at: usize,
    found: Vec<Raw>,
    /// The signs that belong to the next number.
    is_negative: bool,
    is_tolerance: bool,
}

impl<F: Fn(usize) -> Option<char>> Lexer<'_, F> {
    /// The part that begins here; moves past it.
    fn part(&mut self, first: char) -> Part {
        let begins = !self.before(1).is_some_and(|last| is_word(last) && !has_no_spaces(last));
        let is_point = first == '.' && self.is_digit(self.at + 1) && self.before(1) != Some('.');
        let is_figure = first.is_numeric() && superscript(first).is_none();
        if begins
            && (is_figure || is_point)
            && let Some(part) = self.named_before().or_else(|| self.number())
        {
            (self.is_negative, self.is_tolerance) = (false, false);
            return part;
        }
        if is_word(first) || first == '°' {
            (self.is_negative, self.is_tolerance) = (false, false);
            return self.word(first);
        }
        self.sign(first)
    }

    fn sign(&mut self, first: char) -> Part {
        let next = self.get(self.at + 1);
        let is_number = |at: usize| self.is_digit(at) || self.get(at) == Some('.') && self.is_digit(at + 1);
        let follows = self.before(1).is_some_and(|last| is_word(last) || matches!(last, ')' | ']' | '%'));
        self.is_negative = first == '-' && !follows && is_number(self.at + 1);
        let plus_minus = match (first, next) {
            ('±', _) => 1,
            ('+', Some('-')) => 2,
            ('+', Some('/')) if self.get(self.at + 2) == Some('-') => 3,
            _ => 0,
        };
        self.is_tolerance = plus_minus > 0;
        self.at += plus_minus.max(1);
        if self.is_tolerance {
            self.at += usize::from(self.get(self.at) == Some(' '));
            return Part::Sign('±');
        }
        Part::Sign(first)
    }

    /// A number, with what is glued to it: `304L`, `2nd` and `5G` are names, `22HRC` is 22 HRC.
    fn number(&mut self) -> Option<Part> {
        let start = self.at;
        let (number, end) = number(self.chars, start, |space| self.groups_thousands(start, space))?;
        let mut letters = self.skip(end, |found| is_word(found) && !has_no_spaces(found));
        while self.get(letters) == Some('/') && self.get(letters + 1).is_some_and(char::is_alphabetic) {
            letters = self.skip(letters + 1, is_word);
        }
        let glued = plain(self.slice(end, letters));
        self.at = letters;
        let signed =
            Value { is_negative: self.is_negative, is_tolerance: self.is_tolerance, ..Value::new(number) };
        if glued.is_empty() {
            return Some(Part::Number(signed));
        }
        let is_capital = (self.original)(end).is_some_and(char::is_uppercase);
        if let Some(unit) = units::known(&glued, (self.original)(end) == Some('M')) {
            let is_grade = is_capital && letters == end + 1;
            return Some(Part::Number(Value { unit: Some(unit), is_grade, ..signed }));
        }
        let figures = Number::Name(plain(self.slice(start, letters)));
        Some(Part::Number(Value { name: Some(String::new()), ..Value::new(figures) }))
    }

    /// The number of a name before it: `ISO 15156-3`, but not `MAX 22 HRC`.
    fn named_before(&mut self) -> Option<Part> {
        let Some(Raw { part: Part::Word(name), is_capital: true, .. }) = self.found.last() else {
            return None;
        };
        let is_name = (2..=NAME_MAX).contains(&name.chars().count())
            && name.chars().all(char::is_alphabetic)
            && units::known(name, false).is_none()
            && self.before(1) == Some(' ')
            && self.before(2).is_some_and(char::is_alphabetic);
        if !is_name || !self.is_digit(self.at) {
            return None;
        }
        let end = self.figures_end(self.at);
        let unit = self.skip(end, |found| found == ' ');
        let unit_end = self.skip(unit, |found| is_word(found) || matches!(found, '°' | '%' | '/'));
        let unit = plain(self.slice(unit, unit_end));
        if !unit.is_empty() && units::known(&unit, false).is_some() || self.is_part_of_number(end) {
            return None;
        }
        let value =
            Value { name: Some(name.clone()), ..Value::new(Number::Name(plain(self.slice(self.at, end)))) };
        self.at = end;
        self.found.pop();
        Some(Part::Number(value))
    }

    /// A word; `MR0175`, `HP-8` and `ISO15156-3` are names with numbers, `thirteen` and `twenty-five` are numbers.
    fn word(&mut self, first: char) -> Part {
        let start = self.at;
        self.at += 1;
        if has_no_spaces(first) {
            return Part::Word(first.to_string());
        }
        // The parts of `mm/s` and `m^2`, and the apostrophe of `isn't`.
        loop {
            let next = self.get(self.at);
            let after = self.get(self.at + 1);
            let goes_on = match next {
                Some('\'' | '/') => after.is_some_and(|after| is_word(after) && !after.is_numeric()),
                Some('^') => after.is_some_and(|after| after.is_ascii_digit()),
                Some(next) => is_word(next) && !has_no_spaces(next),
                None => false,
            };
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        let word = plain(self.slice(start, self.at));
        if let Some(number) = self.written(&word) {
            return Part::Number(Value::new(number));
        }
        let is_capital = (start..self.at).filter_map(self.original).all(|found| !found.is_lowercase());
        let is_joined = is_capital && self.get(self.at) == Some('-') && self.is_digit(self.at + 1);
        let figures = word.find(|found: char| found.is_ascii_digit());
        let is_measure = units::known(&word, false).is_some() || word.contains('/') || word.starts_with('°');
        // `248 HV10` has a unit with a number in it.
        let follows_number = matches!(self.found.last(), Some(Raw { part: Part::Number(_), .. }));
        let letters = figures.map_or(word.as_str(), |at| word.get(..at).unwrap_or_default());
        if is_measure
            || follows_number && units::known(letters, false).is_some()
            || figures.is_none() && !is_joined
        {
            return Part::Word(word);
        }
        if is_joined && figures.is_none() {
            self.at += 1;
        }
        self.at = self.figures_end(self.at);
        let whole = plain(self.slice(start, self.at));
        let figures = whole.get(letters.len()..).unwrap_or_default().trim_start_matches('-');
        let number = Number::Name(figures.to_owned());
        Part::Number(Value { name: Some(letters.to_owned()), ..Value::new(number) })
    }

    /// `thirteen`, and `twenty-five` with its second half, which is moved past.
    fn written(&mut self, word: &str) -> Option<Number> {
        let decimal = |value: usize| Number::decimal(&value.to_string(), "", 0);
        if let Some(position) = SMALL.iter().position(|small| *small == word) {
            return Some(decimal(position + 2));
        }
        let tens = TENS.iter().position(|tens| *tens == word)?;
        let mut value = (tens + 2) * 10;
        if matches!(self.get(self.at), Some('-' | ' ')) {
            let end = self.skip(self.at + 1, is_word);
            let ones = plain(self.slice(self.at + 1, end));
            let ones = if ones == "one" {
                Some(1)
            } else {
                SMALL.get(..8)?.iter().position(|small| *small == ones).map(|at| at + 2)
            };
            if let Some(ones) = ones {
                (value, self.at) = (value + ones, end);
            }
        }
        Some(decimal(value))
    }

    /// Past the rest of a name's number: digits, letters, and what joins them.
    fn figures_end(&self, at: usize) -> usize {
        let mut end = self.skip(at, |found| is_word(found) && !has_no_spaces(found));
        while matches!(self.get(end), Some('-' | '.' | ':' | '/')) && self.is_digit(end + 1) {
            end = self.skip(end + 1, |found| is_word(found) && !has_no_spaces(found));
        }
        end
    }

    /// Whether the number at the end of which we are is longer: `1,000`.
    fn is_part_of_number(&self, end: usize) -> bool {
        matches!(self.get(end), Some(',' | '%')) && self.is_digit(end + 1) || self.get(end) == Some('%')
    }

    /// Whether the space at `space`, within or after a number that begins at `start`, parts thousands: a space that does
    /// not break, or one between two numbers that stand alone, and not in a row of them.
    fn groups_thousands(&self, start: usize, space: usize) -> bool {
        let is_group = |space: usize| {
            self.get(space) == Some(' ')
                && (1..=3).all(|step| self.is_digit(space + step))
                && !self.is_digit(space + 4)
        };
        match (self.original)(space) {
            _ if !is_group(space) => false,
            Some(' ') => {
                let is_row = start >= 2 && self.get(start - 1) == Some(' ') && self.is_digit(start - 2);
                let next = space + 4;
                let goes_on = self.get(next) == Some(' ') && self.is_digit(next + 1);
                !is_row && (!goes_on || self.groups_thousands(start, next))
            }
            Some('\n') | None => false,
            Some(_) => true,
        }
    }

    fn before(&self, steps: usize) -> Option<char> {
        self.at.checked_sub(steps).and_then(|at| self.get(at))
    }

    fn get(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn is_digit(&self, at: usize) -> bool {
        self.get(at).is_some_and(|found| found.is_ascii_digit())
    }

    fn skip(&self, at: usize, skipped: impl Fn(char) -> bool) -> usize {
        at + self.chars.get(at..).unwrap_or_default().iter().take_while(|&&found| skipped(found)).count()
    }

    fn slice(&self, start: usize, end: usize) -> &[char] {
        self.chars.get(start..end).unwrap_or_default()
    }
}

/// The word with raised digits on the line: `mm²` and `mm^2` are `mm2`.
fn plain(word: &[char]) -> String {
    let digit = |found: char| superscript(found).and_then(|digit| char::from_digit(digit.unsigned_abs(), 10));
    word.iter().filter(|found| **found != '^').map(|found| digit(*found).unwrap_or(*found)).collect()
}
