//! Citations: what proves an answer, and the deterministic check that makes them true.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::DocumentId;

/// How a citation's range was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CitationMethod)]
pub enum Method {
    /// The model quoted the words.
    Quoted,
    /// The model named a passage only; its best-overlapping sentence was taken.
    Aligned,
    /// The answer itself is made of the words.
    Extracted,
}

/// What the check said of a citation that is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CitationVerification)]
pub enum Verification {
    /// The words stand in the passage that was named.
    Verified,
    /// The words stand in another passage given to the model; the citation was moved there.
    Corrected,
}

/// One proof: these words stand on this page of this document, at this range.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    /// The number that stands in the answer, as in `[1]`.
    pub marker: u32,
    /// The document.
    pub document_id: DocumentId,
    /// Its title.
    pub title: String,
    /// The page's number, from 1.
    pub page: u32,
    /// First code point of the quote in the page's stored text.
    pub char_start: u32,
    /// One past its last code point.
    pub char_end: u32,
    /// The words: exactly the page's text between the two.
    pub quote: String,
    /// How the range was found.
    pub method: Method,
    /// What the check said.
    pub verification: Verification,
}
