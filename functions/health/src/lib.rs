//! Liveness, readiness and status: what a load balancer and a dashboard ask.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use serde::Serialize;
use shared::{
    Result, db,
    env::Env,
    http::{Body, openapi::Described},
    storage::Storage,
};
use tokio::sync::OnceCell;
use utoipa::{OpenApi, ToSchema};

/// All that health needs. Its dependencies are opened by the first question about them: most requests ask for none.
#[derive(Clone)]
pub struct Health {
    env: Env,
    parts: Arc<OnceCell<(db::Pool, Storage)>>,
}

/// What the document of all routes says: docs/openapi.json, which `scripts/openapi` writes. As a file, so that this function
/// depends on no other and works nothing out.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Alive.
#[derive(Serialize, ToSchema)]
struct Alive {
    /// `ok`, or `maintenance`.
    status: &'static str,
}

/// Whether requests can be served.
#[derive(Serialize, ToSchema)]
struct Ready {
    /// `ready`, or `not_ready`.
    status: &'static str,
    /// What was asked.
    checks: Checks,
}

/// `ok` or `down` each.
#[derive(Serialize, ToSchema)]
struct Checks {
    /// Postgres.
    database: &'static str,
    /// The bucket.
    storage: &'static str,
}

/// What runs here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct About {
    /// `ok`.
    status: &'static str,
    /// The bundle's version.
    version: &'static str,
    /// How many tools questions may use.
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
        .route("/v1/openapi.json", get(openapi))
        .route("/api/ai-agent/chat", get(status))
        .with_state(health)
}

/// The routes as the OpenAPI document has them.
pub fn described() -> anyhow::Result<Described> {
    #[derive(OpenApi)]
    #[openapi(paths(alive, ready, status, openapi))]
    struct Routes;
    Described::public(&Routes::openapi())?
        .alias("/health", "/api/health")?
        .alias("/v1/status", "/api/ai-agent/chat")
}

/// Alive is alive, and says so if the operator closed the doors.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    tag = "health",
    responses((status = 200, description = "Alive; nothing else was asked.", body = Alive))
)]
async fn alive(State(health): State<Health>) -> Body<impl Serialize> {
    let closed = health.env.flag("MAINTENANCE_MODE").unwrap_or_default();
    Body(Alive { status: if closed { "maintenance" } else { "ok" } })
}

/// What runs here.
#[utoipa::path(
    get,
    path = "/v1/status",
    operation_id = "status",
    tag = "health",
    responses((status = 200, description = "The version.", body = About))
)]
async fn status() -> Body<impl Serialize> {
    Body(About { status: "ok", version: env!("CARGO_PKG_VERSION"), tools_available: 0 })
}

/// This document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "openapi",
    tag = "health",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// Whether database and storage answer.
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "ready",
    tag = "health",
    responses(
        (status = 200, description = "Requests can be served.", body = Ready),
        (status = 503, description = "They cannot.", body = Ready)
    )
)]
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
