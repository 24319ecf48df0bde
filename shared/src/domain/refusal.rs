//! Is what was found enough to answer from? Weak evidence means a refusal, not a guess.

use super::passage::Passage;

/// The answer text of a refusal.
pub const REFUSAL: &str = "The documents do not answer this question.";

/// The passages worth answering from: those that hold a word of the question or are as close to it in meaning as `threshold`, a cosine
/// similarity. Empty: refuse. Where all have vectors and none is that close, shared words are chance, and nothing is left.
///
/// What it can tell is a question about something else. One about the right thing whose answer is missing finds passages as
/// close as one that has an answer (`scripts/eval` prints the curves): that refusal is left to the model and the check of its citations.
pub fn strong(passages: Vec<Passage>, threshold: f64) -> Vec<Passage> {
    let is_close = |passage: &Passage| passage.similarity.is_some_and(|similarity| similarity >= threshold);
    let is_about = passages
        .iter()
        .any(|passage| is_close(passage) || passage.similarity.is_none() && passage.lexical > 0.0);
    let is_evidence = |passage: &Passage| is_about && (passage.lexical > 0.0 || is_close(passage));
    passages.into_iter().filter(is_evidence).collect()
}

/// The figure that `strong` compares with the threshold: the greatest similarity. None: vectors were not searched.
pub fn strength(passages: &[Passage]) -> Option<f64> {
    passages.iter().filter_map(|passage| passage.similarity).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::DocumentId;

    fn passage(similarity: Option<f64>, lexical: f64) -> Passage {
        let (title, text) = (String::new(), String::new());
        let pages = Vec::new();
        Passage {
            document_id: DocumentId::default(),
            title,
            start: 0,
            text,
            pages,
            score: 0.0,
            similarity,
            lexical,
        }
    }

    fn left(passages: &[Passage]) -> usize {
        strong(passages.to_vec(), 0.25).len()
    }

    #[test]
    fn words_alone_are_evidence_only_where_meaning_was_not_compared_or_agrees() {
        assert_eq!(left(&[passage(None, 2.0), passage(None, 0.0)]), 1);
        assert_eq!(left(&[passage(Some(0.2), 2.0), passage(Some(0.1), 1.0)]), 0, "about something else");
        assert_eq!(left(&[passage(Some(0.3), 0.0), passage(Some(0.1), 1.0), passage(Some(0.1), 0.0)]), 2);
        assert_eq!(
            left(&[passage(Some(0.1), 1.0), passage(None, 1.0)]),
            2,
            "another model's vectors say nothing"
        );
        assert_eq!(left(&[]), 0);
    }

    #[test]
    fn the_closest_passage_tells_how_strong_the_evidence_is() {
        assert_eq!(
            strength(&[passage(Some(0.2), 0.0), passage(None, 9.0), passage(Some(0.6), 0.0)]),
            Some(0.6)
        );
        assert_eq!(strength(&[passage(None, 9.0)]), None);
    }
}
