//! The uncased BERT word-piece tokenizer: text to ids, without the special tokens around it. It gives what
//! the `tokenizers` crate gives, but loads ten times faster and stops reading where the caller's limit is
//! reached.

use super::vocabulary::Vocabulary;
use anyhow::{Context, Result};
use std::ops::ControlFlow;
use std::path::Path;
use unicode_categories::UnicodeCategories;
use unicode_normalization::UnicodeNormalization;

/// Turns text into ids.
pub(super) struct Tokenizer {
    vocabulary: Vocabulary,
}

impl Tokenizer {
    pub(super) fn open(path: &Path) -> Result<Tokenizer> {
        let json = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Tokenizer::from_json(&json).with_context(|| format!("read {}", path.display()))
    }

    /// Reads the contents of a `tokenizer.json`.
    pub(super) fn from_json(json: &str) -> Result<Tokenizer> {
        Ok(Tokenizer { vocabulary: Vocabulary::from_json(json)? })
    }

    /// The first `ids_max` ids of `text`.
    pub(super) fn ids(&self, text: &str, ids_max: usize) -> Vec<u32> {
        let mut reading = Reading {
            vocabulary: &self.vocabulary,
            ids: Vec::new(),
            ids_max,
            word: String::new(),
            characters: 0,
        };
        // The first break means that the limit is reached, which is no error.
        let _ = reading.text(text);
        reading.ids.truncate(ids_max);
        reading.ids
    }

    /// `ids` between the tokens that open and close a text, `tokens_max` in all.
    pub(super) fn framed_ids(&self, text: &str, tokens_max: usize) -> Vec<u32> {
        let mut ids = self.ids(text, tokens_max.saturating_sub(2));
        ids.insert(0, self.vocabulary.first);
        ids.push(self.vocabulary.last);
        ids
    }

    /// The highest id that can occur.
    pub(super) fn id_max(&self) -> u32 {
        self.vocabulary.id_max()
    }
}

/// One text on its way through the tokenizer.
struct Reading<'a> {
    vocabulary: &'a Vocabulary,
    ids: Vec<u32>,
    ids_max: usize,
    /// The word that is being read, cut where it is too long to be known.
    word: String,
    /// How many characters the word has, with those cut off.
    characters: usize,
}

impl Reading<'_> {
    fn text(&mut self, text: &str) -> ControlFlow<()> {
        let mut rest = text;
        // Special tokens are found in the raw text, before anything is normalised.
        while let Some((before, id, after)) = self.split_at_special(rest) {
            self.plain_text(before)?;
            self.push(id)?;
            rest = after;
        }
        self.plain_text(rest)
    }

    fn split_at_special<'t>(&self, text: &'t str) -> Option<(&'t str, u32, &'t str)> {
        text.match_indices('[').find_map(|(start, _)| {
            let (before, found) = text.split_at(start);
            let mut tokens = self.vocabulary.special.iter();
            tokens.find_map(|(token, id)| Some((before, *id, found.strip_prefix(token.as_str())?)))
        })
    }

    fn plain_text(&mut self, text: &str) -> ControlFlow<()> {
        if text.is_ascii() {
            // Nothing to decompose, and most text is like this.
            text.chars().filter(|character| !is_dropped(*character)).try_for_each(|c| self.character(c))?;
        } else {
            let kept = text.chars().filter(|character| !is_dropped(*character)).flat_map(set_apart);
            let mut bare =
                kept.nfd().filter(|character| character.is_ascii() || !character.is_mark_nonspacing());
            bare.try_for_each(|character| self.character(character))?;
        }
        self.end_word()
    }

    fn character(&mut self, character: char) -> ControlFlow<()> {
        if character.is_whitespace() {
            return self.end_word();
        }
        for lower in character.to_lowercase() {
            if is_punctuation(lower) {
                self.end_word()?;
                self.extend_word(lower);
                self.end_word()?;
            } else {
                self.extend_word(lower);
            }
        }
        ControlFlow::Continue(())
    }

    fn extend_word(&mut self, character: char) {
        self.characters += 1;
        if self.characters <= self.vocabulary.word_characters_max {
            self.word.push(character);
        }
    }

    /// Cuts the word greedily into its longest known pieces; a word with an unknown rest is unknown as a
    /// whole.
    fn end_word(&mut self) -> ControlFlow<()> {
        if self.characters == 0 {
            return ControlFlow::Continue(());
        }
        let ids_before = self.ids.len();
        let mut rest = self.word.as_str();
        if self.characters > self.vocabulary.word_characters_max {
            self.ids.push(self.vocabulary.unknown);
            rest = "";
        }
        while !rest.is_empty() {
            let continuing = rest.len() < self.word.len();
            let Some((id, length)) = self.vocabulary.longest_prefix(rest, continuing) else {
                self.ids.truncate(ids_before);
                self.ids.push(self.vocabulary.unknown);
                break;
            };
            self.ids.push(id);
            rest = rest.get(length..).unwrap_or_default();
        }
        self.word.clear();
        self.characters = 0;
        self.go_on()
    }

    fn push(&mut self, id: u32) -> ControlFlow<()> {
        self.ids.push(id);
        self.go_on()
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.ids.len() < self.ids_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Control and format characters, private use, and what stands for an undecodable byte.
fn is_dropped(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\0'..='\u{7f}' => character.is_ascii_control(),
        _ => character == '\u{fffd}' || character.is_other(),
    }
}

/// Ideographs are words of their own; white space becomes plain here, because decomposing could change its
/// kind.
fn set_apart(character: char) -> impl Iterator<Item = char> {
    let around = is_ideograph(character).then_some(' ');
    let character = if character.is_whitespace() { ' ' } else { character };
    around.into_iter().chain([character]).chain(around)
}

/// The blocks that the published model was trained with; Hangul and kana are not among them.
fn is_ideograph(character: char) -> bool {
    matches!(u32::from(character),
        0x4e00..=0x9fff | 0x3400..=0x4dbf | 0x20000..=0x2a6df | 0x2a700..=0x2b73f | 0x2b740..=0x2b81f
        | 0x2b920..=0x2ceaf | 0xf900..=0xfaff | 0x2f800..=0x2fa1f)
}

fn is_punctuation(character: char) -> bool {
    if character.is_ascii() { character.is_ascii_punctuation() } else { character.is_punctuation() }
}
