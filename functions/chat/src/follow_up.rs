//! A question that follows up on another, made to stand alone before anything is searched for.

use shared::domain::{
    answer::Usage,
    follow_up::{may_follow_up, prompt, rewritten, standing_alone},
    prompt::{Role, Turn},
};
use tracing::{Instrument, info_span};

use crate::{Chat, ask::Asked, write::nonce};

/// The part of a request's time that rewriting a question may take.
const REWRITE_SHARE: f64 = 0.12;

/// What to search for, and what finding that out cost.
pub struct Searched {
    /// A question that needs no other.
    pub question: String,
    /// Tokens and money of the model that wrote it.
    pub spent: Usage,
}

/// The question as search needs it: by a cheap model where there is one and the question may need it, else by a rule.
pub async fn stand_alone(chat: &Chat, asked: &Asked, history: &[Turn]) -> Searched {
    let question = asked.question.as_str();
    let questions = history.iter().filter(|turn| turn.role == Role::User);
    let earlier: Vec<&str> = questions.map(|turn| turn.text.as_str()).collect();
    let by_rule = || standing_alone(question, &earlier).into_owned();
    if history.is_empty() || !chat.models.has_cheap() || !may_follow_up(question) {
        return Searched { question: by_rule(), spent: Usage::default() };
    }
    let deadline = asked.part_from_now(REWRITE_SHARE);
    let (prompt, span) = (prompt(question, history, &nonce()), info_span!("rewrite_question"));
    // No question is simpler than this one: the cheap models come first.
    let answered = chat.models.answer(&prompt, 0.0, deadline).instrument(span).await;
    let Some(answered) = answered else {
        return Searched { question: by_rule(), spent: Usage::default() };
    };
    let question = rewritten(&answered.text).map_or_else(by_rule, str::to_owned);
    Searched { question, spent: answered.usage }
}
