//! Models: what writes answers and what turns text into vectors. One file per provider; order, tries and deadlines in
//! `fallback`.

mod anthropic;
mod attempts;
mod candidate;
mod embedding_api;
mod embeddings;
mod endpoint;
mod event_stream;
mod fallback;
pub mod local;
mod openai;
mod prices;
mod providers;
mod retry;
#[cfg(test)]
mod wire_tests;
mod writing;

use std::{future::Future, pin::Pin, time::Duration};

use self::writing::Writing;
pub use self::{
    attempts::Attempts,
    embeddings::{Embedder, Embeddings, Purpose},
    fallback::{Answered, Models, Stream},
    prices::PRICES_OF,
    writing::Ending,
};
use crate::domain::prompt::Prompt;

/// The most tokens that an answer may have; a claim with its quote takes about 60.
const OUTPUT_TOKENS_MAX: u32 = 1_024;

/// A future of a trait that is chosen while running.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A model that writes answers.
pub trait ChatModel: Send + Sync {
    /// `groq`, `openai` …
    fn provider(&self) -> &str;
    /// The model's name, as its provider calls it.
    fn name(&self) -> &str;
    /// Begins an answer. It neither retries nor falls back.
    fn write<'a>(&'a self, prompt: &'a Prompt) -> Later<'a, Result<Writing, ModelFailure>>;
}

/// Why a model did not answer, as far as the next step depends on it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct ModelFailure {
    /// Whether the same call may succeed later.
    pub transient: bool,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// The parameter of the request that the provider does not take, if that is the reason.
    pub parameter: Option<String>,
    /// Whether the next call will be another one, without that parameter: then it may go out at once.
    pub again: bool,
    /// For the log: never a piece of prompt or answer.
    pub reason: String,
}

impl ModelFailure {
    /// A failure that trying again cannot mend.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { transient: false, retry_after: None, parameter: None, again: false, reason: reason.into() }
    }

    /// A failure that may pass.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self { transient: true, ..Self::permanent(reason) }
    }
}
