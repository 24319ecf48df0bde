//! Models: what writes answers and what turns text into vectors. One file per provider; order, tries and deadlines in
//! `fallback`.

mod embeddings;
mod fallback;
pub mod local;
mod openai;
mod prices;

use std::{future::Future, pin::Pin, time::Duration};

pub use self::{
    embeddings::{Embedder, Embeddings},
    fallback::{Answered, Models},
};
use crate::domain::prompt::Prompt;

/// A future of a trait that is chosen while running.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A model that writes answers.
pub trait ChatModel: Send + Sync {
    /// `groq`, `openai` …
    fn provider(&self) -> &str;
    /// The model's name, as its provider calls it.
    fn name(&self) -> &str;
    /// The whole answer. It neither retries nor falls back.
    fn answer<'a>(&'a self, prompt: &'a Prompt) -> Later<'a, Result<Completion, ModelFailure>>;
}

/// What a model wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The text, markers and all.
    pub text: String,
    /// Tokens read.
    pub input_tokens: u32,
    /// Tokens written.
    pub output_tokens: u32,
}

/// Why a model did not answer, as far as the next step depends on it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct ModelFailure {
    /// Whether the same call may succeed later.
    pub transient: bool,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// For the log: never a piece of prompt or answer.
    pub reason: String,
}

impl ModelFailure {
    /// A failure that trying again cannot mend.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { transient: false, retry_after: None, reason: reason.into() }
    }

    /// A failure that may pass.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self { transient: true, retry_after: None, reason: reason.into() }
    }
}
