//! The deterministic check between the model and the reader: of the citations that the model offers, only those whose
//! words stand in a passage that it was given are sent, with the range where they stand.

mod claims;
mod layout;
mod links;
mod markers;
mod quotes;
mod sources;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::{
    claims::Claim,
    layout::Layout,
    markers::{Entry, Group},
    sources::{Found, Sources},
};
use super::{
    citation::{Citation, Method, Verification},
    fold::{Folded, has_no_spaces, is_word},
    passage::Passage,
};

/// How often text that changes by being cleaned is cleaned again. Only an attack needs more than three.
const PASSES_MAX: usize = 12;
/// A quote of fewer characters proves nothing.
const QUOTE_CHARACTERS_MIN: usize = 4;
/// Nor does one of fewer words, unless a number is in it.
const QUOTE_WORDS_MIN: usize = 2;
/// A piece of a quote that was put together from several places has at least so many words, or a number.
const PIECE_WORDS_MIN: usize = 3;

/// An answer of which every citation is true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The text, with `[n]` where citation n proves what stands before; without links, images and HTML.
    pub answer: String,
    /// The proofs, one per range, numbered from 1 in the order in which the answer first cites them.
    pub citations: Vec<Citation>,
    /// The sentences of `answer` that had citations and lost them all, in code points. A sentence that never had one
    /// is not here.
    pub unsupported: Vec<[u32; 2]>,
    /// What became of the citations that the model offered.
    pub counts: Counts,
}

/// What became of the citations that the model offered: each number or quote in a marker counts once.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The words stand in the passage that was named.
    pub verified: u32,
    /// The words stand in another passage; the citation was moved there.
    pub corrected: u32,
    /// There were no words, and a sentence of the passage proves the claim.
    pub aligned: u32,
    /// The words were put together from several places; dropped.
    pub stitched: u32,
    /// Nothing was found; dropped.
    pub not_found: u32,
}

/// Checks the model's whole answer against the passages that it was given, numbered from 1. Claims end with
/// `[n "few exact words"]`; what models write instead is understood as far as it is unambiguous.
///
/// A quote is verified if its words stand in its passage as whole words, up to what `Folded` ignores. Failing that it
/// is looked for in the other passages. A marker without words, or with words too few to prove anything, is aligned
/// to a sentence of its passage under the rule of `Claim::is_proved_by`. A range that crosses a page's end is clipped
/// to the page that holds most of it.
pub fn verify(answer: &str, passages: &[Passage]) -> Verified {
    let (text, groups) = read(answer, passages);
    let layout = Layout::new(&text);
    let sources = Sources::new(passages);
    let mut citations = Vec::new();
    let mut counts = Counts::default();
    let mut rendered = Vec::with_capacity(layout.places.len());
    for place in &layout.places {
        let claim = Claim::new(layout.claim(place, |part| Claim::new(part).is_enough()));
        let mut markers = String::new();
        for entry in groups.get(place.group).into_iter().flatten() {
            let outcome = resolve(entry, &claim, &sources);
            counts.add(&outcome);
            if let Outcome::Cited(found, method, verification) = outcome
                && let Some(marker) = cite(found, method, verification, passages, &mut citations)
            {
                let marker = format!("[{marker}]");
                if !markers.contains(&marker) {
                    markers.push_str(&marker);
                }
            }
        }
        rendered.push(markers);
    }
    let (answer, unsupported) = layout.finish(&rendered);
    Verified { answer, citations, unsupported, counts }
}

/// The text with stand-ins for its markers, and the markers. What is left after a marker, link or tag was taken out
/// may read as a new one, so this repeats until nothing changes.
fn read(answer: &str, passages: &[Passage]) -> (String, Vec<Group>) {
    let is_known = |address: &str| passages.iter().any(|passage| links::holds(&passage.text, address));
    let is_text = |found: &char| markers::group_index(*found).is_none() && *found != '\0';
    let mut text: String = answer.trim().chars().filter(is_text).collect();
    let mut groups = Vec::new();
    for _ in 0..PASSES_MAX {
        let marked = markers::extract(&text, passages.len(), &mut groups);
        let cleaned = links::clean(marked.as_deref().unwrap_or(&text), &is_known);
        match cleaned.or(marked) {
            Some(changed) => text = changed,
            None if is_settled(&text, passages.len()) => return (text, groups),
            None => break,
        }
    }
    text.retain(|found| !matches!(found, '<' | '[' | '【' | '［'));
    (text.replace("://", ": //"), groups)
}

/// Whether the text without the stand-ins has no marker of its own, as `[1 [2]]` could.
fn is_settled(text: &str, passages_max: usize) -> bool {
    markers::extract(&layout::without_markers(text).0, passages_max, &mut Vec::new()).is_none()
}

/// What became of one offered citation.
enum Outcome {
    Cited(Found, Method, Verification),
    Stitched,
    NotFound,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Cited(_, Method::Aligned, _) => &mut self.aligned,
            Outcome::Cited(_, _, Verification::Corrected) => &mut self.corrected,
            Outcome::Cited(_, _, Verification::Verified) => &mut self.verified,
            Outcome::Stitched => &mut self.stitched,
            Outcome::NotFound => &mut self.not_found,
        };
        *count += 1;
    }
}

fn resolve(entry: &Entry, claim: &Claim, sources: &Sources<'_>) -> Outcome {
    let passage = entry.number.checked_sub(1);
    let words = Folded::new(entry.words.as_deref().unwrap_or_default());
    let words = trim(words.chars());
    if !is_proof(words) {
        let found = passage.and_then(|passage| sources.align(passage, claim));
        return found.map_or(Outcome::NotFound, |found| {
            Outcome::Cited(found, Method::Aligned, Verification::Verified)
        });
    }
    if let Some(found) = passage.and_then(|passage| sources.find(passage, words, claim)) {
        return Outcome::Cited(found, Method::Quoted, Verification::Verified);
    }
    if let Some(found) = sources.find_elsewhere(passage, words, claim) {
        return Outcome::Cited(found, Method::Quoted, Verification::Corrected);
    }
    if is_stitched(words, sources) { Outcome::Stitched } else { Outcome::NotFound }
}

/// The number of the citation, which is added unless the same range is cited already.
fn cite(
    found: Found,
    method: Method,
    verification: Verification,
    passages: &[Passage],
    citations: &mut Vec<Citation>,
) -> Option<u32> {
    let passage = passages.get(found.passage)?;
    let is_same = |citation: &&Citation| {
        citation.document_id == passage.document_id
            && citation.page == found.page
            && (citation.char_start..citation.char_end) == found.range
    };
    if let Some(citation) = citations.iter().find(is_same) {
        return Some(citation.marker);
    }
    let marker = u32::try_from(citations.len()).ok()?.checked_add(1)?;
    citations.push(Citation {
        marker,
        document_id: passage.document_id,
        title: passage.title.clone(),
        page: found.page,
        char_start: found.range.start,
        char_end: found.range.end,
        quote: found.quote,
        method,
        verification,
    });
    Some(marker)
}

/// Were the words put together from several places: pieces around an ellipsis, or a beginning that stands in one place
/// and a rest that stands in another?
fn is_stitched(words: &[char], sources: &Sources<'_>) -> bool {
    let pieces = pieces(words);
    if pieces.len() > 1 {
        return pieces.iter().all(|piece| is_piece(piece) && sources.hold(piece));
    }
    // The shortest beginning and the shortest ending are tried first: in most misquotes one of them fails.
    let spaces: Vec<usize> =
        words.iter().enumerate().filter(|(_, found)| **found == ' ').map(|(at, _)| at).collect();
    let parts = |at: &usize| words.split_at_checked(*at).map(|(head, tail)| (trim(head), trim(tail)));
    let mut heads = spaces.iter().filter_map(parts).filter(|(head, tail)| is_piece(head) && is_piece(tail));
    if !heads.clone().next().is_some_and(|(head, _)| sources.hold(head))
        || !heads.clone().next_back().is_some_and(|(_, tail)| sources.hold(tail))
    {
        return false;
    }
    heads.any(|(head, tail)| sources.hold(head) && sources.hold(tail))
}

/// The words between ellipses, without the brackets of `[…]`.
fn pieces(words: &[char]) -> Vec<&[char]> {
    let mut pieces = Vec::new();
    let mut rest = words;
    while let Some(at) = rest.windows(3).position(|window| window == ['.', '.', '.']) {
        let (piece, tail) = rest.split_at_checked(at).unwrap_or_default();
        pieces.push(trim(piece.strip_suffix(&['[']).or(piece.strip_suffix(&['('])).unwrap_or(piece)));
        let tail = tail.get(3..).unwrap_or_default();
        rest = tail.strip_prefix(&[']']).or(tail.strip_prefix(&[')'])).unwrap_or(tail);
    }
    pieces.push(trim(rest));
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The words without the punctuation around them, which models add and leave out; a full stop before a digit is part of
/// the number.
fn trim(mut words: &[char]) -> &[char] {
    let is_trimmed = |found: &char| {
        matches!(found, ' ' | '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '*' | '`' | '•')
    };
    while let Some((_, before)) = words.split_last().filter(|(last, _)| is_trimmed(last)) {
        words = before;
    }
    let mut is_after_stop = false;
    while let Some((first, after)) = words.split_first().filter(|(first, _)| is_trimmed(first)) {
        if *first == '.' && !is_after_stop && after.first().is_some_and(char::is_ascii_digit) {
            break;
        }
        is_after_stop = *first == '.';
        words = after;
    }
    words
}

fn is_proof(words: &[char]) -> bool {
    words.len() >= QUOTE_CHARACTERS_MIN && (word_count(words) >= QUOTE_WORDS_MIN || has_number(words))
}

fn is_piece(words: &[char]) -> bool {
    word_count(words) >= PIECE_WORDS_MIN || has_number(words)
}

fn has_number(words: &[char]) -> bool {
    words.iter().any(|found| found.is_numeric())
}

fn word_count(words: &[char]) -> usize {
    let spaced =
        words.split(|found| *found == ' ').filter(|word| word.iter().any(|found| is_word(*found))).count();
    spaced.max(words.iter().filter(|found| has_no_spaces(**found)).count())
}
