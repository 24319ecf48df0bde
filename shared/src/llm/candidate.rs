//! One model with its breaker, its price, and the books of its calls.

use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use tracing::{Span, field::Empty, info_span};

use super::{ChatModel, ModelFailure, OUTPUT_TOKENS_MAX, attempts::Attempts, prices::Price, writing::Tokens};
use crate::{
    breaker::Breaker,
    domain::{
        attempt::{Attempt, Outcome},
        prompt::Prompt,
    },
};

/// Failures in a row that open a model's breaker, and for how long.
const BREAKER: (u32, i64) = (5, 60_000);
/// What a message takes besides its text: its role and its boundaries.
const MESSAGE_TOKENS: usize = 16;

/// A model that may be asked.
pub struct Candidate {
    /// The model.
    pub model: Box<dyn ChatModel>,
    price: Option<Price>,
    breaker: Breaker,
}

impl Candidate {
    /// A model that has not failed yet.
    pub fn new(model: Box<dyn ChatModel>, price: Option<Price>) -> Self {
        Self { model, price, breaker: Breaker::new(BREAKER.0, BREAKER.1) }
    }

    /// Whether it is known what it costs.
    pub fn is_priced(&self) -> bool {
        self.price.is_some()
    }

    /// The most that a call with this prompt can cost, in dollars.
    pub fn cost_max_usd(&self, prompt: &Prompt) -> f64 {
        self.cost_usd(Tokens { input: input_max(prompt), output: OUTPUT_TOKENS_MAX })
    }

    /// Whether it may be asked now: not while it keeps failing.
    pub fn admits(&self) -> bool {
        self.breaker.admits(now_ms())
    }

    /// Begins the books of a call.
    pub fn begin(self: &Arc<Self>, attempts: &Attempts, prompt: &Prompt) -> Call {
        let span = info_span!(
            "llm_call",
            provider = self.model.provider(),
            model = self.model.name(),
            attempt = attempts.next_number(),
            outcome = Empty,
            tokens.input = Empty,
            tokens.output = Empty,
            cost_usd = Empty,
        );
        Call {
            candidate: Arc::clone(self),
            attempts: attempts.clone(),
            span,
            began: Instant::now(),
            outcome: None,
            tokens: Tokens::default(),
            text_bytes: 0,
            has_words: false,
            input_max: input_max(prompt),
        }
    }

    fn cost_usd(&self, tokens: Tokens) -> f64 {
        self.price.map_or(0.0, |price| price.cost_usd(tokens.input, tokens.output))
    }
}

/// The most tokens that a prompt can be: no tokenizer of these models makes two of one byte.
fn input_max(prompt: &Prompt) -> u32 {
    let turns = prompt.turns.iter().map(|turn| turn.text.len() + MESSAGE_TOKENS);
    let tokens = prompt.system.len() + MESSAGE_TOKENS + turns.sum::<usize>();
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// A call that is being made. It is booked when this is dropped: whatever ends it, once.
pub struct Call {
    candidate: Arc<Candidate>,
    attempts: Attempts,
    /// Lasts as long as the call.
    pub span: Span,
    /// When it began.
    pub began: Instant,
    outcome: Option<Outcome>,
    tokens: Tokens,
    text_bytes: usize,
    /// Whether anything but white space came.
    pub has_words: bool,
    input_max: u32,
}

impl Call {
    /// Whom it asks.
    pub fn model(&self) -> &dyn ChatModel {
        &*self.candidate.model
    }

    /// So many bytes of the answer have come by now.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Words came.
    pub fn read(&mut self, text: &str) {
        self.text_bytes += text.len();
        self.has_words |= !text.trim().is_empty();
    }

    /// The provider counts so many tokens by now.
    pub fn count(&mut self, tokens: Tokens) {
        self.tokens = tokens;
    }

    /// It came to its end.
    pub fn answered(&mut self) {
        self.end(Outcome::Answered);
        self.candidate.breaker.close();
    }

    /// The model is there, and would not.
    pub fn refused(&mut self) {
        self.end(Outcome::Refused);
        self.candidate.breaker.close();
    }

    /// It failed, or broke off after some words: both count against the model. A request that was refused for a parameter, and
    /// goes out again without it, does not.
    pub fn failed(&mut self, failure: ModelFailure) -> ModelFailure {
        self.end(if self.text_bytes == 0 { Outcome::Failed } else { Outcome::Interrupted });
        if !failure.again && self.candidate.breaker.fail(now_ms()) {
            let (provider, model) = (self.model().provider(), self.model().name());
            tracing::warn!(provider, model, "{model} is left alone for a minute");
        }
        failure
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    /// What it took, and whether that is an estimate. Of an answer that broke off most providers do not say it: then each byte
    /// of it counts as a token, and so does each of the prompt.
    fn tokens(&self) -> (Tokens, bool) {
        let Tokens { input, output } = self.tokens;
        let is_whole = matches!(self.outcome, Some(Outcome::Answered | Outcome::Refused));
        if self.text_bytes == 0 || is_whole && input > 0 && output > 0 {
            return (self.tokens, false);
        }
        let written = u32::try_from(self.text_bytes).unwrap_or(u32::MAX).min(OUTPUT_TOKENS_MAX);
        let input = if input > 0 { input } else { self.input_max };
        (Tokens { input, output: output.max(written) }, true)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let (provider, model) = (self.model().provider().to_owned(), self.model().name().to_owned());
        let (tokens, estimated) = self.tokens();
        let attempt = Attempt {
            provider,
            model,
            outcome: self.outcome.unwrap_or(Outcome::Abandoned),
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            estimated,
            cost_usd: self.candidate.cost_usd(tokens),
            latency_ms: u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        self.attempts.book(&self.span, attempt);
    }
}

/// A clock for the breakers.
fn now_ms() -> i64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX)
}
