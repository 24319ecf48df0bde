//! An answer as server-sent events, each sent as soon as it is certain.

use std::{convert::Infallible, future::ready, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{self, KeepAlive, Sse},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::json;
use shared::domain::{
    answer::Answer,
    ids::{ConversationId, MessageId},
    verify,
};
use tracing::Instrument;
use utoipa::ToSchema;

use crate::outlet::Outlet;

/// How often a comment keeps proxies awake while nothing else comes.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One of the server-sent events that an answer comes as.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Event {
    /// Which of them.
    event: EventName,
    /// JSON: of `start` the ids, of `token` a `text`, of `citation` a `Citation`, of `usage` a `Usage`, of `done` the whole
    /// `Answer`, of `error` a problem.
    #[schema(content_media_type = "application/json")]
    data: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "for the OpenAPI document")]
enum EventName {
    Start,
    Token,
    Citation,
    Usage,
    Done,
    Error,
}

/// The language of the events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// `start`, `token`, `citation`, `usage`, `done`, `error`.
    Footnote,
}

/// Whether the answer is followed, and in which language: as the request's body says, else as its Accept header.
pub fn protocol(headers: &HeaderMap, stream: Option<bool>) -> Option<Protocol> {
    let accepts_events = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    stream.unwrap_or(accepts_events).then_some(Protocol::Footnote)
}

/// Begins the answer and sends what the work tells, then what it answers. The work goes on beside the response, so that it
/// learns of a reader who goes away, and can still record what was written until then.
pub fn respond<F>(
    protocol: Protocol,
    message: MessageId,
    conversation: ConversationId,
    work: impl FnOnce(Outlet) -> F,
) -> Response
where
    F: Future<Output = Answer> + Send + 'static,
{
    let Protocol::Footnote = protocol;
    let (outlet, told) = Outlet::followed();
    let work = tokio::spawn(work(outlet).in_current_span());
    let start = event("start", &json!({ "id": message, "conversation_id": conversation }));
    let told = stream::unfold(told, async |mut told| told.recv().await.map(|event| (event, told)));
    let told = told.map(|told| match told {
        verify::Event::Text(text) => event("token", &json!({ "text": text })),
        verify::Event::Citation(citation) => event("citation", &citation),
    });
    let end = stream::once(work).flat_map(|answer| stream::iter(end(answer.ok())));
    let events = stream::once(ready(start)).chain(told).chain(end).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// What is said at the end: the whole answer, or why there is none.
fn end(answer: Option<Answer>) -> Vec<sse::Event> {
    match answer {
        Some(answer) if !answer.interrupted => vec![event("usage", &answer.usage), event("done", &answer)],
        Some(_) => vec![error(
            "interrupted",
            "The model broke off. What came so far is not the whole answer; ask again.",
        )],
        None => vec![error("internal", "Something went wrong on our side. Try again.")],
    }
}

fn error(code: &str, detail: &str) -> sse::Event {
    event("error", &json!({ "code": code, "detail": detail }))
}

fn event(name: &str, data: &impl Serialize) -> sse::Event {
    // Nothing that is sent has a key that is no text, which is all that could fail.
    sse::Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
