//! Text to vectors: in this process or by an API, in batches, each question's vector kept for a day.
//!
//! What an API computed is kept in Redis too, for all processes. The local embedder's vectors are not: they take 15 ms, and a
//! question that has to ask Redis first waits for it whether it has the vector or not.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Later, ModelFailure,
    attempts::Attempts,
    embedding_api::{Api, Vector, Wire},
    local::MiniLm,
    retry::{ATTEMPTS, retry},
};
use crate::{
    domain::hash::{hex, sha256},
    env::Env,
    redis::Redis,
};

/// The most texts in one call of an API.
const BATCH_MAX: usize = 100;
/// The same in this process, where a slow machine must be done within the batch's time.
const LOCAL_BATCH_MAX: usize = 16;
/// How long a question's vector is kept, and how many are.
const QUESTIONS_KEPT: (Duration, usize) = (Duration::from_hours(24), 1_000);
/// What one batch may take, retries included.
const BATCH_TIMEOUT: Duration = Duration::from_mins(1);
/// Dimensions of the schema's vector column.
pub(super) const DIMENSIONS: usize = MiniLm::DIMENSIONS;

/// What a text is: some models turn what asks and what answers into vectors in two ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// It is searched with.
    Question,
    /// It is found.
    Document,
}

/// Something that turns texts into vectors.
pub trait Embedder: Send + Sync {
    /// Names the vectors' space: vectors of two names cannot be compared.
    fn name(&self) -> &str;
    /// One unit vector of 384 dimensions per text, at most 100 texts. It does not retry. What is paid for is booked.
    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        purpose: Purpose,
        attempts: &'a Attempts,
    ) -> Later<'a, Result<Vec<Vec<f32>>, ModelFailure>>;
    /// Whether it is known what it costs.
    fn is_priced(&self) -> bool {
        true
    }
    /// The most that a call with these texts can cost, in dollars.
    fn cost_max_usd(&self, _texts: &[String]) -> f64 {
        0.0
    }
    /// The most texts that one call should bring.
    fn batch_max(&self) -> usize {
        BATCH_MAX
    }
    /// Loads what a first call would have to wait for.
    fn warm(&self) {}
}

/// Questions' vectors by the hash of the question, each with the time it came.
type Kept = HashMap<[u8; 32], (Instant, Vec<f32>)>;

/// The embedder that the settings choose, with its batches and its memory. Cloning shares it.
#[derive(Clone)]
pub struct Embeddings {
    embedder: Arc<dyn Embedder>,
    questions: Arc<Mutex<Kept>>,
    /// Where questions' vectors are kept besides; none where asking for them takes as long as making them.
    redis: Option<Redis>,
}

impl Embeddings {
    /// What `EMBEDDINGS` says.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let setting = env.require("EMBEDDINGS")?;
        let embedder: Arc<dyn Embedder> = match setting.split_once(':') {
            None if setting == "local" => {
                let directory = env.path("EMBEDDER_DIR").context("EMBEDDER_DIR is not set")?;
                Arc::new(Local { directory, model: Arc::default() })
            }
            Some(("openai", name)) if !name.is_empty() => Arc::new(Api::connect(env, Wire::OpenAi, name)?),
            Some(("voyage", name)) if !name.is_empty() => Arc::new(Api::connect(env, Wire::Voyage, name)?),
            _ => bail!("EMBEDDINGS must be local, openai:NAME or voyage:NAME, not {setting:?}"),
        };
        let redis = if setting == "local" { None } else { Redis::connect(env)? };
        Ok(Self { embedder, questions: Arc::default(), redis })
    }

    /// Names the space of the vectors.
    pub fn name(&self) -> &str {
        self.embedder.name()
    }

    /// Loads in the background what the first question would have to wait for.
    pub fn warm(&self) {
        self.embedder.warm();
    }

    /// The name of a model of which no price is known.
    pub fn unpriced(&self) -> Option<&str> {
        (!self.embedder.is_priced()).then(|| self.name())
    }

    /// The most that a question's vector can cost, in dollars, with every try; nothing where it is made in this process.
    pub fn cost_max_usd(&self, question: &str) -> f64 {
        f64::from(ATTEMPTS) * self.embedder.cost_max_usd(&[question.to_owned()])
    }

    /// The vector of a question, where one is kept: by this process, or for all of them.
    pub async fn known(&self, question: &str) -> Option<Vec<f32>> {
        let key = sha256(question.as_bytes());
        if let Some((kept_at, vector)) = self.kept().get(&key)
            && kept_at.elapsed() < QUESTIONS_KEPT.0
        {
            return Some(vector.clone());
        }
        let vector = Shared::new(self, question).find().await?;
        self.know(question, &vector);
        Some(vector)
    }

    /// The vector of a question, which is kept for the next one who asks.
    pub async fn question(
        &self,
        question: &str,
        deadline: Instant,
        attempts: &Attempts,
    ) -> Result<Vec<f32>, ModelFailure> {
        let texts = [question.to_owned()];
        let embed = || self.embedder.embed(&texts, Purpose::Question, attempts);
        let vector = retry(deadline, embed).await?.pop();
        let vector = vector.ok_or_else(|| ModelFailure::permanent("no vector came back"))?;
        Shared::new(self, question).keep(&vector);
        self.know(question, &vector);
        Ok(vector)
    }

    fn know(&self, question: &str, vector: &[f32]) {
        let mut kept = self.kept();
        if kept.len() >= QUESTIONS_KEPT.1 {
            // Rare and cheap enough: forgetting all costs one embedding for each question that comes again.
            kept.clear();
        }
        kept.insert(sha256(question.as_bytes()), (Instant::now(), vector.to_vec()));
    }

    /// One vector per text, in batches of at most 100.
    pub async fn batch(&self, texts: &[String], attempts: &Attempts) -> Result<Vec<Vec<f32>>, ModelFailure> {
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(self.embedder.batch_max()) {
            let embed = || self.embedder.embed(texts, Purpose::Document, attempts);
            vectors.extend(retry(Instant::now() + BATCH_TIMEOUT, embed).await?);
        }
        Ok(vectors)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question's vector in Redis.
struct Shared {
    redis: Option<Redis>,
    key: String,
}

impl Shared {
    fn new(embeddings: &Embeddings, text: &str) -> Self {
        // No name of a model holds a NUL.
        let hash = sha256(format!("{}\0{text}", embeddings.name()).as_bytes());
        Self { redis: embeddings.redis.clone(), key: format!("emb:{}", hex(&hash)) }
    }

    /// None where it is not there, or Redis is away.
    async fn find(&self) -> Option<Vec<f32>> {
        let command = ["GET".to_owned(), self.key.clone()];
        let asked = self.redis.as_ref()?.ask(async |redis, timeout| redis.command(&command, timeout).await);
        let text = asked.await.ok()?.as_str()?.to_owned();
        Vector::Base64(text).unit(DIMENSIONS)
    }

    /// Keeps it in the background: the question has further to go.
    fn keep(self, vector: &[f32]) {
        let Some(redis) = self.redis else { return };
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        let (text, seconds) = (STANDARD.encode(bytes), QUESTIONS_KEPT.0.as_secs().to_string());
        let command = ["SET".to_owned(), self.key, text, "EX".to_owned(), seconds];
        tokio::spawn(async move {
            redis.ask(async |redis, timeout| redis.command(&command, timeout).await).await.map(drop)
        });
    }
}

/// all-MiniLM-L6-v2 in this process.
struct Local {
    directory: PathBuf,
    model: Arc<OnceLock<Result<MiniLm, String>>>,
}

impl Local {
    fn load(directory: &std::path::Path) -> Result<MiniLm, String> {
        MiniLm::open(directory).map_err(|error| {
            tracing::error!(
                error = format!("{error:#}"),
                "the local embedder does not load; EMBEDDER_DIR names its folder"
            );
            format!("{error:#}")
        })
    }
}

impl Embedder for Local {
    fn name(&self) -> &'static str {
        "all-MiniLM-L6-v2"
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        _: Purpose,
        _: &'a Attempts,
    ) -> Later<'a, Result<Vec<Vec<f32>>, ModelFailure>> {
        let (directory, model, texts) = (self.directory.clone(), self.model.clone(), texts.to_vec());
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || {
                let model = model.get_or_init(|| Self::load(&directory)).as_ref();
                let model = model.map_err(|reason| ModelFailure::permanent(reason.clone()))?;
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                model.embed(&texts).map_err(|error| ModelFailure::permanent(error.to_string()))
            });
            work.await.unwrap_or_else(|_| Err(ModelFailure::permanent("the embedder panicked")))
        })
    }

    fn batch_max(&self) -> usize {
        LOCAL_BATCH_MAX
    }

    fn warm(&self) {
        let (directory, model) = (self.directory.clone(), self.model.clone());
        tokio::task::spawn_blocking(move || {
            model.get_or_init(|| Self::load(&directory));
        });
    }
}
