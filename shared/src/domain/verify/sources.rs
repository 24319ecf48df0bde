//! The passages as the check reads them: each is folded and cut into sentences at most once, and only when asked for.

use std::{cell::OnceCell, cmp::Reverse, ops::Range};

use super::claims::Claim;
use crate::domain::{
    fold::Folded,
    passage::{PageSpan, Passage, seamless},
    sentences::sentences,
};

/// A longer sentence is a table or a list that was not cut, and would agree with every claim.
const SENTENCE_MAX: u32 = 600;
/// How many places of the same words in one passage are compared.
const OCCURRENCES_MAX: usize = 32;

/// A range of one page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// Index of the passage.
    pub passage: usize,
    /// The page's number.
    pub page: u32,
    /// Code points of the page's text.
    pub range: Range<u32>,
    /// The words there.
    pub quote: String,
}

/// What a search for words came to.
pub(super) enum Search {
    Nowhere,
    Found(Found),
    /// In several places, and nothing is known of what they are to prove.
    Several,
}

/// All passages that the model was given.
pub(super) struct Sources<'a> {
    passages: &'a [Passage],
    sources: Vec<OnceCell<Source<'a>>>,
}

impl<'a> Sources<'a> {
    /// Reads nothing yet.
    pub fn new(passages: &'a [Passage]) -> Self {
        Self { passages, sources: passages.iter().map(|_| OnceCell::new()).collect() }
    }

    /// The place of the folded `words` in the passage; among several, the one whose sentence overlaps `claim` best.
    pub fn find(&self, passage: usize, words: &[char], claim: Option<&Claim>) -> Search {
        self.best(std::iter::once(passage), words, claim)
    }

    /// The place of the words in any passage but `except`, as `find`.
    pub fn find_elsewhere(&self, except: Option<usize>, words: &[char], claim: Option<&Claim>) -> Search {
        self.best((0..self.sources.len()).filter(|&passage| Some(passage) != except), words, claim)
    }

    fn best(&self, passages: impl Iterator<Item = usize>, words: &[char], claim: Option<&Claim>) -> Search {
        let sources = passages.filter_map(|passage| Some((passage, self.source(passage)?)));
        let mut places: Vec<_> = sources
            .flat_map(|(passage, source)| {
                let places = source.folded.occurrences(words).take(OCCURRENCES_MAX);
                places.map(move |place| (passage, source, place))
            })
            .collect();
        let best = match (places.len(), claim) {
            (0 | 1, _) => places.pop(),
            (_, None) => return Search::Several,
            (_, Some(claim)) => places.into_iter().min_by_key(|(_, source, place)| source.rank(place, claim)),
        };
        let found = best.and_then(|(passage, source, place)| source.found(passage, &place));
        found.map_or(Search::Nowhere, Search::Found)
    }

    /// Whether the folded `words` stand in any passage.
    pub fn hold(&self, words: &[char]) -> bool {
        let mut sources = (0..self.sources.len()).filter_map(|passage| self.source(passage));
        sources.any(|source| source.folded.occurrences(words).next().is_some())
    }

    /// The sentence of the passage that proves the claim; among several, the one that overlaps it best, then the
    /// shortest.
    pub fn align(&self, passage: usize, claim: &Claim) -> Option<Found> {
        let source = self.source(passage)?;
        let proofs = source.sentences().iter().filter(|sentence| {
            sentence.range.end - sentence.range.start <= SENTENCE_MAX
                && claim.is_proved_by(source.claim(sentence))
        });
        let best = proofs.min_by_key(|sentence| {
            let said = source.claim(sentence);
            (Reverse(claim.overlap(said)), said.length())
        })?;
        source.found(passage, &best.range)
    }

    fn source(&self, passage: usize) -> Option<&Source<'a>> {
        let cell = self.sources.get(passage)?;
        let passage = self.passages.get(passage)?;
        Some(cell.get_or_init(|| Source::new(passage)))
    }
}

/// One passage.
struct Source<'a> {
    passage: &'a Passage,
    chars: Vec<char>,
    folded: Folded,
    sentences: OnceCell<Vec<Stretch>>,
}

/// A sentence, or the part of it on one page.
struct Stretch {
    /// Code points of the passage's text.
    range: Range<u32>,
    claim: OnceCell<Claim>,
}

impl<'a> Source<'a> {
    fn new(passage: &'a Passage) -> Self {
        Self {
            passage,
            chars: passage.text.chars().collect(),
            folded: Folded::new(&passage.text),
            sentences: OnceCell::new(),
        }
    }

    fn sentences(&self) -> &[Stretch] {
        self.sentences.get_or_init(|| {
            let text = &self.passage.text;
            let mut code_point = 0;
            let mut at = 0;
            // Sentences come in order, so that their places are counted on from the one before.
            let mut count_to = |byte: usize| {
                code_point += length(text.get(at..byte).unwrap_or_default().chars().count());
                at = byte;
                code_point
            };
            let ranges = sentences(text).into_iter().map(|found| count_to(found.start)..count_to(found.end));
            let clipped = ranges.filter_map(|range| self.clip(&range).map(|(_, clipped)| clipped));
            clipped.map(|range| Stretch { range, claim: OnceCell::new() }).collect()
        })
    }

    fn claim<'b>(&self, sentence: &'b Stretch) -> &'b Claim {
        sentence.claim.get_or_init(|| {
            let (chars, at) = self.folded.within(&sentence.range);
            Claim::read(chars, at, &self.chars)
        })
    }

    /// Of two places of the same words the lower is better: its sentence has more in common with the claim, else less
    /// of it is clipped.
    fn rank(&self, place: &Range<u32>, claim: &Claim) -> (Reverse<usize>, usize) {
        let around = self.sentences().iter().find(|sentence| sentence.range.contains(&place.start));
        let overlap = around.map_or(0, |sentence| claim.overlap(self.claim(sentence)));
        let kept = self.clip(place).map_or(0, |(_, clipped)| clipped.len());
        (Reverse(overlap), place.len() - kept)
    }

    fn found(&self, passage: usize, range: &Range<u32>) -> Option<Found> {
        let (page, range) = self.clip(range)?;
        let quote = self.slice(&range).iter().collect();
        let start = self.passage.start.checked_add(range.start)?.checked_sub(page.start)?;
        let end = start + (range.end - range.start);
        Some(Found { passage, page: page.number, range: start..end, quote })
    }

    /// The part of the range on the page that holds most of it, without seams, and without white space at its ends.
    fn clip(&self, range: &Range<u32>) -> Option<(PageSpan, Range<u32>)> {
        let offset = self.passage.start;
        let on_page = |page: &PageSpan| {
            let start = range.start.max(page.start.saturating_sub(offset));
            start..range.end.min(page.end.saturating_sub(offset)).max(start)
        };
        let page = *self.passage.pages.iter().min_by_key(|page| Reverse(on_page(page).len()))?;
        let clipped = on_page(&page);
        let whole = seamless(self.slice(&clipped));
        let clipped = clipped.start + length(whole.start)..clipped.start + length(whole.end);
        let slice = self.slice(&clipped);
        let lead = slice.iter().take_while(|found| found.is_whitespace()).count();
        let trail = slice.iter().rev().take_while(|found| found.is_whitespace()).count();
        (lead < slice.len()).then(|| (page, clipped.start + length(lead)..clipped.end - length(trail)))
    }

    fn slice(&self, range: &Range<u32>) -> &[char] {
        let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        self.chars.get(index(range.start)..index(range.end)).unwrap_or_default()
    }
}

/// A count of code points; texts are far shorter than the type allows.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
