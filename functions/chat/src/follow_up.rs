//! A question that follows up on another, made to stand alone before anything is searched for.

use shared::domain::{
    caller::Caller,
    follow_up::{may_follow_up, prompt, rewritten, standing_alone},
    prompt::{Role, Turn, nonce},
};
use tracing::{Instrument, info_span};

use crate::{Chat, asked::Asked, budget};

/// The part of a request's time that rewriting a question may take.
const REWRITE_SHARE: f64 = 0.12;

/// The question as search needs it: by a cheap model where there is one, the question may need it and no cap is in the way,
/// else by a rule.
pub async fn stand_alone(chat: &Chat, caller: &Caller, asked: &Asked, history: &[Turn]) -> String {
    let question = asked.question.as_str();
    let questions = history.iter().filter(|turn| turn.role == Role::User);
    let earlier: Vec<&str> = questions.map(|turn| turn.text.as_str()).collect();
    let by_rule = || standing_alone(question, &earlier).into_owned();
    if history.is_empty() || !chat.models.has_cheap() || !may_follow_up(question) {
        return by_rule();
    }
    let deadline = asked.part_from_now(REWRITE_SHARE);
    let (prompt, span) = (prompt(question, history, &nonce()), info_span!("rewrite_question"));
    if Box::pin(budget::reserve(chat, caller, asked, &chat.models.offers(&prompt))).await.is_err() {
        return by_rule();
    }
    // No question is simpler than this one: the cheap models come first.
    let answered = chat.models.answer(&prompt, 0.0, deadline, &asked.attempts).instrument(span).await;
    let rewritten = answered.as_ref().and_then(|answered| rewritten(&answered.text));
    rewritten.map_or_else(by_rule, str::to_owned)
}
