//! Liveness, readiness and status: what a load balancer and a dashboard ask.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde::Serialize;
use shared::{Result, db, env::Env, http::Body, storage::Storage};
use tokio::sync::OnceCell;

/// All that health needs. Its dependencies are opened by the first question about them: most requests ask for none.
#[derive(Clone)]
pub struct Health {
    env: Env,
    parts: Arc<OnceCell<(db::Pool, Storage)>>,
}

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    database: &'static str,
    storage: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    status: &'static str,
    version: &'static str,
    tools_available: u32,
}

impl Health {
    /// Opens nothing.
    pub fn new(env: &Env) -> Self {
        Self { env: env.clone(), parts: Arc::default() }
    }

    async fn parts(&self) -> anyhow::Result<&(db::Pool, Storage)> {
        let open = async || {
            if self.env.has_secret() {
                self.env.fetch_secret().await?;
            }
            anyhow::Ok((db::Pool::new(&self.env, "DATABASE_URL")?, Storage::connect(&self.env).await?))
        };
        self.parts.get_or_try_init(open).await
    }
}

/// The function's routes: the only ones of the bundle that need no session token.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/health", get(alive))
        .route("/api/health", get(alive))
        .route("/ready", get(ready))
        .route("/v1/status", get(status))
        .route("/api/ai-agent/chat", get(status))
        .with_state(health)
}

/// Alive is alive, and says so if the operator closed the doors.
async fn alive(State(health): State<Health>) -> Body<impl Serialize> {
    let closed = health.env.flag("MAINTENANCE_MODE").unwrap_or_default();
    Body(Alive { status: if closed { "maintenance" } else { "ok" } })
}

async fn status() -> Body<impl Serialize> {
    Body(About { status: "ok", version: env!("CARGO_PKG_VERSION"), tools_available: 0 })
}

async fn ready(State(health): State<Health>) -> Response {
    let (database, storage) = match health.parts().await {
        Ok((database, storage)) => tokio::join!(database.ping(), storage.ping()),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "not ready: the settings are wrong");
            let down = || Err(shared::Error::NotFound("setting"));
            (down(), down())
        }
    };
    let checks = Checks { database: word(&database, "database"), storage: word(&storage, "storage") };
    if database.is_ok() && storage.is_ok() {
        return Body(Ready { status: "ready", checks }).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Body(Ready { status: "not_ready", checks })).into_response()
}

fn word(outcome: &Result<()>, what: &'static str) -> &'static str {
    match outcome {
        Ok(()) => "ok",
        Err(error) => {
            tracing::warn!(error = format!("{error:?}"), "not ready: {what}");
            "down"
        }
    }
}
