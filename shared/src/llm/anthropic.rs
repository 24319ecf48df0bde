//! Anthropic's Messages.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    ChatModel, Later, ModelFailure, OUTPUT_TOKENS_MAX,
    endpoint::{Endpoint, ErrorMember, parse},
    event_stream::Event,
    writing::{Ending, Piece, Tokens, Wire, Writing},
};
use crate::domain::prompt::{Prompt, Role};

/// The version of the wire format.
const VERSION: &str = "2023-06-01";

/// One model.
pub struct Anthropic {
    endpoint: Endpoint,
    name: String,
}

impl Anthropic {
    /// The model that `endpoint` calls `name`.
    pub fn new(endpoint: Endpoint, key: &SecretString, name: &str) -> anyhow::Result<Self> {
        let endpoint = endpoint.with("x-api-key", key.expose_secret())?.with("anthropic-version", VERSION)?;
        Ok(Self { endpoint, name: name.to_owned() })
    }

    async fn call(&self, prompt: &Prompt) -> Result<Writing, ModelFailure> {
        let messages = prompt.turns.iter().map(|turn| Message {
            role: if turn.role == Role::User { "user" } else { "assistant" },
            content: &turn.text,
        });
        // Without a temperature: the newer models take none beside their own.
        let request = Request {
            model: &self.name,
            max_tokens: OUTPUT_TOKENS_MAX,
            system: &prompt.system,
            messages: messages.collect(),
            stream: true,
        };
        let response = self.endpoint.send("/v1/messages", &request).await?;
        Writing::of(response, Box::new(AnthropicWire::default())).await
    }
}

impl ChatModel for Anthropic {
    fn provider(&self) -> &'static str {
        "anthropic"
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
    max_tokens: u32,
    system: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

/// Events of a message, and whole messages.
#[derive(Default)]
pub struct AnthropicWire {
    tokens: Tokens,
    finished: Option<Ending>,
}

impl Wire for AnthropicWire {
    fn event(&mut self, event: &Event) -> Result<Vec<Piece>, ModelFailure> {
        Ok(match parse::<Said>(event.data.as_bytes())? {
            Said::MessageStart { message } => self.count(message.usage),
            Said::ContentBlockStart { content_block: block } | Said::ContentBlockDelta { delta: block } => {
                block.words().into_iter().map(Piece::Text).collect()
            }
            Said::MessageDelta { delta, usage } => {
                self.finished = delta.stop_reason.as_deref().map(ending).or(self.finished);
                self.count(usage)
            }
            Said::MessageStop => vec![Piece::End(self.finished.unwrap_or(Ending::Complete))],
            Said::Error { error } => return Err(error.failure()),
            // Pings, ends of blocks, and what may be added: the format asks to pass over what one does not know.
            Said::Other => Vec::new(),
        })
    }

    fn whole(&mut self, body: &[u8]) -> Result<Vec<Piece>, ModelFailure> {
        let message: Written = parse(body)?;
        if let Some(error) = message.error {
            return Err(error.failure());
        }
        let mut pieces: Vec<Piece> =
            message.content.into_iter().filter_map(Block::words).map(Piece::Text).collect();
        pieces.extend(self.count(message.usage));
        pieces.push(Piece::End(message.stop_reason.as_deref().map_or(Ending::Complete, ending)));
        Ok(pieces)
    }

    fn end(&mut self) -> Option<Ending> {
        self.finished
    }
}

impl AnthropicWire {
    /// Counts come in two events: what was read first, what was written last. Reading from the provider's cache is reading.
    fn count(&mut self, usage: Option<Usage>) -> Vec<Piece> {
        let Some(usage) = usage else { return Vec::new() };
        let input = [usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens];
        let input: u32 = input.into_iter().flatten().fold(0, u32::saturating_add);
        self.tokens.input = self.tokens.input.max(input);
        self.tokens.output = self.tokens.output.max(usage.output_tokens.unwrap_or_default());
        vec![Piece::Usage(self.tokens)]
    }
}

fn ending(stop_reason: &str) -> Ending {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => Ending::Length,
        "refusal" => Ending::Refused,
        _ => Ending::Complete,
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    MessageStart {
        message: Written,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Block,
    },
    MessageDelta {
        delta: Stop,
        usage: Option<Usage>,
    },
    MessageStop,
    Error {
        error: ErrorMember,
    },
    #[serde(other)]
    Other,
}

/// A message, of which the first event has the head only.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Usage>,
    error: Option<ErrorMember>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

impl Block {
    /// Its words; thoughts and calls of tools are none.
    fn words(self) -> Option<String> {
        if matches!(self.kind.as_str(), "text" | "text_delta") { self.text } else { None }
    }
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
struct Usage {
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    cache_creation_input_tokens: Option<u32>,
    cache_read_input_tokens: Option<u32>,
}
