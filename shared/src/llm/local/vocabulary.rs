//! The vocabulary of word pieces: read from `tokenizer.json` into one hash table over one string, because
//! 30,000 small allocations would take longer than all the rest of opening the model.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// How a piece that continues a word is marked in the file.
const CONTINUATION: &str = "##";

/// Everything that `tokenizer.json` says which the tokenizer depends on.
pub(super) struct Vocabulary {
    pieces: Pieces,
    /// Literal texts, such as `[SEP]`, that stand for one id wherever they occur in a text.
    pub(super) special: Vec<(String, u32)>,
    pub(super) unknown: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    /// A longer word, in characters, is unknown as a whole.
    pub(super) word_characters_max: usize,
}

impl Vocabulary {
    /// Reads the contents of a `tokenizer.json`; refuses one that asks for another algorithm than uncased
    /// BERT's.
    pub(super) fn from_json(json: &str) -> Result<Vocabulary> {
        let file: File =
            serde_json::from_str(json).context("the tokenizer file is not of the expected form")?;
        let (normalizer, model) = (&file.normalizer, &file.model);
        ensure!(
            normalizer.kind == "BertNormalizer"
                && normalizer.clean_text
                && normalizer.handle_chinese_chars
                && normalizer.lowercase
                && normalizer.strip_accents != Some(false)
                && file.pre_tokenizer.kind == "BertPreTokenizer"
                && model.kind == "WordPiece"
                && model.continuing_subword_prefix == CONTINUATION,
            "the tokenizer file describes something else than an uncased BERT tokenizer"
        );
        // The tokenizer looks for these texts only where it sees their first character.
        ensure!(
            file.added_tokens.iter().all(|token| token.content.starts_with('[')
                && !(token.normalized || token.single_word || token.lstrip || token.rstrip)),
            "the tokenizer file has a special token of an unknown kind"
        );
        let special = |name: &str| {
            let found = file.added_tokens.iter().find(|token| token.content == name);
            found.map(|token| token.id).with_context(|| format!("the tokenizer file lacks {name}"))
        };
        Ok(Vocabulary {
            unknown: special(&model.unk_token)?,
            first: special("[CLS]")?,
            last: special("[SEP]")?,
            word_characters_max: model.max_input_chars_per_word,
            special: file.added_tokens.into_iter().map(|token| (token.content, token.id)).collect(),
            pieces: file.model.vocab,
        })
    }

    /// The longest piece at the beginning of `rest`: its id and its length in bytes. `continuing` says that
    /// `rest` is not the beginning of its word.
    pub(super) fn longest_prefix(&self, rest: &str, continuing: bool) -> Option<(u32, usize)> {
        let mut hash = Pieces::seed(continuing);
        let mut longest = None;
        for (index, byte) in rest.bytes().enumerate().take(self.pieces.length_max) {
            hash = Pieces::step(hash, byte);
            // A prefix that ends inside a character is no piece.
            let Some(prefix) = rest.get(..=index) else { continue };
            if let Some(id) = self.pieces.find(hash, prefix, continuing) {
                longest = Some((id, prefix.len()));
            }
        }
        longest
    }

    /// The highest id that the tokenizer can give.
    pub(super) fn id_max(&self) -> u32 {
        let special = self.special.iter().map(|(_, id)| *id);
        self.pieces.entries.iter().map(|entry| entry.id).chain(special).max().unwrap_or(0)
    }
}

#[derive(Deserialize)]
struct File {
    added_tokens: Vec<AddedToken>,
    normalizer: Normalizer,
    pre_tokenizer: PreTokenizer,
    model: Model,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "it mirrors the file")]
struct AddedToken {
    id: u32,
    content: String,
    normalized: bool,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    kind: String,
    clean_text: bool,
    handle_chinese_chars: bool,
    lowercase: bool,
    strip_accents: Option<bool>,
}

#[derive(Deserialize)]
struct PreTokenizer {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: Pieces,
}

/// An open-addressing hash table from piece to id. It never grows after the file was read, and what it holds
/// comes from a file pinned by hash, so that a plain hash is enough.
struct Pieces {
    /// All pieces in a row, without their marks.
    text: String,
    entries: Vec<Entry>,
    /// One more than an index into `entries`; zero is free. The length is a power of two.
    slots: Vec<u32>,
    /// The length in bytes of the longest piece.
    length_max: usize,
}

struct Entry {
    hash: u32,
    id: u32,
    start: usize,
    end: usize,
    continuing: bool,
}

impl Pieces {
    fn seed(continuing: bool) -> u32 {
        if continuing { 0x9e37_79b9 } else { 0x811c_9dc5 }
    }

    /// One byte of FNV-1a, so that the hashes of all prefixes of a word cost no more than the hash of the
    /// word.
    fn step(hash: u32, byte: u8) -> u32 {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    }

    fn find(&self, hash: u32, piece: &str, continuing: bool) -> Option<u32> {
        let mut slot = self.slot(hash);
        loop {
            let index = (*self.slots.get(slot)? as usize).checked_sub(1)?;
            let entry = self.entries.get(index)?;
            if entry.hash == hash
                && entry.continuing == continuing
                && self.text.get(entry.start..entry.end) == Some(piece)
            {
                return Some(entry.id);
            }
            slot = self.after(slot);
        }
    }

    fn push(&mut self, piece: &str, id: u32) {
        let (continuing, piece) = match piece.strip_prefix(CONTINUATION) {
            Some(rest) => (true, rest),
            None => (false, piece),
        };
        let start = self.text.len();
        self.text.push_str(piece);
        let hash = piece.bytes().fold(Self::seed(continuing), Self::step);
        self.entries.push(Entry { hash, id, start, end: self.text.len(), continuing });
        self.length_max = self.length_max.max(piece.len());
    }

    /// Fills the slots, at most half of them, so that every search meets a free one.
    fn index(&mut self) {
        self.slots = vec![0; (self.entries.len() * 2).next_power_of_two()];
        for (number, entry) in (1_u32..).zip(&self.entries) {
            let mut slot = self.slot(entry.hash);
            while self.slots.get(slot).is_some_and(|taken| *taken != 0) {
                slot = self.after(slot);
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = number;
            }
        }
    }

    fn slot(&self, hash: u32) -> usize {
        (hash ^ (hash >> 15)) as usize & self.slots.len().wrapping_sub(1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & self.slots.len().wrapping_sub(1)
    }
}

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pieces, D::Error> {
        deserializer.deserialize_map(PiecesVisitor)
    }
}

struct PiecesVisitor;

/// A key of the map, copied only where the file escapes a character.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for PiecesVisitor {
    type Value = Pieces;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map from word piece to id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pieces, A::Error> {
        // Enough for the published vocabulary; another one grows them.
        let (text, entries) = (String::with_capacity(256 * 1024), Vec::with_capacity(32 * 1024));
        let mut pieces = Pieces { text, entries, slots: Vec::new(), length_max: 0 };
        while let Some((Key(piece), id)) = map.next_entry::<Key<'de>, u32>()? {
            pieces.push(&piece, id);
        }
        pieces.index();
        Ok(pieces)
    }
}
