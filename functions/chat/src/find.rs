//! What the answer will rest on: the conversation so far, and the passages that search finds.

use std::time::Instant;

use shared::{
    Error, Result,
    db::{conversations, search},
    domain::{
        analysis,
        caller::Caller,
        ids::ConversationId,
        passage::Passage,
        passages::{Rules, select},
        prompt::{Role, Turn},
        question::Question,
        refusal::strong,
    },
};
use tracing::{Instrument, field::Empty, info_span};

use crate::{
    Chat,
    ask::{Asked, elapsed_ms},
};

/// The part of a request's time that the question's vector may take before full-text search goes alone.
const VECTOR_SHARE: f64 = 0.2;

/// What the answer will rest on.
pub struct Found {
    /// The passages worth answering from; none: refuse.
    pub passages: Vec<Passage>,
    /// The conversation so far, oldest turn first.
    pub turns: Vec<Turn>,
    /// What was down.
    pub degraded: Vec<String>,
    /// How long it took.
    pub search_ms: u32,
}

/// Looks for what answers the question. Nothing has been spent yet, so that every fault is the caller's to know.
pub async fn find(chat: &Chat, caller: &Caller, asked: &Asked) -> Result<Found> {
    let (question, deadline) = (&asked.question, asked.record_from());
    // Neither the vector nor the conversation needs the other.
    let (vector, turns) = tokio::join!(
        vector(chat, question, asked.part(VECTOR_SHARE)),
        before(deadline, Box::pin(history(chat, caller, asked.continues.then_some(asked.conversation))))
    );
    let turns = turns?;
    let query = search::Query {
        asked: &analysis::asked(question.as_str()),
        vector: vector.as_deref().map(|numbers| search::Vector { numbers, model: chat.embeddings.name() }),
        filters: &asked.filters,
        limit: asked.top_k,
        fusion: chat.settings.fusion,
    };
    let found = before(deadline, Box::pin(search(chat, caller, &query))).await?;
    let is_partial = vector.is_none() || found.is_partial;
    let rules = Rules { tokens_max: chat.settings.prompt_tokens, per_document_max: None };
    Ok(Found {
        passages: select(strong(found.passages, chat.settings.threshold), &rules),
        turns,
        degraded: is_partial.then(|| "vector_search".to_owned()).into_iter().collect(),
        search_ms: elapsed_ms(asked.started),
    })
}

/// What the database says by `deadline`; nobody waits for it any longer.
pub async fn before<T>(deadline: Instant, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let outcome = tokio::time::timeout_at(deadline.into(), asked).await;
    outcome.unwrap_or_else(|elapsed| Err(Error::unavailable("timeout", elapsed)))
}

/// The question's vector; none where vector search is switched off or the embedder is down.
async fn vector(chat: &Chat, question: &Question, deadline: Instant) -> Option<Vec<f32>> {
    if chat.settings.vector_search_disabled {
        return None;
    }
    match chat.embeddings.question(question.as_str(), deadline).await {
        Ok(vector) => Some(vector),
        Err(failure) => {
            tracing::warn!(reason = failure.reason, "the embedder is down: full-text search goes alone");
            None
        }
    }
}

/// The conversation so far, as the model sees it. Another person's conversation is one that does not exist.
async fn history(chat: &Chat, caller: &Caller, id: Option<ConversationId>) -> Result<Vec<Turn>> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let tenant = chat.db.each(caller.into()).await?;
    let turns = conversations::turns(&tenant, id, chat.settings.history_turns.max(1)).await?;
    let turns = turns.ok_or(Error::NotFound("conversation"))?;
    let skipped =
        turns.len().saturating_sub(usize::try_from(chat.settings.history_turns).unwrap_or_default());
    let turns = turns.into_iter().skip(skipped).flat_map(|turn| {
        [
            Turn { role: Role::User, text: turn.question },
            Turn { role: Role::Assistant, text: turn.answer.answer },
        ]
    });
    Ok(turns.collect())
}

async fn search(chat: &Chat, caller: &Caller, query: &search::Query<'_>) -> Result<search::Found> {
    let span = info_span!("hybrid_search", results.count = Empty);
    async {
        let tenant = chat.db.each(caller.into()).await?;
        let found = search::passages(&tenant, query).await?;
        tracing::Span::current().record("results.count", found.passages.len());
        if found.is_partial {
            tracing::warn!(
                model = chat.embeddings.name(),
                "some documents have vectors of another model: until they are indexed anew, only their words are searched"
            );
        }
        Ok(found)
    }
    .instrument(span)
    .await
}
