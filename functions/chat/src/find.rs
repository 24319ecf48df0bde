//! What the answer will rest on: an answer that is there already, or the conversation so far and the passages that search
//! finds.

use futures_util::{FutureExt, TryFutureExt, future::try_join};
use shared::{
    Error, Result,
    db::{conversations, search},
    domain::{
        analysis,
        caller::Caller,
        history::recent,
        ids::ConversationId,
        passage::Passage,
        passages::{Rules, select},
        prompt::Turn,
        refusal::strong,
    },
};
use tracing::{Instrument, field::Empty, info_span};

use crate::{
    Chat,
    again::{self, Again, Instead, Work},
    asked::{Asked, before, elapsed_ms},
    budget,
    follow_up::stand_alone,
};

/// The part of a request's time that the question's vector may take before full-text search goes alone.
const VECTOR_SHARE: f64 = 0.2;

/// What the answer will rest on.
pub enum Found {
    /// It was given before.
    Kept(Box<Again>),
    /// The documents.
    Sources(Box<Sources>),
}

/// What a new answer will rest on.
pub struct Sources {
    /// The passages worth answering from; none: refuse.
    pub passages: Vec<Passage>,
    /// What was searched for: the question, made to stand alone.
    pub question: String,
    /// The conversation so far, oldest turn first.
    pub turns: Vec<Turn>,
    /// What was down.
    pub degraded: Vec<String>,
    /// How long it took.
    pub search_ms: u32,
    /// The right to keep the answer, which others may be waiting for.
    pub work: Option<Work>,
}

/// Looks for what answers the question. Nothing has been spent on an answer yet, so that every fault is the caller's to know.
pub async fn find(chat: &Chat, caller: &Caller, asked: &Asked) -> Result<Found> {
    match Box::pin(sources(chat, caller, asked)).await {
        Ok(sources) => Ok(Found::Sources(Box::new(sources))),
        Err(Instead::Kept(again)) => Ok(Found::Kept(again)),
        Err(Instead::Fault(error)) => Err(error),
    }
}

async fn sources(chat: &Chat, caller: &Caller, asked: &Asked) -> Result<Sources, Instead> {
    let deadline = asked.record_from();
    let history = history(chat, caller, asked.continues.then_some(asked.conversation));
    let turns = before(deadline, Box::pin(history)).await?;
    let question = stand_alone(chat, caller, asked, &turns).await;
    let mut work = again::enter(chat, caller, asked).await?;
    // Neither the vector nor the claim needs the other; nor do search and Redis. What is there already ends both.
    let vector = Box::pin(vector(chat, caller, asked, &question)).map(Ok);
    let ((), vector) = try_join(again::claim(chat, caller, asked, work.as_mut()), vector).await?;
    let query = search::Query {
        asked: &analysis::asked(&question),
        vector: vector.as_deref().map(|numbers| search::Vector { numbers, model: chat.embeddings.name() }),
        filters: &asked.filters,
        limit: asked.top_k,
        fusion: chat.settings.fusion,
    };
    let search = before(deadline, Box::pin(search(chat, caller, &query))).map_err(Instead::from);
    let ((), found) = try_join(again::look_up(chat, caller, asked, work.as_mut()), search).await?;
    let is_partial = vector.is_none() || found.is_partial;
    let rules = Rules { tokens_max: chat.settings.prompt_tokens, per_document_max: None };
    Ok(Sources {
        passages: select(strong(found.passages, chat.settings.threshold), &rules),
        question,
        turns,
        degraded: is_partial.then(|| "vector_search".to_owned()).into_iter().collect(),
        search_ms: elapsed_ms(asked.started),
        work,
    })
}

/// The question's vector; none where vector search is switched off, the embedder is down, or no cap leaves room for it.
async fn vector(chat: &Chat, caller: &Caller, asked: &Asked, question: &str) -> Option<Vec<f32>> {
    if chat.settings.vector_search_disabled {
        return None;
    }
    if let Some(known) = chat.embeddings.known(question).await {
        return Some(known);
    }
    let deadline = asked.part_from_now(VECTOR_SHARE);
    let cost_max_usd = chat.embeddings.cost_max_usd(question);
    if cost_max_usd > 0.0
        && let Err(error) = budget::reserve(chat, caller, asked, &[cost_max_usd]).await
    {
        // The answer's own reservation, if there is anything to answer from, says which cap it is.
        if matches!(error, Error::BudgetExhausted(_)) {
            asked.attempts.fell_short();
        }
        return None;
    }
    match chat.embeddings.question(question, deadline, &asked.attempts).await {
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
    let (turns_max, tokens_max) = (chat.settings.history_turns, chat.settings.history_tokens);
    let tenant = chat.db.each(caller.into()).await?;
    let turns = conversations::turns(&tenant, id, turns_max.into()).await?;
    let turns = turns.ok_or(Error::NotFound("conversation"))?;
    Ok(recent(turns, usize::try_from(turns_max).unwrap_or_default(), tokens_max))
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
