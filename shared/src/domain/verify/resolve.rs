//! What becomes of a marker: the words it offers are looked for, and a citation is made where they stand.

use serde::Serialize;

use super::{
    claims::Claim,
    markers::{Entry, Group},
    sources::{Found, Search, Sources},
};
use crate::domain::{
    citation::{Citation, Method, Verification},
    fold::{Folded, has_no_spaces, is_word},
    passage::Passage,
};

/// A quote of fewer characters proves nothing.
const QUOTE_CHARACTERS_MIN: usize = 4;
/// Nor does one of fewer words, unless a number is in it.
const QUOTE_WORDS_MIN: usize = 2;
/// A piece of a quote that was put together from several places has at least so many words, or a number.
const PIECE_WORDS_MIN: usize = 3;

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

/// The citations so far.
pub(super) struct Resolver<'a> {
    passages: &'a [Passage],
    sources: Sources<'a>,
    citations: Vec<Citation>,
    counts: Counts,
}

/// What became of one group of markers.
pub(super) struct Resolved {
    /// The numbers of the citations that stand for it, each once.
    pub markers: Vec<u32>,
    /// Those of them that are cited for the first time.
    pub fresh: Vec<Citation>,
}

/// What became of one offered citation.
enum Outcome {
    Cited(Found, Method, Verification),
    Stitched,
    NotFound,
    /// What it is to prove must be known.
    Undecided,
}

impl<'a> Resolver<'a> {
    pub fn new(passages: &'a [Passage]) -> Self {
        Self { passages, sources: Sources::new(passages), citations: Vec::new(), counts: Counts::default() }
    }

    /// The group, if that does not depend on what it is to prove; `claim` is what is said before it, if that is enough to
    /// choose between several places of the same words.
    pub fn resolve_early(&mut self, group: &Group, claim: Option<&Claim>) -> Option<Resolved> {
        let outcomes: Vec<Outcome> = group
            .iter()
            .map(|entry| if is_quote(entry) { self.look_up(entry, claim) } else { Outcome::Undecided })
            .collect();
        let is_decided = outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Undecided));
        is_decided.then(|| self.take(outcomes))
    }

    /// The group, which is to prove `claim`.
    pub fn resolve(&mut self, group: &Group, claim: &Claim) -> Resolved {
        let outcomes = group.iter().map(|entry| self.look_up(entry, Some(claim))).collect();
        self.take(outcomes)
    }

    /// All citations, and the counts.
    pub fn into_parts(self) -> (Vec<Citation>, Counts) {
        (self.citations, self.counts)
    }

    fn look_up(&self, entry: &Entry, claim: Option<&Claim>) -> Outcome {
        let passage = entry.number.checked_sub(1);
        let words = Folded::new(entry.words.as_deref().unwrap_or_default());
        let words = trim(words.chars());
        if !is_proof(words) {
            let found = passage.zip(claim).and_then(|(passage, claim)| self.sources.align(passage, claim));
            return found.map_or(Outcome::NotFound, |found| {
                Outcome::Cited(found, Method::Aligned, Verification::Verified)
            });
        }
        match passage.map_or(Search::Nowhere, |passage| self.sources.find(passage, words, claim)) {
            Search::Found(found) => return Outcome::Cited(found, Method::Quoted, Verification::Verified),
            Search::Several => return Outcome::Undecided,
            Search::Nowhere => {}
        }
        match self.sources.find_elsewhere(passage, words, claim) {
            Search::Found(found) => Outcome::Cited(found, Method::Quoted, Verification::Corrected),
            Search::Several => Outcome::Undecided,
            Search::Nowhere if is_stitched(words, &self.sources) => Outcome::Stitched,
            Search::Nowhere => Outcome::NotFound,
        }
    }

    fn take(&mut self, outcomes: Vec<Outcome>) -> Resolved {
        let mut resolved = Resolved { markers: Vec::new(), fresh: Vec::new() };
        for outcome in outcomes {
            self.counts.add(&outcome);
            let Outcome::Cited(found, method, verification) = outcome else { continue };
            let cited = self.citations.len();
            let Some(marker) = self.cite(found, method, verification) else { continue };
            if !resolved.markers.contains(&marker) {
                resolved.markers.push(marker);
            }
            resolved.fresh.extend(self.citations.get(cited..).unwrap_or_default().iter().cloned());
        }
        resolved
    }

    /// The number of the citation, which is added unless the same range is cited already.
    fn cite(&mut self, found: Found, method: Method, verification: Verification) -> Option<u32> {
        let passage = self.passages.get(found.passage)?;
        let is_same = |citation: &&Citation| {
            citation.document_id == passage.document_id
                && citation.page == found.page
                && (citation.char_start..citation.char_end) == found.range
        };
        if let Some(citation) = self.citations.iter().find(is_same) {
            return Some(citation.marker);
        }
        let marker = u32::try_from(self.citations.len()).ok()?.checked_add(1)?;
        self.citations.push(Citation {
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
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Cited(_, Method::Aligned, _) => &mut self.aligned,
            Outcome::Cited(_, _, Verification::Corrected) => &mut self.corrected,
            Outcome::Cited(_, _, Verification::Verified) => &mut self.verified,
            Outcome::Stitched => &mut self.stitched,
            Outcome::NotFound | Outcome::Undecided => &mut self.not_found,
        };
        *count += 1;
    }
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
pub(super) fn trim(mut words: &[char]) -> &[char] {
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

fn is_quote(entry: &Entry) -> bool {
    let words = Folded::new(entry.words.as_deref().unwrap_or_default());
    is_proof(trim(words.chars()))
}

/// Whether the words are enough to prove anything.
pub(super) fn is_proof(words: &[char]) -> bool {
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
