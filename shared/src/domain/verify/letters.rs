//! The first layer of the filter: what cannot be seen is taken out, line ends are unified, and character references
//! such as `&lt;` are replaced by what a browser would show, so that no later layer can be deceived by them.

use super::ahead::{Ahead, More};
use crate::domain::hidden::is_hidden;

/// Characters from `&` to `;`, at most.
const REFERENCE_MAX: usize = 12;
/// The named references that matter: markup is written with them. Others stay as they are.
const NAMES: [(&str, char); 23] = [
    ("amp", '&'),
    ("apos", '\''),
    ("ast", '*'),
    ("bsol", '\\'),
    ("colon", ':'),
    ("commat", '@'),
    ("excl", '!'),
    ("gt", '>'),
    ("lbrack", '['),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lsqb", '['),
    ("lt", '<'),
    ("nbsp", ' '),
    ("newline", '\n'),
    ("num", '#'),
    ("period", '.'),
    ("quot", '"'),
    ("rbrack", ']'),
    ("rpar", ')'),
    ("rsqb", ']'),
    ("sol", '/'),
    ("tab", ' '),
];

/// Text as it comes from the model.
#[derive(Debug, Default)]
pub(super) struct Letters {
    pending: Vec<char>,
    /// Whether the last character let out may be part of an emoji or of a script that needs joiners.
    joins: bool,
}

impl Letters {
    /// Takes what came, and hands on what is certain.
    pub fn push(&mut self, piece: &str, is_whole: bool, out: &mut Vec<char>) {
        self.pending.extend(piece.chars());
        let mut at = 0;
        while at < self.pending.len() {
            let ahead = Ahead::new(self.pending.get(at..).unwrap_or_default(), is_whole);
            let Ok(step) = step(ahead, self.joins) else { break };
            match step {
                Step::LetOut(found) => {
                    at += 1;
                    self.joins = found.map_or(self.joins, |found| !found.is_ascii());
                    out.extend(found);
                }
                // What a reference stands for is read again: `&amp;lt;` is `<` in the end.
                Step::Replace(taken, found) => {
                    at += taken - 1;
                    if let Some(slot) = self.pending.get_mut(at) {
                        *slot = found;
                    }
                }
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    /// Characters held back.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.pending.len()
    }
}

/// What becomes of the first character.
enum Step {
    LetOut(Option<char>),
    /// So many characters are read as this one.
    Replace(usize, char),
}

fn step(ahead: Ahead<'_>, joins: bool) -> Result<Step, More> {
    let found = ahead.get(0)?.unwrap_or_default();
    let let_out = match found {
        '\r' if ahead.get(1)? == Some('\n') => None,
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '&' => match reference(ahead)? {
            Some((taken, found)) => return Ok(Step::Replace(taken, found)),
            None => Some('&'),
        },
        // Within a word of Latin letters they only hide it.
        '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' => joins.then_some(found),
        '\u{ad}' => None,
        '\n' | '\t' => Some(found),
        _ if found.is_control() || is_hidden(found) || is_private(found) => None,
        _ => Some(found),
    };
    Ok(Step::LetOut(let_out))
}

/// Stand-ins are private: see `stand_ins`. Nothing that a model writes may pass for one.
fn is_private(found: char) -> bool {
    matches!(found, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// The reference at the start, as its length and character.
fn reference(ahead: Ahead<'_>) -> Result<Option<(usize, char)>, More> {
    let mut name = String::new();
    for at in 1..REFERENCE_MAX {
        match ahead.get(at)? {
            Some(';') => return Ok(meaning(&name).map(|found| (at + 1, found))),
            Some(found) if found.is_ascii_alphanumeric() || found == '#' && at == 1 => name.push(found),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn meaning(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    let lower = name.to_ascii_lowercase();
    NAMES.iter().find(|(known, _)| *known == lower).map(|(_, found)| *found)
}
