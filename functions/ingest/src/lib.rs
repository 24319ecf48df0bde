//! Turns one uploaded document into pages, chunks and vectors.

mod arrival;
mod become_ready;
mod event;
mod ingest;
mod renew;
mod vectors;

use std::sync::Arc;

use shared::{db, env::Env, llm::Embeddings, pdf, storage::Storage};

pub use self::{
    arrival::{Arrival, Outcome},
    event::{BatchResponse, Queue, handle},
    ingest::ingest,
};

/// All that ingestion needs. Cloning shares it.
#[derive(Clone)]
pub struct Ingest {
    /// As the role of jobs.
    pub db: db::Pool,
    /// Holds the bytes.
    pub storage: Storage,
    /// Turns chunks into vectors.
    pub embeddings: Embeddings,
    /// Reads pages, in a process of its own.
    pub reader: Arc<pdf::Reader>,
}

impl Ingest {
    /// Builds the clients; the database is the one of `setting`.
    pub async fn connect(env: &Env, setting: &'static str) -> anyhow::Result<Self> {
        Ok(Self {
            db: db::Pool::new(env, setting)?,
            storage: Storage::connect(env).await?,
            embeddings: Embeddings::connect(env)?,
            reader: Arc::new(pdf::Reader::connect(env)?),
        })
    }

    /// Takes up to `limit` documents that wait for work and does it, one after the other; answers how many became
    /// something. This is the server's way, and on Lambda what heals lost events.
    pub async fn heal(&self, limit: i32) -> anyhow::Result<usize> {
        let mut done = 0;
        for key in db::jobs::claim(&self.db, limit).await? {
            let Some(object) = self.storage.head(&key).await? else { continue };
            let arrival = Arrival { key, size_bytes: object.size_bytes, etag: object.etag, sequencer: None };
            match ingest(self, &arrival).await {
                Ok(Outcome::Ready | Outcome::Failed | Outcome::Duplicate) => done += 1,
                Ok(Outcome::Ignored | Outcome::Held | Outcome::Erased) => {}
                // The next look tries again.
                Err(error) => tracing::warn!(error = format!("{error:#}"), "a document has to wait"),
            }
        }
        Ok(done)
    }
}
