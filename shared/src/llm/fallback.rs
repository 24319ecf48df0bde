//! The order of models: by how much a question asks, then by preference; each with its tries, its breaker and its share of
//! the request's time, and the next one only before the first word.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use tracing::{Instrument, field::Empty, info_span};

use super::{
    ChatModel, ModelFailure,
    prices::Prices,
    providers,
    retry::retry,
    writing::{Ending, Piece, Tokens, Writing},
};
use crate::{
    breaker::Breaker,
    domain::{answer, prompt::Prompt},
    env::Env,
};

/// What a model may take to its first word, and between two pieces.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Failures in a row that open a model's breaker, and for how long.
const BREAKER: (u32, i64) = (5, 60_000);
/// The most bytes of an answer; the tokens asked for are far below.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Models in order of preference; none where no key is set. Cloning shares them.
#[derive(Clone)]
pub struct Models(Arc<Inner>);

struct Inner {
    /// For what asks much.
    strong: Vec<Candidate>,
    /// For what does not; empty: the strong ones answer all.
    cheap: Vec<Candidate>,
    /// The complexity from which the strong ones come first.
    threshold: f64,
    prices: Prices,
}

struct Candidate {
    model: Box<dyn ChatModel>,
    breaker: Breaker,
}

/// How much of an answer must be there before a model counts as having answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    FirstWords,
    Whole,
}

/// A whole answer and who gave it.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// The text, markers and all.
    pub text: String,
    /// How it ended: complete, or cut off at the most tokens.
    pub ending: Ending,
    /// The model.
    pub model: answer::Model,
    /// What it cost.
    pub usage: answer::Usage,
}

/// An answer of which the first words are there. Dropping it ends the call.
pub struct Stream {
    writing: Writing,
    /// What came and was not handed on yet.
    first: Option<String>,
    bytes: usize,
    tokens: Tokens,
    ending: Option<Ending>,
    model: answer::Model,
    models: Models,
    deadline: Instant,
}

impl Models {
    /// What `CHAT_MODELS`, `CHAT_MODELS_CHEAP`, `AI_PROVIDER`, `ROUTING_THRESHOLD` and `MODEL_PRICES` say.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let (strong, cheap) = providers::connect(env)?;
        let candidates = |models: providers::Order| {
            let candidate = |model| Candidate { model, breaker: Breaker::new(BREAKER.0, BREAKER.1) };
            models.into_iter().map(candidate).collect()
        };
        Ok(Self(Arc::new(Inner {
            strong: candidates(strong),
            cheap: candidates(cheap),
            threshold: env.number("ROUTING_THRESHOLD", 0.0..=1.0)?,
            prices: Prices::read(env)?,
        })))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.strong.is_empty()
    }

    /// Names all of them in their order, and from where on a question is not a simple one: what an answer depends on.
    pub fn names(&self) -> String {
        let Inner { strong, cheap, threshold, .. } = &*self.0;
        let names = |order: &[Candidate]| {
            let name =
                |candidate: &Candidate| format!("{}:{}", candidate.model.provider(), candidate.model.name());
            order.iter().map(name).collect::<Vec<_>>().join(",")
        };
        format!("{};{};{threshold}", names(strong), names(cheap))
    }

    /// Whether there are cheap ones, for what asks little.
    pub fn has_cheap(&self) -> bool {
        !self.0.cheap.is_empty()
    }

    /// The whole answer of the first model that gives one before the deadline. `complexity` is from 0 to 1.
    pub async fn answer(&self, prompt: &Prompt, complexity: f64, deadline: Instant) -> Option<Answered> {
        let mut stream = self.first(prompt, complexity, deadline, Extent::Whole).await?;
        let text = stream.first.take().unwrap_or_default();
        let (ending, usage) = (stream.ending.unwrap_or(Ending::Complete), stream.settle());
        Some(Answered { text, ending, model: stream.model, usage })
    }

    /// The answer of the first model that begins one before the deadline, from its first words on.
    pub async fn stream(&self, prompt: &Prompt, complexity: f64, deadline: Instant) -> Option<Stream> {
        let stream = self.first(prompt, complexity, deadline, Extent::FirstWords).await?;
        Some(Stream { deadline, ..stream })
    }

    /// What the first candidate gives that gives anything; every failure is logged. Each candidate but the last may use half of
    /// what is left of the time, so that the next one has some.
    async fn first(
        &self,
        prompt: &Prompt,
        complexity: f64,
        deadline: Instant,
        extent: Extent,
    ) -> Option<Stream> {
        let Inner { strong, cheap, threshold, .. } = &*self.0;
        let (first, second) = if complexity < *threshold { (cheap, strong) } else { (strong, cheap) };
        let order: Vec<&Candidate> = first.iter().chain(second).collect();
        for (at, candidate) in order.iter().enumerate() {
            let (provider, model) = (candidate.model.provider(), candidate.model.name());
            let is_last = at + 1 == order.len();
            let left = deadline.saturating_duration_since(Instant::now());
            let until = Instant::now() + if is_last { left } else { left / 2 };
            let outcome = retry(until, || async {
                if !candidate.breaker.admits(now_ms()) {
                    return Err(ModelFailure::permanent("it failed too often of late"));
                }
                let span = info_span!("llm_call", provider, model, outcome = Empty);
                let outcome = self.open(candidate, prompt, until, extent).instrument(span.clone()).await;
                span.record("outcome", if outcome.is_ok() { "answered" } else { "failed" });
                match &outcome {
                    Ok(_) => drop(candidate.breaker.close()),
                    Err(_) if candidate.breaker.fail(now_ms()) => {
                        tracing::warn!(provider, model, "{model} is left alone for a minute");
                    }
                    Err(_) => {}
                }
                outcome
            });
            match outcome.await {
                Ok(mut stream) => {
                    stream.model.fallback = at > 0;
                    return Some(stream);
                }
                Err(failure) => tracing::warn!(
                    event = "llm_failure",
                    provider,
                    model,
                    fallback_triggered = !is_last,
                    reason = failure.reason,
                    "{model} did not answer"
                ),
            }
        }
        None
    }

    /// Calls a model and waits for its first words, or for all of them.
    async fn open(
        &self,
        candidate: &Candidate,
        prompt: &Prompt,
        deadline: Instant,
        extent: Extent,
    ) -> Result<Stream, ModelFailure> {
        let model = &candidate.model;
        let writing = within(deadline, model.write(prompt)).await??;
        let (provider, name) = (model.provider().to_owned(), model.name().to_owned());
        let mut stream = Stream {
            writing,
            first: None,
            bytes: 0,
            tokens: Tokens::default(),
            ending: None,
            model: answer::Model { provider, name, fallback: false },
            models: self.clone(),
            deadline,
        };
        let mut text = String::new();
        while extent == Extent::Whole || text.trim().is_empty() {
            match stream.next().await? {
                Some(words) => text.push_str(&words),
                None if stream.ending == Some(Ending::Refused) => {
                    return Err(ModelFailure::permanent("the model or its filter refused to answer"));
                }
                None if text.trim().is_empty() => {
                    return Err(ModelFailure::transient("the response holds no text"));
                }
                None => break,
            }
        }
        stream.first = Some(text);
        Ok(stream)
    }
}

impl Stream {
    /// Who writes it.
    pub fn model(&self) -> &answer::Model {
        &self.model
    }

    /// How it ended; none while it has not, and where it broke off.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The next words; none after the last. An error is that it broke off.
    pub async fn next(&mut self) -> Result<Option<String>, ModelFailure> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while let Some(piece) = within(self.deadline, self.writing.next()).await?? {
            match piece {
                Piece::Text(text) => {
                    self.bytes += text.len();
                    if self.bytes > ANSWER_BYTES_MAX {
                        return Err(ModelFailure::permanent("the answer has no end"));
                    }
                    return Ok(Some(text));
                }
                Piece::Usage(tokens) => self.tokens = tokens,
                Piece::End(ending) => self.ending = Some(ending),
            }
        }
        Ok(None)
    }

    /// What it cost, as far as the provider said; logged.
    pub fn settle(&self) -> answer::Usage {
        let Tokens { input, output } = self.tokens;
        let (provider, name) = (&self.model.provider, &self.model.name);
        let cost = self.models.0.prices.cost_usd(name, input, output);
        tracing::info!(
            event = "model_usage",
            provider,
            model = name,
            tokens.input = input,
            tokens.output = output,
            cost_usd = cost,
            "{name} answered"
        );
        answer::Usage { input_tokens: input, output_tokens: output, cost_usd: cost.unwrap_or_default() }
    }
}

/// What comes within the silence that a model is allowed, and before the deadline.
async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> Result<T, ModelFailure> {
    let until = deadline.min(Instant::now() + SILENCE_MAX);
    let outcome = tokio::time::timeout_at(until.into(), work).await;
    outcome.map_err(|_| ModelFailure::transient("the model was silent for too long"))
}

/// A clock for the breakers.
fn now_ms() -> i64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX)
}
