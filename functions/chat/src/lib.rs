//! Answers questions from the caller's documents, each claim cited.

mod again;
mod ask;
mod asked;
mod budget;
mod cache;
mod converse;
mod find;
mod follow_up;
mod outlet;
mod record;
mod sse;
mod write;

use std::time::Duration;

use axum::{
    Router,
    extract::FromRef,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use shared::{
    auth::Auth,
    db::{self, budgets::Limits, search::Fusion},
    env::Env,
    http::{self, Gate, Idempotency, JSON_BYTES_MAX, Request, Switches, openapi::Described},
    limiter::{Limiter, policy},
    llm::{Embeddings, Models},
};
use utoipa::OpenApi;

use crate::cache::Cache;

/// All that answering needs.
#[derive(Clone)]
pub struct Chat {
    /// Checks session tokens.
    pub auth: Auth,
    /// As the application's role.
    pub db: db::Pool,
    /// Counts questions.
    pub limiter: Limiter,
    /// Turns the question into a vector.
    pub embeddings: Embeddings,
    /// Write the answer; none: it is extracted.
    pub models: Models,
    /// Keeps what they wrote.
    pub cache: Cache,
    /// The operator's choices.
    pub settings: Settings,
    /// The operator's switches.
    pub switches: Switches,
    /// Those for asking.
    pub asking: Switches,
}

/// What operators choose.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Passages given to the model, unless a request asks for another count.
    pub top_k: u32,
    /// Cosine similarity below which a passage without the question's words is no evidence.
    pub threshold: f64,
    /// Tokens of all passages together that the model is given at most.
    pub prompt_tokens: usize,
    /// How lexical and vector search become one.
    pub fusion: Fusion,
    /// Earlier turns that the model sees.
    pub history_turns: u32,
    /// Tokens of them together that it sees at most.
    pub history_tokens: usize,
    /// Questions of at most 1,000 plain characters only.
    pub strict_query: bool,
    /// Answers of at most 75 words.
    pub simplified: bool,
    /// Full-text search only.
    pub vector_search_disabled: bool,
    /// Within which an answer is sent, whatever fails.
    pub request_timeout: Duration,
    /// What may be spent on models; none: no cap is set.
    pub limits: Option<Limits>,
}

impl Settings {
    fn read(env: &Env, models: &Models, embeddings: &Embeddings) -> anyhow::Result<Self> {
        Ok(Self {
            top_k: env.number("TOP_K", 1..=50)?,
            threshold: env.number("MATCH_THRESHOLD", -1.0..=1.0)?,
            prompt_tokens: env.number("PROMPT_TOKENS", 200..=100_000)?,
            fusion: match env.require("FUSION")?.as_str() {
                "zscore" => Fusion::ZScore,
                "rrf" => Fusion::ReciprocalRank,
                other => anyhow::bail!("FUSION must be zscore or rrf, not {other:?}"),
            },
            history_turns: env.number("HISTORY_TURNS", 0..=50)?,
            history_tokens: env.number("HISTORY_TOKENS", 100..=100_000)?,
            strict_query: env.flag("STRICT_QUERY")?,
            simplified: env.flag("USE_SIMPLIFIED_PROMPT")?,
            vector_search_disabled: env.flag("DISABLE_VECTOR_SEARCH")?,
            // The HTTP API gives up after 29 s.
            request_timeout: Duration::from_millis(env.number("REQUEST_TIMEOUT_MS", 100..=28_000)?),
            limits: budget::limits(env, models, embeddings)?,
        })
    }
}

impl Chat {
    /// Builds the clients; nothing is opened or loaded yet.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let (models, embeddings) = (Models::connect(env)?, Embeddings::connect(env)?);
        let settings = Settings::read(env, &models, &embeddings)?;
        if settings.vector_search_disabled {
            tracing::warn!("DISABLE_VECTOR_SEARCH is set: full-text search only");
        }
        Ok(Self {
            auth: Auth::connect(env)?,
            db: db::Pool::new(env, "DATABASE_URL")?,
            limiter: Limiter::connect(env)?,
            embeddings,
            models,
            cache: Cache::connect(env)?,
            settings,
            switches: Switches::new(env),
            asking: Switches::or_off(env, "DISABLE_CHAT", "Chat is switched off for now."),
        })
    }

    /// Begins in the background what the first question would have to wait for.
    pub fn warm(&self) {
        self.db.warm();
        self.limiter.warm();
        if !self.settings.vector_search_disabled {
            self.embeddings.warm();
        }
    }
}

impl FromRef<Chat> for Auth {
    fn from_ref(chat: &Chat) -> Self {
        chat.auth.clone()
    }
}

/// The function's routes.
pub fn routes(chat: Chat) -> Router {
    let ask = if chat.settings.strict_query { post(ask::ask_strictly) } else { post(ask::ask) };
    let once = Idempotency { auth: chat.auth.clone(), db: chat.db.clone(), body_bytes_max: JSON_BYTES_MAX };
    let gate = Gate::new(&chat.auth, &chat.limiter, &chat.db);
    let ask = gate.limit(policy::CHAT_USER, ask.layer(from_fn_with_state(once, http::once)));
    // Switched off, chat leaves readable what was said.
    let ask = ask.layer(from_fn_with_state(chat.asking.clone(), http::obey));
    let converse = |routes| gate.limit(policy::CONVERSATIONS_USER, routes);
    Router::new()
        .route("/v1/chat", ask.clone())
        .route("/api/chat", ask)
        .route("/v1/conversations", converse(get(converse::list)))
        .route("/v1/conversations/{id}", converse(get(converse::show).delete(converse::delete)))
        .layer(from_fn_with_state(chat.switches.clone(), http::obey))
        .with_state(chat)
}

/// The routes as the OpenAPI document has them.
pub fn described() -> anyhow::Result<Described> {
    #[derive(OpenApi)]
    #[openapi(paths(ask::ask, converse::list, converse::show, converse::delete))]
    struct Routes;
    Described::guarded(&Routes::openapi())?
        .members("AskRequest", ask::AskRequest::ALIASES)?
        .members("Filters", &[("dateFrom", "date_from")])?
        .alias("/v1/chat", "/api/chat")
}
