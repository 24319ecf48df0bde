//! Answers that are kept to be given again: which ones, and under what key.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Answer, Usage},
    fold::Folded,
    hash::sha256,
    ids::{ConversationId, MessageId},
    question::Filters,
};

/// How old an answer may be that is given again, wherever it was kept.
pub const AGE_MAX: Duration = Duration::from_hours(1);

/// An answer as it was first given.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// What was searchable then: it answers for no other version.
    pub corpus_version: i64,
    /// When it was given.
    pub written_at: Timestamp,
    /// The answer.
    pub answer: Answer,
}

impl Kept {
    /// The answer as another message: it cost nothing this time. How long it took, the caller knows.
    pub fn again(self, id: MessageId, conversation_id: ConversationId) -> Answer {
        Answer { id, conversation_id, cached: true, usage: Usage::default(), ..self.answer }
    }

    /// How long it may still be given at `now`.
    pub fn left(&self, now: Timestamp) -> Duration {
        let age = now.duration_since(self.written_at).try_into().unwrap_or_default();
        AGE_MAX.saturating_sub(age)
    }
}

/// Whether an answer to a question that stands alone is worth keeping: a model wrote all of it, and nothing was down.
pub fn is_keepable(answer: &Answer) -> bool {
    let by_model = answer.model.provider != Answer::EXTRACTIVE;
    by_model && !answer.cached && !answer.interrupted && answer.degraded.is_empty()
}

/// The name of a question with all that its answer depends on, but for the version of what is searchable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// The key of `question` under `filters`. `rest` is what else the answer depends on: whose documents, which models,
    /// which settings.
    pub fn new(question: &str, filters: &Filters, rest: &[&str]) -> Self {
        let mut documents =
            filters.document_ids.clone().map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
        if let Some(ids) = &mut documents {
            ids.sort_unstable();
            ids.dedup();
        }
        let filters = format!("{:?} {:?} {documents:?}", filters.standard, filters.date_from);
        let mut parts = Vec::new();
        for part in [&[normalised(question).as_str(), &filters], rest].concat() {
            // With its length before it, no part can pretend to be two.
            parts.extend_from_slice(&part.len().to_le_bytes());
            parts.extend_from_slice(part.as_bytes());
        }
        Self(sha256(&parts))
    }
}

/// The question without what makes no difference: case, white space, shapes of quotation marks and dashes, and the marks at
/// its end.
fn normalised(question: &str) -> String {
    let folded: String = Folded::new(question).chars().iter().collect();
    let bare = folded.trim_end_matches(['?', '.', '!', ' ']);
    if bare.is_empty() { folded } else { bare.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        answer::{Model, Timings},
        ids::DocumentId,
        question::Standard,
    };

    fn key(question: &str) -> Key {
        Key::new(question, &Filters::default(), &["a", "b"])
    }

    fn answer() -> Answer {
        Answer {
            id: MessageId::new(),
            conversation_id: ConversationId::new(),
            answer: "It is 22 HRC.".to_owned(),
            citations: Vec::new(),
            unsupported: Vec::new(),
            interrupted: false,
            refused: false,
            degraded: Vec::new(),
            cached: false,
            model: Model { provider: "groq".to_owned(), name: "m".to_owned(), fallback: false },
            usage: Usage { input_tokens: 9, output_tokens: 9, cost_usd: 0.1 },
            timings_ms: Timings::default(),
        }
    }

    #[test]
    fn the_same_question_written_otherwise_has_the_same_key() {
        for same in ["How hard is a weld?", " how HARD  is a\nweld", "How hard is a weld?!"] {
            assert_eq!(key(same), key("how hard is a weld"), "{same:?}");
        }
        for other in ["How hard is a weld 2?", "Is a weld how hard?", "how hard is a wéld", "?", "!"] {
            assert_ne!(key(other), key("how hard is a weld"), "{other:?}");
        }
        assert_ne!(key("?"), key("!"));
    }

    #[test]
    fn whatever_an_answer_depends_on_changes_the_key() {
        let (one, other) = (DocumentId::new(), DocumentId::new());
        let day = jiff::civil::date(2024, 5, 1);
        let within = |ids: &[DocumentId]| Filters { document_ids: Some(ids.to_vec()), ..Filters::default() };
        let filters = [
            Filters::default(),
            Filters { standard: Some(Standard::Api), ..Filters::default() },
            Filters { date_from: Some(day), ..Filters::default() },
            within(&[]),
            within(&[one]),
            within(&[one, other]),
        ];
        let rests = [vec!["a", "b"], vec!["ab", ""], vec!["a"], vec!["a", "c"], vec!["b", "a"]];
        let mut keys = Vec::new();
        for filters in &filters {
            for rest in &rests {
                keys.push(Key::new("q", filters, rest));
            }
        }
        let count = keys.len();
        keys.sort_unstable_by_key(|key| key.0);
        keys.dedup();
        assert_eq!(keys.len(), count);
        let of = |filters: &Filters| Key::new("q", filters, &[]);
        assert_eq!(of(&within(&[one, other])), of(&within(&[other, one, other])), "it is a set");
    }

    #[test]
    fn what_a_bad_day_made_is_not_kept() {
        assert!(is_keepable(&answer()));
        assert!(is_keepable(&Answer { refused: true, ..answer() }), "a model's refusal was paid for too");
        let extractive = Model { provider: Answer::EXTRACTIVE.to_owned(), ..answer().model };
        for bad in [
            Answer { interrupted: true, ..answer() },
            Answer { cached: true, ..answer() },
            Answer { degraded: vec!["vector_search".to_owned()], ..answer() },
            Answer { model: extractive, ..answer() },
        ] {
            assert!(!is_keepable(&bad), "{bad:?}");
        }
    }

    #[test]
    fn given_again_it_is_another_message_that_cost_nothing() {
        let written_at: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let kept = Kept { corpus_version: 7, written_at, answer: answer() };
        let at = |minutes: i64| kept.left(written_at + jiff::SignedDuration::from_mins(minutes));
        assert_eq!([0, 59, 60, 90, -1].map(|minutes| at(minutes).as_secs()), [3_600, 60, 0, 0, 3_600]);
        let (id, conversation) = (MessageId::new(), ConversationId::new());
        let again = kept.clone().again(id, conversation);
        assert_eq!((again.id, again.conversation_id, again.cached), (id, conversation, true));
        assert_eq!((again.usage, &again.model), (Usage::default(), &kept.answer.model));
    }
}
