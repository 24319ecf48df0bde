//! The answer object, as it is sent, stored and shown again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    citation::Citation,
    ids::{ConversationId, MessageId},
};

/// What a question gets back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The message's id.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// The text, with `[n]` where citation n proves what stands before.
    pub answer: String,
    /// The proofs.
    pub citations: Vec<Citation>,
    /// Ranges of `answer` in code points: sentences that lost all their citations in the check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsupported: Vec<[u32; 2]>,
    /// Whether the model broke off, or the reader went away, before it was whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Whether the documents were found not to answer the question.
    pub refused: bool,
    /// What was down, switched off or short: `model`, `vector_search`, `history`, `truncated`, `budget`.
    pub degraded: Vec<String>,
    /// Whether it came from the answer cache.
    pub cached: bool,
    /// Who wrote it.
    pub model: Model,
    /// What it took: every call of a model, those that failed too.
    pub usage: Usage,
    /// How long it took.
    pub timings_ms: Timings,
}

impl Answer {
    /// The provider of answers that no model wrote: the documents' own sentences, and refusals before any call.
    pub const EXTRACTIVE: &str = "footnote";
}

/// The model that answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// `groq`, `openai`, … or `footnote` for the extractive answerer.
    pub provider: String,
    /// The model's name, as its provider calls it.
    pub name: String,
    /// Whether an earlier model in the order failed, or cost more than the budget left.
    pub fallback: bool,
}

/// Tokens and money.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u32,
    /// Tokens written.
    pub output_tokens: u32,
    /// United States dollars, by the price list that the bundle carries; 0 for a model that it does not list. Where a provider did
    /// not say how many tokens, an upper estimate.
    pub cost_usd: f64,
}

/// Milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Timings {
    /// Question vector and search.
    pub search: u32,
    /// The model, tries and retries together.
    pub model: u32,
    /// The whole request.
    pub total: u32,
}
