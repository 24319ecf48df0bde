//! One call of a model, as it is booked: what came of it and what it cost.

/// A call of a model, whatever came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// `groq`, `openai` …
    pub provider: String,
    /// The model's name, as its provider calls it.
    pub model: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Tokens read.
    pub input_tokens: u32,
    /// Tokens written.
    pub output_tokens: u32,
    /// Whether the provider did not say how many tokens, so that the most that it can have been is booked.
    pub estimated: bool,
    /// United States dollars; 0 for a model without a price.
    pub cost_usd: f64,
    /// Milliseconds to the last word that was read.
    pub latency_ms: u32,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// With a whole answer, or one of the most tokens that it may have.
    Answered,
    /// The provider or its filter would not.
    Refused,
    /// Without a word.
    Failed,
    /// After some words.
    Interrupted,
    /// Nobody waited for it any more: the reader went away.
    Abandoned,
}

impl Outcome {
    /// As the database and the trace have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Abandoned => "abandoned",
        }
    }
}
