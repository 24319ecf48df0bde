//! Every function in one process: a laptop, a container.

mod crowd;
mod development;
mod page;

use std::time::{Duration, Instant};

use axum::{Router, middleware::from_fn_with_state};
use chat::Chat;
use delete_user::DeleteUser;
use health::Health;
use ingest::Ingest;
use serde_json::json;
use shared::{env::Env, http::Switches};
use upload::Upload;

/// Between two looks for documents that wait; much of what a person waits for after an upload.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Documents taken in one look.
const LOOK_LIMIT: i32 = 4;
/// Between two looks for documents whose index is out of date.
const RENEW_INTERVAL: Duration = Duration::from_mins(1);

/// All functions.
#[derive(Clone)]
pub struct Server {
    chat: Chat,
    upload: Upload,
    delete_user: DeleteUser,
    health: Health,
    crowd: crowd::Crowd,
    development: Option<development::Development>,
    /// Does the work that on Lambda the queue brings.
    pub ingest: Ingest,
}

impl Server {
    /// Builds every function's clients from one set of settings.
    pub async fn connect(env: &Env) -> anyhow::Result<Self> {
        let jobs = if env.get("DATABASE_JOBS_URL").is_some() { "DATABASE_JOBS_URL" } else { "DATABASE_URL" };
        let chat = Chat::connect(env)?;
        // One copy of the model's weights and one pool serve all.
        let ingest = Ingest { embeddings: chat.embeddings.clone(), ..Ingest::connect(env, jobs).await? };
        let (auth, db, storage) = (chat.auth.clone(), chat.db.clone(), ingest.storage.clone());
        let (limiter, answers) = (chat.limiter.clone(), chat.cache.redis.clone());
        Ok(Self {
            upload: Upload {
                auth: auth.clone(),
                db: db.clone(),
                limiter: limiter.clone(),
                storage: storage.clone(),
                answers: answers.clone(),
                reader: ingest.reader.clone(),
                switches: Switches::new(env),
                intake: Upload::intake(env),
            },
            delete_user: DeleteUser { auth, db, limiter, storage, answers, switches: Switches::new(env) },
            health: Health::new(env),
            crowd: crowd::Crowd::new(env, &chat.limiter)?,
            development: development::Development::connect(env)?,
            chat,
            ingest,
        })
    }

    /// Begins in the background what the first request would have to wait for.
    pub fn warm(&self) {
        self.chat.warm();
    }
}

/// The routes of all functions, and the page.
pub fn routes(server: Server) -> Router {
    let routes = Router::new()
        .merge(chat::routes(server.chat))
        .merge(upload::routes(server.upload))
        .merge(delete_user::routes(server.delete_user))
        .layer(from_fn_with_state(server.crowd, crowd::admit))
        // Whoever watches over the process asks often, and must get an answer when it is crowded most of all.
        .merge(health::routes(server.health));
    match server.development {
        Some(development) => routes.merge(development::routes(development)).merge(page::routes()),
        None => routes,
    }
}

/// The OpenAPI document of all routes, as docs/openapi.json has it. Those of a development stack are no part of it.
pub fn openapi() -> anyhow::Result<String> {
    let info = json!({
        "title": "Footnote",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Answers questions from a team's documents and proves every answer. docs/api.md says it in words.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let functions =
        [chat::described()?, upload::described()?, delete_user::described()?, health::described()?];
    shared::http::openapi::document(&info, functions.into())
}

/// Ingests what is uploaded, for as long as the process lives; when nothing waits, indexes anew what is out of date.
pub async fn ingest_forever(ingest: Ingest) {
    let mut renew_at = Instant::now();
    loop {
        match ingest.heal(LOOK_LIMIT).await {
            // More may wait.
            Ok(done) if done > 0 => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "could not look for waiting documents");
            }
        }
        if renew_at <= Instant::now() {
            match ingest.renew(1).await {
                // More may wait; so may what somebody uploads.
                Ok(done) if done > 0 => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "could not look for outdated documents");
                }
            }
            renew_at = Instant::now() + RENEW_INTERVAL;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
