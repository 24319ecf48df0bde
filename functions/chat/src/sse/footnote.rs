//! Our own events: `start`, `token`, `citation`, `usage`, `done`, `error`.

use axum::response::sse;
use serde::Serialize;
use serde_json::json;
use shared::domain::{answer::Answer, citation::Citation};
use utoipa::ToSchema;

use super::{Ids, Language, json};

/// One of the server-sent events that an answer comes as.
#[derive(ToSchema)]
#[schema(as = Event)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Described {
    /// Which of them.
    event: EventName,
    /// JSON: of `start` the ids, of `token` a `text`, of `citation` a `Citation`, of `usage` a `Usage`, of `done` the whole
    /// `Answer`, of `error` a `Problem`. The AI SDK's UI message stream has no names; its parts are that SDK's.
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

pub struct Footnote;

impl Language for Footnote {
    fn start(&mut self, ids: &Ids) -> Vec<sse::Event> {
        vec![event("start", &json!({ "id": ids.message, "conversation_id": ids.conversation }))]
    }

    fn text(&mut self, text: &str) -> Vec<sse::Event> {
        vec![event("token", &json!({ "text": text }))]
    }

    fn citation(&mut self, citation: &Citation) -> Vec<sse::Event> {
        vec![event("citation", citation)]
    }

    fn done(&mut self, answer: &Answer) -> Vec<sse::Event> {
        vec![event("usage", &answer.usage), event("done", answer)]
    }

    fn failed(&mut self, problem: String, answer: Option<&Answer>) -> Vec<sse::Event> {
        let usage = answer.map(|answer| event("usage", &answer.usage));
        usage.into_iter().chain([sse::Event::default().event("error").data(problem)]).collect()
    }
}

fn event(name: &str, data: &impl Serialize) -> sse::Event {
    sse::Event::default().event(name).data(json(data))
}
