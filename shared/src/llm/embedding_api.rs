//! Embedding endpoints: OpenAI's, or one that speaks like it and can shorten its vectors, and Voyage's.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    Later, ModelFailure,
    embeddings::{DIMENSIONS, Embedder, Purpose},
    endpoint::Endpoint,
};
use crate::{env::Env, tls};

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
        Ok(Self { endpoint, wire, name: name.to_owned() })
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
    ) -> Later<'a, Result<Vec<Vec<f32>>, ModelFailure>> {
        Box::pin(async move {
            let response: Response = self.endpoint.post("/embeddings", &self.request(texts, purpose)).await?;
            let mut items = response.data;
            items.sort_by_key(|item| item.index);
            let is_complete =
                items.len() == texts.len() && items.iter().enumerate().all(|(at, item)| item.index == at);
            let vectors: Option<Vec<Vec<f32>>> =
                items.into_iter().map(|item| item.embedding.unit(self.dimensions())).collect();
            vectors.filter(|_| is_complete).ok_or_else(|| {
                ModelFailure::permanent(format!("not one vector of {} numbers per text", self.dimensions()))
            })
        })
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
