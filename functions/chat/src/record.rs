//! What is kept of a question and its answer.

use shared::{
    db::{calls, conversations},
    domain::{answer::Answer, caller::Caller, hash::sha256},
};

use crate::{
    Chat,
    asked::{Asked, before},
};

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
        spending: spending(chat, asked),
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

/// Books the calls of a question that gets no answer, as one whose rewriting was paid for before something else failed.
pub async fn record_calls(chat: &Chat, caller: &Caller, asked: &Asked) {
    let spending = spending(chat, asked);
    if spending.attempts.is_empty() && spending.limits.is_none() {
        return;
    }
    let recorded = async {
        let tenant = chat.db.each(caller.into()).await?;
        calls::record(&tenant, asked.message, &spending).await
    };
    if let Err(error) = before(asked.deadline(), Box::pin(recorded)).await {
        let error = anyhow::Error::new(error);
        tracing::warn!(error = format!("{error:#}"), "what was spent could not be recorded");
    }
}

/// What the question has spent by now, and the caps under which it was reserved, if it was.
fn spending(chat: &Chat, asked: &Asked) -> calls::Spending {
    let limits = chat.settings.limits.filter(|_| asked.attempts.has_reserved());
    calls::Spending { attempts: asked.attempts.booked(), limits }
}
