//! What is kept of a question and its answer.

use shared::{
    db::conversations,
    domain::{answer::Answer, caller::Caller, hash::sha256},
};

use crate::{Chat, ask::Asked, find::before};

/// Records the question. An answer that was paid for is sent even if this fails or takes too long.
pub async fn record(
    chat: &Chat,
    caller: &Caller,
    asked: &Asked,
    passages: usize,
    rejected: u32,
    answer: &mut Answer,
) {
    let question = asked.question.as_str();
    let log = conversations::Log {
        question_hash: sha256(question.as_bytes()),
        passages,
        rejected,
        attempts: asked.attempts.booked(),
        limits: chat.settings.limits,
    };
    let recorded = async {
        let tenant = chat.db.each(caller.into()).await?;
        conversations::record(&tenant, caller, question, answer, &log).await
    };
    if let Err(error) = before(asked.deadline(), Box::pin(recorded)).await {
        let error = anyhow::Error::new(error);
        tracing::warn!(error = format!("{error:#}"), "the question could not be recorded");
        answer.degraded.push("history".to_owned());
    }
}
