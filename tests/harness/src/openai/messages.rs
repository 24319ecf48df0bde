//! Anthropic's wire format of the same answers: `POST /v1/messages`, streamed.

use serde_json::{Value, json};

use super::answer::{Answer, GARBAGE, Interruption, Step, Text};

/// What Anthropic says of a request, if not a message.
pub(super) fn refusal(head: &axum::http::HeaderMap, body: &Value) -> Option<Answer> {
    let error = |status, kind: &str, message: &str| {
        let body = json!({ "type": "error", "error": { "type": kind, "message": message } });
        Some(Answer::Error { status, headers: Vec::new(), body })
    };
    if !head.contains_key("x-api-key") {
        return error(401, "authentication_error", "x-api-key header is required");
    }
    if head.get("anthropic-version").is_none_or(|version| version != "2023-06-01") {
        return error(400, "invalid_request_error", "anthropic-version: header is required");
    }
    let missing = ["model", "max_tokens", "messages"].into_iter().find(|name| body[*name].is_null());
    if let Some(missing) = missing {
        return error(400, "invalid_request_error", &format!("{missing}: Field required"));
    }
    let roles = body["messages"].as_array().is_some_and(|messages| {
        messages.iter().all(|message| message["role"] == "user" || message["role"] == "assistant")
    });
    if roles { None } else { error(400, "invalid_request_error", "messages: Unexpected role") }
}

/// The events of a message.
pub(super) fn streamed(text: &Text, request: &Value, number: usize) -> Vec<Step> {
    let event = |name: &str, mut data: Value| {
        data["type"] = name.into();
        Step::Send(format!("event: {name}\ndata: {data}\n\n"))
    };
    let (input, output) = text.tokens(request);
    let message = json!({ "id": format!("msg_{number:022}"), "type": "message", "role": "assistant",
        "model": request["model"], "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": 1 } });
    let mut steps = vec![
        event("message_start", json!({ "message": message })),
        event("content_block_start", json!({ "index": 0, "content_block": { "type": "text", "text": "" } })),
        event("ping", json!({})),
    ];
    let head = steps.len();
    let piece = |piece: &String| {
        event("content_block_delta", json!({ "index": 0, "delta": { "type": "text_delta", "text": piece } }))
    };
    steps.extend(text.pieces.iter().map(piece));
    let reason = match text.finish_reason {
        "length" => "max_tokens",
        "content_filter" => "refusal",
        _ => "end_turn",
    };
    steps.extend([
        event("content_block_stop", json!({ "index": 0 })),
        event(
            "message_delta",
            json!({ "delta": { "stop_reason": reason, "stop_sequence": null },
                "usage": { "output_tokens": output } }),
        ),
        event("message_stop", json!({})),
    ]);
    let Some((pieces, interruption)) = text.interruption.clone() else { return steps };
    let rest = steps.split_off(head + pieces.min(text.pieces.len()));
    match interruption {
        Interruption::Cut => steps.push(Step::Cut),
        Interruption::Hang => steps.push(Step::Hang),
        Interruption::Error(_) => steps.push(event(
            "error",
            json!({ "error": { "type": "overloaded_error", "message": "Overloaded" } }),
        )),
        Interruption::Garbage => steps.push(Step::Send(GARBAGE.to_owned())),
        Interruption::Until(until) => steps.extend([Step::Wait(until)].into_iter().chain(rest)),
    }
    steps
}
