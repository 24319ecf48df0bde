//! The order of models: by how much a question asks, then by preference; each with its tries, its breaker and its share of
//! the request's time, and the next one only before the first word.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::Instrument;

use super::{
    ChatModel, ModelFailure,
    attempts::Attempts,
    candidate::{Call, Candidate},
    prices::Prices,
    providers,
    retry::{ATTEMPTS, retry},
    writing::{Ending, Piece, Writing},
};
use crate::{
    domain::{answer, prompt::Prompt},
    env::Env,
};

/// What a model may take to its first word.
const FIRST_WORDS_MAX: Duration = Duration::from_secs(10);
/// And then between two pieces.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// The most bytes of an answer; the tokens asked for are far below.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Models in order of preference; none where no key is set. Cloning shares them.
#[derive(Clone)]
pub struct Models(Arc<Inner>);

struct Inner {
    /// For what asks much.
    strong: Vec<Arc<Candidate>>,
    /// For what does not; empty: the strong ones answer all.
    cheap: Vec<Arc<Candidate>>,
    /// The complexity from which the strong ones come first.
    threshold: f64,
}

/// How much of an answer must be there before a model counts as having answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    FirstWords,
    Whole,
}

/// A whole answer and who gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The text, markers and all.
    pub text: String,
    /// How it ended: complete, or cut off at the most tokens.
    pub ending: Ending,
    /// The model.
    pub model: answer::Model,
}

/// An answer of which the first words are there. Dropping it ends the call, and books it.
pub struct Stream {
    writing: Writing,
    call: Call,
    /// What came and was not handed on yet.
    first: Option<String>,
    ending: Option<Ending>,
    model: answer::Model,
    deadline: Instant,
}

impl Models {
    /// What `CHAT_MODELS`, `CHAT_MODELS_CHEAP`, `AI_PROVIDER`, `ROUTING_THRESHOLD` and `MODEL_PRICES` say.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let (strong, cheap) = providers::connect(env)?;
        let prices = Prices::read(env)?;
        let candidates = |models: providers::Order| {
            let candidate = |model: Box<dyn ChatModel>| {
                let price = prices.of(model.name());
                Arc::new(Candidate::new(model, price))
            };
            models.into_iter().map(candidate).collect()
        };
        Ok(Self(Arc::new(Inner {
            strong: candidates(strong),
            cheap: candidates(cheap),
            threshold: env.number("ROUTING_THRESHOLD", 0.0..=1.0)?,
        })))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.strong.is_empty()
    }

    /// The names of models of which no price is known.
    pub fn unpriced(&self) -> Vec<&str> {
        let unpriced = self.all().filter(|candidate| !candidate.is_priced());
        unpriced.map(|candidate| candidate.model.name()).collect()
    }

    /// What to reserve for an answer to this prompt, in dollars, the most first: enough for every try of every model, should each
    /// break off before the last; for one of each; for the dearest; for the next cheaper one …
    pub fn offers(&self, prompt: &Prompt) -> Vec<f64> {
        let mut costs: Vec<f64> = self.all().map(|candidate| candidate.cost_max_usd(prompt)).collect();
        costs.sort_by(|one, other| other.total_cmp(one));
        let all: f64 = costs.iter().sum();
        let mut offers = vec![f64::from(ATTEMPTS) * all, all];
        offers.append(&mut costs);
        offers.dedup();
        offers
    }

    /// Names all of them in their order, and from where on a question is not a simple one: what an answer depends on.
    pub fn names(&self) -> String {
        let Inner { strong, cheap, threshold } = &*self.0;
        let names = |order: &[Arc<Candidate>]| {
            let name = |candidate: &Arc<Candidate>| {
                format!("{}:{}", candidate.model.provider(), candidate.model.name())
            };
            order.iter().map(name).collect::<Vec<_>>().join(",")
        };
        format!("{};{};{threshold}", names(strong), names(cheap))
    }

    /// Whether there are cheap ones, for what asks little.
    pub fn has_cheap(&self) -> bool {
        !self.0.cheap.is_empty()
    }

    /// The whole answer of the first model that gives one before the deadline. `complexity` is from 0 to 1.
    pub async fn answer(
        &self,
        prompt: &Prompt,
        complexity: f64,
        deadline: Instant,
        attempts: &Attempts,
    ) -> Option<Answered> {
        let mut stream = self.first(prompt, complexity, deadline, Extent::Whole, attempts).await?;
        let text = stream.first.take().unwrap_or_default();
        Some(Answered { text, ending: stream.ending.unwrap_or(Ending::Complete), model: stream.model })
    }

    /// The answer of the first model that begins one before the deadline, from its first words on.
    pub async fn stream(
        &self,
        prompt: &Prompt,
        complexity: f64,
        deadline: Instant,
        attempts: &Attempts,
    ) -> Option<Stream> {
        let stream = self.first(prompt, complexity, deadline, Extent::FirstWords, attempts).await?;
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
        attempts: &Attempts,
    ) -> Option<Stream> {
        let Inner { strong, cheap, threshold } = &*self.0;
        let (first, second) = if complexity < *threshold { (cheap, strong) } else { (strong, cheap) };
        let order: Vec<&Arc<Candidate>> = first.iter().chain(second).collect();
        for (at, candidate) in order.iter().enumerate() {
            let (provider, model) = (candidate.model.provider(), candidate.model.name());
            let is_last = at + 1 == order.len();
            let left = deadline.saturating_duration_since(Instant::now());
            let until = Instant::now() + if is_last { left } else { left / 2 };
            let outcome = retry(until, || async {
                if !attempts.admits(candidate.cost_max_usd(prompt)) {
                    return Err(ModelFailure::permanent("it costs more than is left of what was reserved"));
                }
                if !candidate.admits() {
                    return Err(ModelFailure::permanent("it failed too often of late"));
                }
                let call = candidate.begin(attempts, prompt);
                let span = call.span.clone();
                open(call, prompt, until, extent).instrument(span).await
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

    fn all(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        self.0.strong.iter().chain(&self.0.cheap)
    }
}

/// Calls a model and waits for its first words, or for all of them.
async fn open(
    mut call: Call,
    prompt: &Prompt,
    deadline: Instant,
    extent: Extent,
) -> Result<Stream, ModelFailure> {
    let model = call.model();
    let (provider, name) = (model.provider().to_owned(), model.name().to_owned());
    let began = by(deadline.min(call.began + FIRST_WORDS_MAX), model.write(prompt)).await;
    let writing = match began.flatten() {
        Ok(writing) => writing,
        Err(failure) => return Err(call.failed(failure)),
    };
    let model = answer::Model { provider, name, fallback: false };
    let mut stream = Stream { writing, call, first: None, ending: None, model, deadline };
    let mut text = String::new();
    while extent == Extent::Whole || !stream.call.has_words {
        match stream.next().await? {
            Some(words) => text.push_str(&words),
            None if stream.ending == Some(Ending::Refused) => {
                return Err(ModelFailure::permanent("the model or its filter refused to answer"));
            }
            None => break,
        }
    }
    stream.first = Some(text);
    Ok(stream)
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
        self.read().await.map_err(|failure| self.call.failed(failure))
    }

    async fn read(&mut self) -> Result<Option<String>, ModelFailure> {
        loop {
            let until = if self.call.text_bytes() == 0 {
                self.call.began + FIRST_WORDS_MAX
            } else {
                Instant::now() + SILENCE_MAX
            };
            match by(self.deadline.min(until), self.writing.next()).await?? {
                Some(Piece::Text(text)) => {
                    self.call.read(&text);
                    if self.call.text_bytes() > ANSWER_BYTES_MAX {
                        return Err(ModelFailure::permanent("the answer has no end"));
                    }
                    return Ok(Some(text));
                }
                Some(Piece::Usage(tokens)) => self.call.count(tokens),
                Some(Piece::End(ending)) => self.ending = Some(ending),
                None if self.ending == Some(Ending::Refused) => {
                    self.call.refused();
                    return Ok(None);
                }
                None if !self.call.has_words => {
                    return Err(ModelFailure::transient("the response holds no text"));
                }
                None => {
                    self.call.answered();
                    return Ok(None);
                }
            }
        }
    }
}

/// What comes in time.
async fn by<T>(until: Instant, work: impl Future<Output = T>) -> Result<T, ModelFailure> {
    let outcome = tokio::time::timeout_at(until.into(), work).await;
    outcome.map_err(|_| ModelFailure::transient("the model was silent for too long"))
}
