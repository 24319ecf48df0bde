//! The AI SDK's UI message stream, version 1, as its packages from version 5 on read it: one text part, a source part for
//! each document that is cited, a `data-citation` part for each citation, everything else as the message's metadata.

use std::collections::HashSet;

use axum::response::sse::Event;
use serde_json::{Value, json};
use shared::domain::{answer::Answer, citation::Citation, ids::DocumentId};

use super::{Ids, Language, json};

/// The one text part's id.
const TEXT: &str = "answer";

#[derive(Default)]
pub struct UiMessage {
    is_text_open: bool,
    documents: HashSet<DocumentId>,
}

impl Language for UiMessage {
    fn start(&mut self, ids: &Ids) -> Vec<Event> {
        let metadata = json!({ "conversation_id": ids.conversation });
        vec![chunk(&json!({ "type": "start", "messageId": ids.message, "messageMetadata": metadata }))]
    }

    fn text(&mut self, text: &str) -> Vec<Event> {
        let delta = chunk(&json!({ "type": "text-delta", "id": TEXT, "delta": text }));
        if std::mem::replace(&mut self.is_text_open, true) {
            return vec![delta];
        }
        vec![chunk(&json!({ "type": "text-start", "id": TEXT })), delta]
    }

    fn citation(&mut self, citation: &Citation) -> Vec<Event> {
        let part =
            chunk(&json!({ "type": "data-citation", "id": citation.marker.to_string(), "data": citation }));
        if !self.documents.insert(citation.document_id) {
            return vec![part];
        }
        let source = json!({ "type": "source-document", "sourceId": citation.document_id,
            "mediaType": "application/pdf", "title": citation.title });
        vec![chunk(&source), part]
    }

    fn done(&mut self, answer: &Answer) -> Vec<Event> {
        let is_cut = answer.degraded.iter().any(|part| part == "truncated");
        let reason = if is_cut { "length" } else { "stop" };
        let finish = json!({ "type": "finish", "finishReason": reason, "messageMetadata": metadata(answer) });
        self.close_text().into_iter().chain([chunk(&finish), done()]).collect()
    }

    /// The SDK's `onError` gets the same text as from a response that is no stream: the problem's JSON.
    fn failed(&mut self, problem: String, answer: Option<&Answer>) -> Vec<Event> {
        let metadata = answer
            .map(|answer| chunk(&json!({ "type": "message-metadata", "messageMetadata": metadata(answer) })));
        let error = chunk(&json!({ "type": "error", "errorText": problem }));
        self.close_text().into_iter().chain(metadata).chain([error, done()]).collect()
    }
}

impl UiMessage {
    fn close_text(&mut self) -> Option<Event> {
        let is_open = std::mem::take(&mut self.is_text_open);
        is_open.then(|| chunk(&json!({ "type": "text-end", "id": TEXT })))
    }
}

/// The answer without what the parts hold.
fn metadata(answer: &Answer) -> Value {
    let mut answer = json!(answer);
    if let Some(members) = answer.as_object_mut() {
        members.retain(|name, _| !["id", "answer", "citations"].contains(&name.as_str()));
    }
    answer
}

fn chunk(data: &Value) -> Event {
    Event::default().data(json(data))
}

fn done() -> Event {
    Event::default().data("[DONE]")
}
