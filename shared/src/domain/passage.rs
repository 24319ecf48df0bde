//! What search found: a piece of a document's text and the pages it lies on.

use std::ops::Range;

use super::ids::DocumentId;

/// White space of which only that is known, where two passages were made one. It stands in no page's text, and so in no
/// quote.
pub const SEAM: char = '\u{b}';

/// Where one page's text lies in its document's text. A document's text is its pages joined by one line feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageSpan {
    /// The page's number, from 1.
    pub number: u32,
    /// First code point of the page, counted from the start of the document's text.
    pub start: u32,
    /// One past its last code point.
    pub end: u32,
}

/// One passage of a document that may answer the question.
#[derive(Clone, PartialEq, Debug)]
pub struct Passage {
    /// The document it was found in.
    pub document_id: DocumentId,
    /// The document's title, for the reader.
    pub title: String,
    /// First code point of `text`, counted from the start of the document's text.
    pub start: u32,
    /// The words themselves, verbatim but for seams.
    pub text: String,
    /// The pages that the passage touches, in order; never empty.
    pub pages: Vec<PageSpan>,
    /// Fused score; only its order within one search means anything.
    pub score: f64,
    /// Cosine similarity to the question, −1 to 1; none where vectors were not searched.
    pub similarity: Option<f64>,
    /// BM25 score; 0 where no word of the question stands in it.
    pub lexical: f64,
}

/// The longest part without a seam.
pub(super) fn seamless(chars: &[char]) -> Range<usize> {
    let mut best = 0..0;
    let mut start = 0;
    for part in chars.split(|found| *found == SEAM) {
        if part.len() > best.len() {
            best = start..start + part.len();
        }
        start += part.len() + 1;
    }
    best
}
