//! Any endpoint that speaks OpenAI's chat completions: OpenAI, Groq, a local server.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

use super::{
    ChatModel, Later, ModelFailure, OUTPUT_TOKENS_MAX,
    endpoint::{Endpoint, ErrorMember, parse},
    event_stream::Event,
    writing::{Ending, Piece, Tokens, Wire, Writing},
};
use crate::domain::prompt::{Prompt, Role};

/// Parameters that some models refuse, with what is done without them.
const REFUSABLE: [&str; 3] = ["temperature", "max_tokens", "stream_options"];

/// One chat model behind an endpoint.
pub struct OpenAi {
    endpoint: Endpoint,
    provider: &'static str,
    name: String,
    /// The parameters that the model refused, by their place in [`REFUSABLE`].
    refused: AtomicU8,
}

impl OpenAi {
    /// The model that `endpoint` calls `name`.
    pub fn new(endpoint: Endpoint, provider: &'static str, name: &str) -> Self {
        Self { endpoint, provider, name: name.to_owned(), refused: AtomicU8::new(0) }
    }

    async fn call(&self, prompt: &Prompt) -> Result<Writing, ModelFailure> {
        let system = Message { role: "system", content: &prompt.system };
        let turns = prompt.turns.iter().map(|turn| {
            let role = if turn.role == Role::User { "user" } else { "assistant" };
            Message { role, content: &turn.text }
        });
        let messages: Vec<Message<'_>> = std::iter::once(system).chain(turns).collect();
        let refused = self.refused.load(Ordering::Relaxed);
        let takes = |at: usize| refused >> at & 1 == 0;
        let request = Request {
            model: &self.name,
            messages: &messages,
            temperature: takes(0).then_some(0.0),
            max_tokens: takes(1).then_some(OUTPUT_TOKENS_MAX),
            max_completion_tokens: (!takes(1)).then_some(OUTPUT_TOKENS_MAX),
            stream: true,
            stream_options: takes(2).then_some(StreamOptions { include_usage: true }),
        };
        match self.endpoint.send("/chat/completions", &request).await {
            Ok(response) => Writing::of(response, Box::new(OpenAiWire::default())).await,
            Err(failure) => {
                let named = REFUSABLE.iter().position(|known| Some(*known) == failure.parameter.as_deref());
                // What it refused it is not sent again; one that it was not sent cannot be the reason.
                let Some(at) = named.filter(|at| takes(*at)) else { return Err(failure) };
                self.refused.fetch_or(1 << at, Ordering::Relaxed);
                Err(ModelFailure { again: true, ..failure })
            }
        }
    }
}

impl ChatModel for OpenAi {
    fn provider(&self) -> &str {
        self.provider
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn write<'a>(&'a self, prompt: &'a Prompt) -> Later<'a, Result<Writing, ModelFailure>> {
        Box::pin(self.call(prompt))
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: &'a [Message<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

/// Chunks of chat completions, and whole ones.
#[derive(Default)]
pub struct OpenAiWire {
    finished: Option<Ending>,
}

impl Wire for OpenAiWire {
    fn event(&mut self, event: &Event) -> Result<Vec<Piece>, ModelFailure> {
        if event.data == "[DONE]" {
            // A provider that says so without a reason to end said all.
            return Ok(vec![Piece::End(self.finished.unwrap_or(Ending::Complete))]);
        }
        self.read(parse(event.data.as_bytes())?)
    }

    fn whole(&mut self, body: &[u8]) -> Result<Vec<Piece>, ModelFailure> {
        let mut pieces = self.read(parse(body)?)?;
        pieces.push(Piece::End(self.finished.unwrap_or(Ending::Complete)));
        Ok(pieces)
    }

    fn end(&mut self) -> Option<Ending> {
        self.finished
    }
}

impl OpenAiWire {
    fn read(&mut self, chunk: Chunk) -> Result<Vec<Piece>, ModelFailure> {
        if let Some(error) = chunk.error {
            return Err(error.failure());
        }
        let mut pieces = Vec::new();
        let usage = chunk.usage.or_else(|| chunk.x_groq.and_then(|groq| groq.usage));
        if let Some(usage) = usage {
            let tokens = Tokens { input: usage.prompt_tokens, output: usage.completion_tokens };
            pieces.push(Piece::Usage(tokens));
        }
        // One was asked for; others, should they come, are not mixed in.
        let Some(choice) = chunk.choices.into_iter().find(|choice| choice.index == 0) else {
            return Ok(pieces);
        };
        let written = choice.delta.or(choice.message).unwrap_or_default();
        pieces.extend(written.content.map(Piece::Text));
        let refused = written.refusal.is_some_and(|refusal| !refusal.is_empty());
        let finished = choice.finish_reason.as_deref().map(|reason| match reason {
            "length" => Ending::Length,
            "content_filter" => Ending::Refused,
            _ => Ending::Complete,
        });
        // A refusal stays one, whatever the reason to end is called.
        self.finished = match (self.finished, refused, finished) {
            (Some(Ending::Refused), ..) | (_, true, _) => Some(Ending::Refused),
            (before, _, now) => now.or(before),
        };
        Ok(pieces)
    }
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// Groq's place for it in a stream.
    x_groq: Option<Groq>,
    error: Option<ErrorMember>,
}

#[derive(Deserialize)]
struct Groq {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    delta: Option<Written>,
    message: Option<Written>,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Written {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}
