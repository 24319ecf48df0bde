//! One question, from the request to the answer.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde::Deserialize;
use shared::{
    Error, Result,
    domain::{
        answer::{Answer, Timings},
        caller::Caller,
        described,
        ids::{ConversationId, MessageId},
        question::{Filters, Question, Standard},
    },
    http::{Authenticated, Body, Deadline, Request, openapi::IdempotencyKey, schema},
    llm::Attempts,
};
use tracing::{Instrument, info_span};
use utoipa::ToSchema;
use zod_rs::{array, boolean, object};

use crate::{
    Chat, again,
    asked::{Asked, elapsed_ms},
    budget,
    find::{Found, find},
    outlet::Outlet,
    record::{record, record_calls},
    sse,
    write::{plan, write},
};

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

impl AskRequest {
    /// The question, if it is one.
    fn understood(self, chat: &Chat, Deadline(deadline): Deadline) -> Result<Asked> {
        let question = Question::parse(&self.message, chat.settings.strict_query)
            .map_err(|(code, message)| Error::invalid("message", code, message))?;
        let started = Instant::now();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(started));
        Ok(Asked {
            message: MessageId::new(),
            conversation: self.conversation_id.unwrap_or_default(),
            continues: self.conversation_id.is_some(),
            question,
            filters: self.filters.unwrap_or_default(),
            top_k: self.top_k.unwrap_or(chat.settings.top_k),
            attempts: if chat.settings.limits.is_some() { Attempts::capped() } else { Attempts::default() },
            started,
            timeout: chat.settings.request_timeout.min(left.unwrap_or(Duration::MAX)),
        })
    }
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
    deadline: Deadline,
    headers: HeaderMap,
    Body(StrictAskRequest(request)): Body<StrictAskRequest>,
) -> Result<Response> {
    ask(chat, caller, deadline, headers, Body(request)).await
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
            description = "The answer: whole, or as server-sent events `start`, `token`, `citation`, `usage` and `done` (or `error`); or as \
                           the AI SDK's UI message stream.",
            content((Answer = "application/json"), (sse::Described = "text/event-stream"))
        ),
        (status = 400),
        (status = 402),
        (status = 404),
        (status = 413),
        (status = 415),
    )
)]
pub async fn ask(
    State(chat): State<Chat>,
    Authenticated(caller): Authenticated,
    deadline: Deadline,
    headers: HeaderMap,
    Body(request): Body<AskRequest>,
) -> Result<Response> {
    let span = info_span!("handle_query");
    let protocol = sse::protocol(&headers, request.stream);
    let asked = request.understood(&chat, deadline)?;
    let found = match Box::pin(find(&chat, &caller, &asked)).instrument(span.clone()).await {
        Ok(found) => found,
        Err(error) => {
            record_calls(&chat, &caller, &asked).await;
            return Err(error);
        }
    };
    let Some(protocol) = protocol else {
        // What is paid for is booked, whether the caller still waits for it or not.
        let work = async move { answer(&chat, &caller, &asked, found, &Outlet::closed()).await };
        let answer = tokio::spawn(work.instrument(span)).await.context("the answer panicked")??;
        return Ok(Body(answer).into_response());
    };
    let ids = sse::Ids {
        message: asked.message,
        conversation: asked.conversation,
        request: caller.request.unwrap_or_default(),
    };
    let deadline = asked.record_from();
    let work =
        |outlet: Outlet| async move { answer(&chat, &caller, &asked, found, &outlet).await }.instrument(span);
    sse::respond(protocol, ids, deadline, work).await
}

/// The answer to what was found, told to the outlet while it is written, and recorded.
async fn answer(
    chat: &Chat,
    caller: &Caller,
    asked: &Asked,
    found: Found,
    outlet: &Outlet,
) -> Result<Answer> {
    let found = match found {
        Found::Sources(sources) => *sources,
        Found::Kept(again) => return Ok(again::repeat(chat, caller, asked, *again, outlet).await),
    };
    let plan = plan(chat, asked, &found);
    if let Some(plan) = &plan
        && let Err(error) =
            Box::pin(budget::reserve(chat, caller, asked, &chat.models.offers(&plan.prompt))).await
    {
        record_calls(chat, caller, asked).await;
        return Err(error);
    }
    let mut degraded = found.degraded;
    let began = Instant::now();
    let sources = (found.question.as_str(), found.passages.as_slice());
    let draft = write(chat, asked, sources, plan, outlet, &mut degraded).await;
    if asked.attempts.was_short() {
        degraded.push("budget".to_owned());
    }
    let mut answer = Answer {
        id: asked.message,
        conversation_id: asked.conversation,
        refused: draft.refused,
        answer: draft.text,
        citations: draft.citations,
        unsupported: draft.unsupported,
        interrupted: draft.interrupted,
        degraded,
        cached: false,
        model: draft.model,
        usage: asked.attempts.usage(),
        timings_ms: Timings {
            search: found.search_ms,
            model: elapsed_ms(began),
            total: elapsed_ms(asked.started),
        },
    };
    let rejected = draft.counts.stitched + draft.counts.not_found;
    let worth_keeping = again::worth_keeping(found.work.as_ref(), &answer);
    tokio::join!(
        record(chat, caller, asked, found.passages.len(), rejected, &mut answer),
        again::keep(chat, caller, asked, found.work, worth_keeping)
    );
    tracing::info!(
        event = "chat_request",
        passages = found.passages.len(),
        citations = answer.citations.len(),
        citations.rejected = rejected,
        refused = answer.refused,
        interrupted = answer.interrupted,
        provider = answer.model.provider,
        duration_ms = answer.timings_ms.total,
        "answered a question"
    );
    Ok(answer)
}
