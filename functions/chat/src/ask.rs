//! One question, from the request to the answer.

use std::{sync::LazyLock, time::Instant};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use shared::{
    Error, Result,
    db::{conversations, search},
    domain::{
        analysis,
        answer::{Answer, Model, Timings, Usage},
        caller::Caller,
        citation::Citation,
        complexity::complexity,
        described,
        extract::extract,
        hash::sha256,
        ids::{ConversationId, MessageId},
        passage::Passage,
        passages::{Rules, select},
        prompt::{PromptInput, Role, Turn, prompt},
        question::{Filters, Question, Standard},
        refusal::{REFUSAL, strong},
        verify::{Counts, Verified, verify},
    },
    http::{Authenticated, Body, Request, openapi::IdempotencyKey, schema},
    llm::Ending,
};
use tracing::{Instrument, field::Empty, info_span};
use utoipa::ToSchema;
use zod_rs::{array, boolean, object};

use crate::{Chat, sse};

/// The part of a request's time that the question's vector may take before full-text search goes alone.
const VECTOR_SHARE: f64 = 0.2;
/// The part that is kept for checking and recording the answer, after database and model.
const RECORD_SHARE: f64 = 0.12;

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// The question.
    #[schema(value_type = described::Message)]
    message: String,
    /// The conversation that it goes on with; none: a new one begins.
    conversation_id: Option<ConversationId>,
    /// What the search is limited to.
    filters: Option<Filters>,
    /// How many passages the answer may rest on; none: the operator's choice.
    #[schema(minimum = 1, maximum = 50)]
    top_k: Option<u32>,
    /// Whether the answer comes as server-sent events; none: as the Accept header says.
    stream: Option<bool>,
}

impl Request for AskRequest {
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("query", "message"), ("session_id", "conversation_id")];

    fn schema() -> &'static schema::Schema {
        static SCHEMA: LazyLock<schema::Schema> = LazyLock::new(|| rules(false));
        &SCHEMA
    }
}

/// The same under `STRICT_QUERY=true`.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct StrictAskRequest(AskRequest);

impl Request for StrictAskRequest {
    const ALIASES: &'static [(&'static str, &'static str)] = AskRequest::ALIASES;

    fn schema() -> &'static schema::Schema {
        static SCHEMA: LazyLock<schema::Schema> = LazyLock::new(|| rules(true));
        &SCHEMA
    }
}

fn rules(strict_query: bool) -> schema::Schema {
    let filters = object()
        .optional_field("standard", schema::one_of(&Standard::NAMES))
        .optional_field("date_from", schema::date())
        .optional_field("dateFrom", schema::date())
        .optional_field("document_ids", array(schema::uuid()).max(100))
        .strict();
    object()
        .field("message", schema::text(move |text| Question::parse(text, strict_query).map(drop)))
        .optional_field("conversation_id", schema::uuid())
        .optional_field("filters", filters)
        .optional_field("top_k", schema::integer(1, 50))
        .optional_field("stream", boolean())
        .strict()
}

pub async fn ask_strictly(
    chat: State<Chat>,
    caller: Authenticated,
    headers: HeaderMap,
    Body(StrictAskRequest(request)): Body<StrictAskRequest>,
) -> Result<Response> {
    ask(chat, caller, headers, Body(request)).await
}

/// Answers a question from the documents, each claim cited.
#[utoipa::path(
    post,
    path = "/v1/chat",
    operation_id = "ask",
    tag = "chat",
    params(IdempotencyKey),
    request_body = AskRequest,
    responses(
        (
            status = 200,
            description = "The answer: whole, or as server-sent events `start`, `token`, `citation`, `usage` and `done`.",
            content((Answer = "application/json"), (sse::Event = "text/event-stream"))
        ),
        (status = 400),
        (status = 404),
        (status = 413),
        (status = 415),
    )
)]
pub async fn ask(
    State(chat): State<Chat>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    Body(request): Body<AskRequest>,
) -> Result<Response> {
    let accepts_events = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    let streams = request.stream.unwrap_or(accepts_events);
    let span = info_span!("handle_query");
    let answer = Box::pin(answer(&chat, &caller, request)).instrument(span).await?;
    Ok(if streams { sse::events(&answer)? } else { Body(answer).into_response() })
}

async fn answer(chat: &Chat, caller: &Caller, request: AskRequest) -> Result<Answer> {
    let started = Instant::now();
    let timeout = chat.settings.request_timeout;
    let (deadline, record_from) = (started + timeout, started + timeout.mul_f64(1.0 - RECORD_SHARE));
    let question = Question::parse(&request.message, chat.settings.strict_query)
        .map_err(|(code, message)| Error::invalid("message", code, message))?;
    let filters = request.filters.unwrap_or_default();
    let mut degraded = Vec::new();

    // Neither the vector nor the conversation needs the other.
    let (vector, turns) = tokio::join!(
        vector(chat, &question, started + timeout.mul_f64(VECTOR_SHARE)),
        before(record_from, Box::pin(history(chat, caller, request.conversation_id)))
    );
    let turns = turns?;
    let query = search::Query {
        asked: &analysis::asked(question.as_str()),
        vector: vector.as_deref().map(|numbers| search::Vector { numbers, model: chat.embeddings.name() }),
        filters: &filters,
        limit: request.top_k.unwrap_or(chat.settings.top_k),
        fusion: chat.settings.fusion,
    };
    let found = before(record_from, Box::pin(find(chat, caller, &query))).await?;
    if vector.is_none() || found.is_partial {
        degraded.push("vector_search".to_owned());
    }
    let rules = Rules { tokens_max: chat.settings.prompt_tokens, per_document_max: None };
    let passages = select(strong(found.passages, chat.settings.threshold), &rules);
    let search_ms = elapsed_ms(started);

    let asked = Instant::now();
    let draft = draft(chat, &question, &passages, turns, record_from, &mut degraded).await;
    let model_ms = elapsed_ms(asked);
    let mut answer = Answer {
        id: MessageId::new(),
        conversation_id: request.conversation_id.unwrap_or_default(),
        refused: draft.citations.is_empty() && draft.text == REFUSAL,
        answer: draft.text,
        citations: draft.citations,
        unsupported: draft.unsupported,
        degraded,
        cached: false,
        model: draft.model,
        usage: draft.usage,
        timings_ms: Timings { search: search_ms, model: model_ms, total: elapsed_ms(started) },
    };
    let log = conversations::Log {
        question_hash: sha256(question.as_str().as_bytes()),
        passages: passages.len(),
        rejected: draft.counts.stitched + draft.counts.not_found,
    };
    record(chat, caller, &question, &mut answer, &log, deadline).await;
    tracing::info!(
        event = "chat_request",
        passages = passages.len(),
        citations = answer.citations.len(),
        citations.rejected = log.rejected,
        refused = answer.refused,
        provider = answer.model.provider,
        duration_ms = answer.timings_ms.total,
        "answered a question"
    );
    Ok(answer)
}

/// What the database says by `deadline`; nobody waits for it any longer.
async fn before<T>(deadline: Instant, asked: impl Future<Output = Result<T>>) -> Result<T> {
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

async fn find(chat: &Chat, caller: &Caller, query: &search::Query<'_>) -> Result<search::Found> {
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

/// What will be the answer, before it has ids.
struct Draft {
    text: String,
    citations: Vec<Citation>,
    unsupported: Vec<[u32; 2]>,
    counts: Counts,
    model: Model,
    usage: Usage,
}

/// An answer by the first model that gives one, else the best sentences of the documents themselves.
async fn draft(
    chat: &Chat,
    question: &Question,
    passages: &[Passage],
    history: Vec<Turn>,
    deadline: Instant,
    degraded: &mut Vec<String>,
) -> Draft {
    let extractive =
        Model { provider: "footnote".to_owned(), name: "extractive".to_owned(), fallback: false };
    if passages.is_empty() {
        return refusal(extractive, Usage::default());
    }
    let nonce = sha256(MessageId::new().to_string().as_bytes());
    let nonce = shared::domain::hash::hex(nonce.get(..8).unwrap_or_default());
    let simplified = chat.settings.simplified;
    let input =
        PromptInput { question: question.as_str(), passages, history: &history, nonce: &nonce, simplified };
    let answered = if chat.models.is_empty() {
        None
    } else {
        let prompt = prompt(&input);
        let complexity = complexity(question.as_str(), !history.is_empty());
        let span = info_span!("llm_generate", complexity);
        chat.models.answer(&prompt, complexity, deadline).instrument(span).await
    };
    if let Some(answered) = answered {
        let verified = info_span!("citation_verify").in_scope(|| verify(&answered.text, passages));
        // Without text it was nothing but markers, links and images.
        if verified.is_refusal || verified.answer.is_empty() {
            return refusal(answered.model, answered.usage);
        }
        if answered.ending == Ending::Length {
            degraded.push("truncated".to_owned());
        }
        return Draft {
            unsupported: unsupported(&verified),
            text: verified.answer,
            citations: verified.citations,
            counts: verified.counts,
            model: answered.model,
            usage: answered.usage,
        };
    }
    if !chat.models.is_empty() {
        degraded.push("model".to_owned());
    }
    let model = Model { fallback: !chat.models.is_empty(), ..extractive };
    match extract(question.as_str(), passages) {
        Some(extract) => {
            Draft { text: extract.answer, citations: extract.citations, ..refusal(model, Usage::default()) }
        }
        None => refusal(model, Usage::default()),
    }
}

/// What of the answer lost its proof in the check; all of it where nothing in it was ever cited.
fn unsupported(verified: &Verified) -> Vec<[u32; 2]> {
    if !verified.citations.is_empty() || !verified.unsupported.is_empty() {
        return verified.unsupported.clone();
    }
    vec![[0, u32::try_from(verified.answer.chars().count()).unwrap_or(u32::MAX)]]
}

fn refusal(model: Model, usage: Usage) -> Draft {
    Draft {
        text: REFUSAL.to_owned(),
        citations: Vec::new(),
        unsupported: Vec::new(),
        counts: Counts::default(),
        model,
        usage,
    }
}

/// Records the question. An answer that was paid for is sent even if this fails or takes too long.
async fn record(
    chat: &Chat,
    caller: &Caller,
    question: &Question,
    answer: &mut Answer,
    log: &conversations::Log,
    deadline: Instant,
) {
    let recorded = async {
        let tenant = chat.db.each(caller.into()).await?;
        conversations::record(&tenant, caller, question.as_str(), answer, log).await
    };
    if let Err(error) = before(deadline, Box::pin(recorded)).await {
        let error = anyhow::Error::new(error);
        tracing::warn!(error = format!("{error:#}"), "the question could not be recorded");
        answer.degraded.push("history".to_owned());
    }
}

fn elapsed_ms(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
