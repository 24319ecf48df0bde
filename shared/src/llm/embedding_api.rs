//! Embedding endpoints: OpenAI's, or one that speaks like it and can shorten its vectors, and Voyage's.

use std::time::Instant;

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tracing::{Instrument, Span, field::Empty, info_span};

use super::{
    Later, ModelFailure,
    attempts::Attempts,
    embeddings::{DIMENSIONS, Embedder, Purpose},
    endpoint::Endpoint,
    prices::{Price, Prices},
};
use crate::{
    domain::attempt::{Attempt, Outcome},
    env::Env,
    tls,
};

/// The smallest of the sizes that Voyage's models give (256, 512, 1,024, 2,048) that is not too small.
const VOYAGE_DIMENSIONS: usize = 512;

/// A wire format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// Gives as many dimensions as asked for.
    OpenAi,
    /// Gives 512, of which the first 384 are kept: the models are trained so that a vector's beginning is a vector too
    /// (Kusupati et al., "Matryoshka Representation Learning", 2022).
    Voyage,
}

/// One model behind an endpoint.
pub struct Api {
    endpoint: Endpoint,
    wire: Wire,
    name: String,
    price: Option<Price>,
}

impl Api {
    /// The model of that name, with the key and the address that the settings name.
    pub fn connect(env: &Env, wire: Wire, name: &str) -> anyhow::Result<Self> {
        let (url, key) = match wire {
            Wire::OpenAi => ("OPENAI_BASE_URL", "OPENAI_API_KEY"),
            Wire::Voyage => ("VOYAGE_BASE_URL", "VOYAGE_API_KEY"),
        };
        env.url(url)?;
        let secret = env.secret(key);
        if wire == Wire::Voyage {
            secret.as_ref().with_context(|| format!("{key} is not set, and voyage:{name} needs it"))?;
        }
        let endpoint = Endpoint::new(tls::http_client()?, &env.require(url)?).bearer(secret.as_ref())?;
        Ok(Self { endpoint, wire, name: name.to_owned(), price: Prices::read(env)?.of(name) })
    }

    fn request<'a>(&'a self, texts: &'a [String], purpose: Purpose) -> Request<'a> {
        let (is_voyage, purpose) = (
            self.wire == Wire::Voyage,
            match purpose {
                Purpose::Question => "query",
                Purpose::Document => "document",
            },
        );
        Request {
            model: &self.name,
            input: texts,
            encoding_format: "base64",
            dimensions: (!is_voyage).then_some(DIMENSIONS),
            output_dimension: is_voyage.then_some(VOYAGE_DIMENSIONS),
            input_type: is_voyage.then_some(purpose),
        }
    }

    /// One vector per text, in the order of the texts; none if that is not what came.
    fn vectors(&self, mut items: Vec<Item>, count: usize) -> Option<Vec<Vec<f32>>> {
        items.sort_by_key(|item| item.index);
        let is_complete = items.len() == count && items.iter().enumerate().all(|(at, item)| item.index == at);
        let vectors = items.into_iter().map(|item| item.embedding.unit(self.dimensions()));
        if is_complete { vectors.collect() } else { None }
    }

    fn provider(&self) -> &'static str {
        match self.wire {
            Wire::OpenAi => "openai",
            Wire::Voyage => "voyage",
        }
    }

    fn cost_usd(&self, tokens: u32) -> f64 {
        self.price.map_or(0.0, |price| price.cost_usd(tokens, 0))
    }

    /// How many numbers of a vector come.
    fn dimensions(&self) -> usize {
        match self.wire {
            Wire::OpenAi => DIMENSIONS,
            Wire::Voyage => VOYAGE_DIMENSIONS,
        }
    }
}

impl Embedder for Api {
    fn name(&self) -> &str {
        &self.name
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        purpose: Purpose,
        attempts: &'a Attempts,
    ) -> Later<'a, Result<Vec<Vec<f32>>, ModelFailure>> {
        Box::pin(async move {
            let mut call = Call::begin(self, texts, attempts);
            let request = self.request(texts, purpose);
            let posted = self.endpoint.post("/embeddings", &request).instrument(call.span.clone()).await;
            // Until there are vectors it has failed, and cost what the provider says.
            call.outcome = Outcome::Failed;
            let response: Response = posted?;
            call.tokens = response.tokens();
            let vectors = self.vectors(response.data, texts.len()).ok_or_else(|| {
                ModelFailure::permanent(format!("not one vector of {} numbers per text", self.dimensions()))
            })?;
            call.outcome = Outcome::Answered;
            Ok(vectors)
        })
    }

    fn is_priced(&self) -> bool {
        self.price.is_some()
    }

    fn cost_max_usd(&self, texts: &[String]) -> f64 {
        self.cost_usd(tokens_max(texts))
    }
}

/// The most tokens that the texts can be: no tokenizer of these models makes two of one byte.
fn tokens_max(texts: &[String]) -> u32 {
    u32::try_from(texts.iter().map(String::len).sum::<usize>()).unwrap_or(u32::MAX)
}

/// A call that is being made. It is booked when this is dropped: whatever ends it, once.
struct Call<'a> {
    api: &'a Api,
    attempts: &'a Attempts,
    span: Span,
    began: Instant,
    outcome: Outcome,
    /// As the provider counts them.
    tokens: Option<u32>,
    tokens_max: u32,
}

impl<'a> Call<'a> {
    fn begin(api: &'a Api, texts: &[String], attempts: &'a Attempts) -> Self {
        let span = info_span!(
            "embedding_call",
            provider = api.provider(),
            model = api.name,
            texts = texts.len(),
            outcome = Empty,
            tokens.input = Empty,
            tokens.output = Empty,
            cost_usd = Empty,
        );
        let (began, outcome) = (Instant::now(), Outcome::Abandoned);
        Self { api, attempts, span, began, outcome, tokens: None, tokens_max: tokens_max(texts) }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        // Whoever read the texts, and did not say how many tokens they were, is owed the most that it can have been.
        let estimated = self.tokens.is_none() && self.outcome != Outcome::Failed;
        let input_tokens = self.tokens.unwrap_or(if estimated { self.tokens_max } else { 0 });
        let attempt = Attempt {
            provider: self.api.provider().to_owned(),
            model: self.api.name.clone(),
            outcome: self.outcome,
            input_tokens,
            output_tokens: 0,
            estimated,
            cost_usd: self.api.cost_usd(input_tokens),
            latency_ms: u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        self.attempts.book(&self.span, attempt);
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    /// OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
    /// Voyage's.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_type: Option<&'static str>,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Item>,
    /// Local servers may not count, and what they say instead is no reason to do without the vectors.
    #[serde(default)]
    usage: serde_json::Value,
}

impl Response {
    /// As the provider counts them; none where it does not.
    fn tokens(&self) -> Option<u32> {
        let tokens = self.usage["total_tokens"].as_u64()?;
        u32::try_from(tokens).ok().filter(|tokens| *tokens > 0)
    }
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vector,
}

/// Base64 of little-endian floats is a quarter of the bytes; endpoints that do not know it answer with numbers.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Vector {
    /// As it is asked for.
    Base64(String),
    /// As a list.
    Numbers(Vec<f32>),
}

impl Vector {
    /// The first 384 numbers, scaled to length 1; none where there are not `dimensions`, or they are no numbers.
    pub fn unit(self, dimensions: usize) -> Option<Vec<f32>> {
        let mut vector = self.numbers()?;
        let is_vector = vector.len() == dimensions && vector.iter().all(|number| number.is_finite());
        is_vector.then_some(())?;
        vector.truncate(DIMENSIONS);
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        (length.is_finite() && length > 0.0).then_some(())?;
        for number in &mut vector {
            *number /= length;
        }
        Some(vector)
    }

    fn numbers(self) -> Option<Vec<f32>> {
        match self {
            Self::Numbers(numbers) => Some(numbers),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (floats, rest) = bytes.as_chunks::<4>();
                rest.is_empty().then(|| floats.iter().map(|four| f32::from_le_bytes(*four)).collect())
            }
        }
    }
}
