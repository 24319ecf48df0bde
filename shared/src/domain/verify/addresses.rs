//! The fourth layer of the filter: addresses in running text, also those that only a browser or a mail program takes
//! for one. One that no passage holds vanishes.

use super::{
    hosts,
    links::Known,
    stand_ins::{VANISHED, VERBATIM, VERBATIM_END, is_stand_in},
};
use crate::domain::{fold::has_no_spaces, prompt::NO_ANSWER};

/// Words are held back until they end, but no longer ones than this.
const WORD_MAX: usize = 400;
/// So much of a longer one is kept: an address may begin in it.
const KEPT: usize = 64;

/// Text that may hold addresses.
#[derive(Debug)]
pub(super) struct Addresses<'a> {
    known: Known<'a>,
    /// The characters since the last white space.
    word: Vec<char>,
    is_verbatim: bool,
    /// Whether a very long address is going by.
    is_vanishing: bool,
    /// Whether a letter or digit was let out.
    has_text: bool,
    /// Whether the word was there that refuses to answer, and whether it was the first.
    pub refusal: Option<Refusal>,
}

/// Where in an answer the refusal stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    First,
    Later,
}

impl<'a> Addresses<'a> {
    pub fn new(known: Known<'a>) -> Self {
        Self {
            known,
            word: Vec::new(),
            is_verbatim: false,
            is_vanishing: false,
            has_text: false,
            refusal: None,
        }
    }

    /// Takes what came, and hands on what is certain.
    pub fn push(&mut self, input: &mut Vec<char>, is_whole: bool, out: &mut Vec<char>) {
        for found in input.drain(..) {
            // What a model adds to its refusal is no answer.
            if self.refusal != Some(Refusal::First) {
                self.next(found, out);
            }
        }
        if is_whole && self.refusal != Some(Refusal::First) {
            self.end_word(out);
        }
    }

    fn next(&mut self, found: char, out: &mut Vec<char>) {
        if self.is_verbatim {
            out.push(found);
            self.is_verbatim = found != VERBATIM_END;
            return;
        }
        if self.is_vanishing {
            if is_stand_in(found) {
                out.push(found);
                return;
            }
            if is_part(found) {
                return;
            }
            self.is_vanishing = false;
        }
        if found == VERBATIM {
            self.end_word(out);
            out.push(found);
            self.is_verbatim = true;
            return;
        }
        if found.is_whitespace() {
            self.end_word(out);
            out.push(found);
            return;
        }
        self.word.push(found);
        // Where no spaces part words, each character is one, unless an address has begun before it.
        let ends = (has_no_spaces(found) || matches!(found, '。' | '、' | '，' | '；' | '！' | '？'))
            && hosts::first(&hosts::view(&self.word)).is_none();
        if ends {
            self.end_word(out);
        } else if self.word.len() >= WORD_MAX {
            self.cut_word(out);
        }
    }

    /// A word that is far too long: an address, which goes on vanishing, or text.
    fn cut_word(&mut self, out: &mut Vec<char>) {
        let view = hosts::view(&self.word);
        if let Some(address) = hosts::first(&view) {
            let start = view.get(address.start).map_or(0, |part| part.start);
            let rest = self.word.split_off(start);
            self.end_word(out);
            out.push(VANISHED);
            out.extend(rest.into_iter().filter(|found| is_stand_in(*found)));
            self.is_vanishing = true;
        } else {
            let kept = self.word.split_off(self.word.len() - KEPT);
            out.append(&mut self.word);
            self.word = kept;
        }
    }

    fn end_word(&mut self, out: &mut Vec<char>) {
        if self.is_refusal() {
            self.refusal = self.refusal.or(Some(if self.has_text { Refusal::Later } else { Refusal::First }));
            self.word.retain(|found| is_stand_in(*found));
            out.push(VANISHED);
        }
        self.has_text |= self.word.iter().any(|found| found.is_alphanumeric());
        let is_suspect =
            |found: &char| matches!(found, '.' | ':' | '/' | '@' | '%' | '\\') || !found.is_ascii();
        while self.word.iter().any(is_suspect) {
            let view = hosts::view(&self.word);
            let Some(address) = hosts::first(&view) else { break };
            let start = view.get(address.start).map_or(0, |part| part.start);
            let end = view.get(address.end - 1).map_or(start, |part| part.end);
            let is_plain = |found: &&char| !is_stand_in(**found);
            let written: String =
                self.word.get(start..end).unwrap_or_default().iter().filter(is_plain).collect();
            let tail = self.word.split_off(end);
            let inside = self.word.split_off(start);
            if self.known.holds(&written) {
                out.append(&mut self.word);
                out.push(VERBATIM);
                out.extend(written.chars());
                out.push(VERBATIM_END);
                out.extend(inside.into_iter().filter(|found| is_stand_in(*found)));
                self.word = tail;
                continue;
            }
            // `(https://…)` goes with its parentheses.
            let opened = self.word.iter().rposition(|found| !is_stand_in(*found));
            let is_enclosed = opened.and_then(|at| self.word.get(at)).copied().and_then(closing)
                == tail.first().copied()
                && opened.is_some();
            if let Some(at) = opened.filter(|_| is_enclosed) {
                self.word.remove(at);
            }
            self.word.push(VANISHED);
            self.word.extend(inside.into_iter().filter(|found| is_stand_in(*found)));
            self.word.extend(tail.into_iter().skip(usize::from(is_enclosed)));
        }
        out.append(&mut self.word);
    }

    /// Whether the word is the one that refuses, whatever signs stand around it; Markdown escapes its underscore.
    fn is_refusal(&self) -> bool {
        if !self.word.contains(&'_') {
            return false;
        }
        let word: String =
            self.word.iter().filter(|found| **found != '\\' && !is_stand_in(**found)).collect();
        let word = word.trim_start_matches(|found: char| !found.is_alphanumeric());
        let end = word.find(|found: char| !found.is_alphanumeric() && found != '_').unwrap_or(word.len());
        let word = word.get(..end).unwrap_or_default().trim_end_matches('_');
        word == NO_ANSWER || !self.has_text && word.eq_ignore_ascii_case(NO_ANSWER)
    }

    /// Characters held back.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.word.len()
    }
}

fn closing(open: char) -> Option<char> {
    Some(match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        '"' | '\'' | '`' | '*' | '_' => open,
        '“' => '”',
        _ => return None,
    })
}

/// Whether an address that has begun goes on with the character.
pub(super) fn is_part(found: char) -> bool {
    !found.is_whitespace()
        && !matches!(
            found,
            '<' | '>' | '"' | '`' | '|' | '[' | ']' | '{' | '}' | '“' | '”' | '‘' | '’' | '«' | '»'
        )
        && !is_stand_in(found)
}

/// One past the address that goes on at `at`: not the punctuation after it.
pub(super) fn address_end(chars: &[char], at: usize) -> usize {
    let address = chars.get(at..).unwrap_or_default();
    let mut length = address.iter().take_while(|&&found| is_part(found)).count();
    while let Some((last, before)) = address.get(..length).and_then(<[char]>::split_last) {
        let is_unopened = *last == ')' && !before.contains(&'(');
        if !is_unopened && !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~') {
            break;
        }
        length -= 1;
    }
    at + length
}
