//! Cuts a document's text into chunks for search: whole sentences up to what the embedder reads, each heading with the
//! text below it, and a sentence of overlap.

use super::{lines::is_heading, sentences::sentences};

/// Estimated word pieces of a chunk at most. The embedder reads 256: the rest is for the title and the estimate's error.
const TOKENS_MAX: usize = 210;
/// From here on a heading begins a new chunk, even though the section after it might still fit.
const FULL_TOKENS: usize = TOKENS_MAX / 2;
/// A sentence up to this long is repeated at the start of the next chunk (15 %).
const OVERLAP_TOKENS_MAX: usize = TOKENS_MAX * 15 / 100;
/// Longer sentences are handled in pieces, so that a heading always finds room beside the first of them.
const PIECE_TOKENS_MAX: usize = 100;

/// A piece of a document's text, small enough to be found and embedded as one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Its place among the document's chunks, from 0.
    pub ordinal: u32,
    /// First code point in the document's text.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    /// Exactly the text between the two; it neither begins nor ends with white space.
    pub text: String,
}

/// The chunks of a document in order. Neighbours may share a sentence; together they hold every character that is not
/// white space. Takes linear time and accepts any text.
pub fn chunks(text: &str) -> Vec<Chunk> {
    let units = units(text);
    let mut found = Vec::new();
    let (mut begin, mut first) = (0, 0);
    while first < units.len() {
        let end = end(&units, begin, first);
        let chunk = units.get(begin..end).unwrap_or_default();
        if let (Some(head), Some(last)) = (chunk.first(), chunk.last()) {
            found.push(Chunk {
                ordinal: as_u32(found.len()),
                start: as_u32(head.start_char),
                end: as_u32(last.end_char),
                text: text.get(head.start..last.end).unwrap_or_default().to_owned(),
            });
        }
        first = end;
        begin = if overlaps(&units, end) { end - 1 } else { end };
    }
    found
}

/// About how many tokens a text takes: as for a chunk, see `Estimate`. The vocabularies of chat models have more and longer
/// words, so that it rather says too many than too few.
pub fn estimated_tokens(text: &str) -> usize {
    let mut estimate = Estimate::default();
    text.chars().for_each(|found| estimate.add(found));
    estimate.tokens
}

/// A sentence, or a piece of a very long one.
struct Unit {
    start: usize,
    end: usize,
    start_char: usize,
    end_char: usize,
    tokens: usize,
    is_heading: bool,
}

/// One past the last unit of the chunk that begins at `begin` and whose first new unit is `first`; always past `first`.
fn end(units: &[Unit], begin: usize, first: usize) -> usize {
    let mut tokens: usize = units.get(begin..first).unwrap_or_default().iter().map(|unit| unit.tokens).sum();
    let mut end = first;
    let mut has_text = false;
    for unit in units.get(first..).unwrap_or_default() {
        let is_full =
            tokens + unit.tokens > TOKENS_MAX || unit.is_heading && tokens >= FULL_TOKENS && has_text;
        if end > first && is_full {
            break;
        }
        tokens += unit.tokens;
        has_text |= !unit.is_heading;
        end += 1;
    }
    if !has_text || end == units.len() {
        return end;
    }
    // A heading goes with what follows it.
    let headings =
        units.get(first..end).unwrap_or_default().iter().rev().take_while(|unit| unit.is_heading).count();
    end - headings
}

/// Is the last unit before `end` short enough, and of the same section as the next, to be repeated?
fn overlaps(units: &[Unit], end: usize) -> bool {
    let Some([last, next]) = end.checked_sub(1).and_then(|at| units.get(at..=end)) else { return false };
    last.tokens <= OVERLAP_TOKENS_MAX && !last.is_heading && !next.is_heading
}

fn units(text: &str) -> Vec<Unit> {
    let mut found = Vec::new();
    let (mut at, mut at_char) = (0, 0);
    for sentence in sentences(text) {
        let whole = text.get(sentence.start..sentence.end).unwrap_or_default();
        let is_heading = is_heading(whole);
        for (start, end, tokens) in pieces(whole) {
            let (start, end) = (sentence.start + start, sentence.start + end);
            let start_char = at_char + count(text, at, start);
            at_char = start_char + count(text, start, end);
            at = end;
            found.push(Unit { start, end, start_char, end_char: at_char, tokens, is_heading });
        }
    }
    found
}

fn count(text: &str, start: usize, end: usize) -> usize {
    text.get(start..end).unwrap_or_default().chars().count()
}

/// The sentence in pieces of at most [`PIECE_TOKENS_MAX`], cut between words where there are any: byte range and
/// estimated tokens of each. Most sentences are one piece.
fn pieces(sentence: &str) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some((length, tokens)) = piece(sentence.get(start..).unwrap_or_default()) {
        found.push((start, start + length, tokens));
        let rest = sentence.get(start + length..).unwrap_or_default();
        start += length + (rest.len() - rest.trim_start().len());
    }
    found
}

/// Length in bytes and tokens of the first piece; none where there is no text.
fn piece(text: &str) -> Option<(usize, usize)> {
    let mut estimate = Estimate::default();
    let mut word_end = None;
    let mut ends_word = false;
    for (at, found) in text.char_indices() {
        if found.is_whitespace() {
            if !ends_word {
                word_end = Some((at, estimate.tokens));
            }
            ends_word = true;
        } else {
            ends_word = false;
        }
        let before = estimate.tokens;
        estimate.add(found);
        if estimate.tokens > PIECE_TOKENS_MAX {
            return word_end.or(Some((at, before)));
        }
    }
    (!text.is_empty()).then_some((text.len(), estimate.tokens))
}

/// Counts the word pieces that an English BERT vocabulary would make, without the vocabulary: one for a word and one more
/// per further seven letters, one per three digits, one for each sign, and one for each letter of other scripts.
#[derive(Default)]
struct Estimate {
    tokens: usize,
    letters: usize,
    digits: usize,
}

impl Estimate {
    fn add(&mut self, found: char) {
        if found.is_numeric() {
            self.letters = 0;
            self.digits += 1;
            self.tokens += usize::from(self.digits % 3 == 1);
        } else if found.is_alphabetic() && found < '\u{250}' {
            self.digits = 0;
            self.letters += 1;
            self.tokens += usize::from(self.letters % 7 == 1);
        } else {
            self.letters = 0;
            self.digits = 0;
            self.tokens += usize::from(!found.is_whitespace());
        }
    }
}

/// Texts are far below 2^32 characters; beyond, offsets would stay at the end.
fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slices equal, bounds hold, and every character that is not white space is in a chunk.
    fn check(text: &str) -> Vec<Chunk> {
        let found = chunks(text);
        let chars: Vec<char> = text.chars().collect();
        let mut covered = 0;
        for (ordinal, chunk) in found.iter().enumerate() {
            assert_eq!(usize::try_from(chunk.ordinal).unwrap(), ordinal);
            let (start, end) = (usize::try_from(chunk.start).unwrap(), usize::try_from(chunk.end).unwrap());
            assert_eq!(chars[start..end].iter().collect::<String>(), chunk.text);
            assert_eq!(chunk.text.trim(), chunk.text);
            assert!(start < end && end > covered, "chunks move on");
            assert!(chars[covered.min(start)..start].iter().all(|lost| lost.is_whitespace()), "{text:?}");
            assert!(estimated_tokens(&chunk.text) <= TOKENS_MAX, "{}", estimated_tokens(&chunk.text));
            covered = end;
        }
        assert!(chars[covered..].iter().all(|lost| lost.is_whitespace()));
        found
    }

    #[test]
    fn chunks_hold_whole_sentences_and_overlap_by_one() {
        let sentence = |number| format!("Sentence {number} says that pipes bend when they are hot. ");
        let text = (0..60).map(sentence).collect::<Vec<_>>().concat();
        let found = check(&text);
        assert!(found.len() > 3);
        for pair in found.windows(2) {
            assert!(pair[0].text.ends_with('.') && pair[1].text.starts_with("Sentence"));
            let last = pair[0].text.rsplit("Sentence").next().unwrap();
            assert!(pair[1].text.starts_with(&format!("Sentence{last}")));
        }
    }

    #[test]
    fn a_heading_opens_a_chunk_and_is_never_its_last_line() {
        let mut text = String::new();
        for section in 1..30 {
            text = text + &section.to_string() + ".1 Scope of Part\n";
            text +=
                &"A rule of this part is that the pipe shall be tested before it is used.\n".repeat(section);
        }
        let found = check(&text);
        let opening = found.iter().filter(|chunk| chunk.text.contains(".1 Scope of Part")).count();
        assert!(opening >= 20);
        for chunk in found {
            assert!(!is_heading(chunk.text.lines().last().unwrap()), "{}", chunk.text);
        }
    }

    #[test]
    fn text_without_sentence_ends_is_cut_between_words() {
        let text = "word another ".repeat(2000);
        for chunk in check(&text) {
            assert!(chunk.text.starts_with("word") || chunk.text.starts_with("another"));
            assert!(chunk.text.ends_with("word") || chunk.text.ends_with("another"));
        }
        check(&"x".repeat(20_000));
        check(&"漢".repeat(3_000));
        check(&"Scope and Purpose\n".repeat(500));
    }

    #[test]
    fn no_text_has_no_chunks() {
        assert!(chunks("").is_empty());
        assert!(chunks(" \n\n\t ").is_empty());
    }

    #[test]
    fn any_text_is_covered() {
        let mut state = 0x0123_4567_89ab_cdef_u64;
        let mut next = |bound: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        };
        let alphabet: Vec<&str> = vec![
            "word",
            "Longerword",
            " ",
            "  ",
            "\n",
            "\n\n",
            ". ",
            "7.2 Title Words\n",
            "22",
            "é",
            "漢字",
            "…",
            ",",
            "\u{a0}",
            "\u{2028}",
            "\u{0}",
            "\u{1F600}",
            "incomprehensibilities",
            "? ",
            "....",
            "Table 1\n",
            "• ",
        ];
        for round in 0..600 {
            let text: String = (0..next(1 + round))
                .map(|_| alphabet[usize::try_from(next(alphabet.len() as u64)).unwrap()])
                .collect();
            check(&text);
        }
    }
}
