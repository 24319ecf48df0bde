//! An answer as server-sent events. Every citation was checked before the first event leaves.

use std::fmt::Write;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Value, json};
use shared::{Result, domain::answer::Answer};
use utoipa::ToSchema;

/// One of the server-sent events that an answer comes as.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Event {
    /// Which of them.
    event: EventName,
    /// JSON: of `start` the ids, of `token` a `text`, of `citation` a `Citation`, of `usage` a `Usage`, of `done` the whole
    /// `Answer`.
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
}

/// `start`, `token`, `citation`, `usage`, `done`.
pub fn events(answer: &Answer) -> Result<Response> {
    let whole = serde_json::to_value(answer).map_err(anyhow::Error::from)?;
    let mut text = String::new();
    push(&mut text, "start", &json!({ "id": answer.id, "conversation_id": answer.conversation_id }));
    push(&mut text, "token", &json!({ "text": answer.answer }));
    for citation in whole.get("citations").and_then(Value::as_array).into_iter().flatten() {
        push(&mut text, "citation", citation);
    }
    push(&mut text, "usage", whole.get("usage").unwrap_or(&Value::Null));
    push(&mut text, "done", &whole);
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    Ok((kind, text).into_response())
}

fn push(text: &mut String, event: &str, data: &Value) {
    // Writing to a text cannot fail.
    write!(text, "event: {event}\ndata: {data}\n\n").ok();
}
