//! What the provider can answer, and the wire format of each.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use tokio::sync::Notify;

const CREATED: u64 = 1_773_342_238;
pub(super) const GARBAGE: &str = "data: <html>502 Bad Gateway</html>\n\n";

/// What the provider does with one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A completion: streamed in its pieces if the request asks for a stream, else whole.
    Text(Text),
    /// An embedding per input.
    Vectors(Vec<Vec<f32>>),
    /// Another status than 200.
    Error {
        /// The HTTP status.
        status: u16,
        /// Headers beside the usual ones.
        headers: Vec<(&'static str, String)>,
        /// The body, usually `{"error": {…}}`.
        body: Value,
    },
    /// Not even a status line until the client gives up.
    Hang,
}

/// A completion, and how its delivery goes.
#[derive(Debug, Clone)]
pub struct Text {
    pub(super) pieces: Vec<String>,
    usage: Option<(u64, u64)>,
    pub(super) finish_reason: &'static str,
    pub(super) interruption: Option<(usize, Interruption)>,
}

/// What happens in the middle of an answer.
#[derive(Debug, Clone)]
pub enum Interruption {
    /// The connection is closed without the end of the body.
    Cut,
    /// Nothing more comes until the client gives up.
    Hang,
    /// An error inside the 200: an event of the stream, and then its end.
    Error(Value),
    /// An event that is no JSON, as of a proxy that has something to say, and then the end.
    Garbage,
    /// The answer goes on once the test says so.
    Until(Arc<Notify>),
}

impl Answer {
    /// A completion of `text`, whose pieces are its words.
    pub fn text(text: &str) -> Answer {
        Answer::pieces(&text.split_inclusive(' ').collect::<Vec<_>>())
    }

    /// A completion with chosen pieces.
    pub fn pieces(pieces: &[&str]) -> Answer {
        let pieces = pieces.iter().map(|&piece| piece.to_owned()).collect();
        Answer::Text(Text { pieces, usage: None, finish_reason: "stop", interruption: None })
    }

    /// Lets `interruption` happen after the first `pieces` pieces (of a whole answer: in the middle of its body).
    #[must_use]
    pub fn interrupted(self, pieces: usize, interruption: Interruption) -> Answer {
        self.with(|text| text.interruption = Some((pieces, interruption)))
    }

    /// Reports these tokens instead of a guess.
    #[must_use]
    pub fn usage(self, prompt_tokens: u64, completion_tokens: u64) -> Answer {
        self.with(|text| text.usage = Some((prompt_tokens, completion_tokens)))
    }

    /// Ends with `length` or `content_filter` instead of `stop`.
    #[must_use]
    pub fn finished_by(self, finish_reason: &'static str) -> Answer {
        self.with(|text| text.finish_reason = finish_reason)
    }

    fn with(mut self, change: impl FnOnce(&mut Text)) -> Answer {
        let Answer::Text(text) = &mut self else { panic!("only a completion can be changed so") };
        change(text);
        self
    }

    /// An error in the provider's words.
    pub fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Answer {
        let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
        Answer::Error { status, headers: Vec::new(), body }
    }

    /// 429 that asks for a pause of `retry_after_s`.
    pub fn rate_limited(retry_after_s: u64) -> Answer {
        let message = format!(
            "Rate limit reached for gpt-4o-mini in organization org-test on requests per min (RPM): Limit 500, \
             Used 500, Requested 1. Please try again in {retry_after_s}s."
        );
        let mut answer = Answer::error(429, "requests", Some("rate_limit_exceeded"), &message);
        if let Answer::Error { headers, .. } = &mut answer {
            headers.push(("retry-after", retry_after_s.to_string()));
            headers.push(("retry-after-ms", (retry_after_s * 1000).to_string()));
            headers.push(("x-ratelimit-remaining-requests", "0".into()));
            headers.push(("x-ratelimit-reset-requests", format!("{retry_after_s}s")));
        }
        answer
    }

    /// 429 that no pause helps against.
    pub fn quota_exhausted() -> Answer {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        Answer::error(429, "insufficient_quota", Some("insufficient_quota"), message)
    }

    /// 500.
    pub fn server_error() -> Answer {
        let message = "The server had an error while processing your request. Sorry about that!";
        Answer::error(500, "server_error", None, message)
    }

    /// 401, as for a revoked key.
    pub fn unauthorized() -> Answer {
        let message = "Incorrect API key provided: sk-test. You can find your API key at \
                       https://platform.openai.com/account/api-keys.";
        Answer::error(401, "invalid_request_error", Some("invalid_api_key"), message)
    }

    pub(super) fn invalid(message: &str) -> Answer {
        Answer::error(400, "invalid_request_error", None, message)
    }
}

/// What an answer's body does next.
pub(super) enum Step {
    Send(String),
    Wait(Arc<Notify>),
    Hang,
    Cut,
}

impl Text {
    pub(super) fn whole(&self, request: &Value, number: usize) -> Vec<Step> {
        let message = json!({ "role": "assistant", "content": self.pieces.concat(), "refusal": null, "annotations": [] });
        let choice =
            json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason });
        let mut body = envelope(request, number, "chat.completion", json!([choice]));
        body["usage"] = self.used(request);
        let body = body.to_string();
        let half = || Step::Send(body.chars().take(body.len() / 2).collect());
        match self.interruption.clone().map(|(_, interruption)| interruption) {
            None => vec![Step::Send(body)],
            Some(Interruption::Cut) => vec![half(), Step::Cut],
            Some(Interruption::Hang) => vec![half(), Step::Hang],
            Some(Interruption::Error(error)) => vec![Step::Send(error.to_string())],
            Some(Interruption::Garbage) => vec![Step::Send(GARBAGE.to_owned())],
            Some(Interruption::Until(until)) => vec![Step::Wait(until), Step::Send(body)],
        }
    }

    pub(super) fn streamed(&self, request: &Value, number: usize) -> Vec<Step> {
        let with_usage = request["stream_options"]["include_usage"] == true;
        let chunk = |choices: Value, usage: Value| {
            let mut chunk = envelope(request, number, "chat.completion.chunk", choices);
            if with_usage {
                chunk["usage"] = usage;
            }
            Step::Send(format!("data: {chunk}\n\n"))
        };
        let choice = |delta: Value, finish_reason: Option<&str>| {
            let choice =
                json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
            chunk(json!([choice]), Value::Null)
        };
        let mut steps = vec![choice(json!({ "role": "assistant", "content": "", "refusal": null }), None)];
        let pieces = self.pieces.iter().map(|piece| choice(json!({ "content": piece }), None));
        steps.extend(pieces);
        steps.push(choice(json!({}), Some(self.finish_reason)));
        if with_usage {
            steps.push(chunk(json!([]), self.used(request)));
        }
        steps.push(Step::Send("data: [DONE]\n\n".into()));
        let Some((pieces, interruption)) = self.interruption.clone() else { return steps };
        let rest = steps.split_off(1 + pieces.min(self.pieces.len()));
        match interruption {
            Interruption::Cut => steps.push(Step::Cut),
            Interruption::Hang => steps.push(Step::Hang),
            Interruption::Error(error) => steps.push(Step::Send(format!("data: {error}\n\n"))),
            Interruption::Garbage => steps.push(Step::Send(GARBAGE.to_owned())),
            Interruption::Until(until) => steps.extend([Step::Wait(until)].into_iter().chain(rest)),
        }
        steps
    }

    /// Tokens of prompt and completion: the script's, or a guess.
    pub(super) fn tokens(&self, request: &Value) -> (u64, u64) {
        let guess = |text: &str| text.len().div_ceil(4) as u64;
        self.usage.unwrap_or_else(|| (guess(&request["messages"].to_string()), guess(&self.pieces.concat())))
    }

    fn used(&self, request: &Value) -> Value {
        let (prompt, completion) = self.tokens(request);
        json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0 },
        })
    }
}

fn envelope(request: &Value, number: usize, object: &str, choices: Value) -> Value {
    let mut envelope = json!({ "id": format!("chatcmpl-{number:029}"), "object": object, "created": CREATED,
        "model": request["model"], "service_tier": "default", "system_fingerprint": "fp_b376dfbbd5" });
    envelope["choices"] = choices;
    envelope
}

pub(super) fn embeddings(request: &Value, vectors: &[Vec<f32>]) -> Value {
    let base64 = request["encoding_format"] == "base64";
    let encoded =
        |vector: &[f32]| BASE64.encode(vector.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    let data = vectors.iter().enumerate().map(|(index, vector)| {
        let embedding = if base64 { json!(encoded(vector)) } else { json!(vector) };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    });
    let data: Vec<Value> = data.collect();
    let tokens = request["input"].to_string().len().div_ceil(4);
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    json!({ "object": "list", "data": data, "model": request["model"], "usage": usage })
}
