//! Is what was found enough to answer from? Weak evidence means a refusal, not a guess.

use super::passage::Passage;

/// The answer text of a refusal.
pub const REFUSAL: &str = "The documents do not answer this question.";

/// The passages worth giving to a model: those that hold a word of the question or are close to it in meaning
/// (cosine similarity of at least `threshold`). Empty: refuse.
pub fn strong(passages: Vec<Passage>, threshold: f64) -> Vec<Passage> {
    let is_evidence = |passage: &Passage| {
        passage.lexical > 0.0 || passage.similarity.is_some_and(|similarity| similarity >= threshold)
    };
    passages.into_iter().filter(is_evidence).collect()
}
