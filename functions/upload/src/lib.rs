//! Takes documents in, lists them, shows their pages, deletes them.

mod browse;
mod receive;
mod take;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRef,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use shared::{
    answers::Answers,
    auth::Auth,
    db,
    domain::document::DIRECT_BYTES_MAX,
    env::Env,
    http::{self, Gate, Idempotency, Switches, openapi::Described},
    limiter::{Limiter, policy},
    pdf,
    storage::Storage,
};
use utoipa::OpenApi;

use crate::receive::FORM_BYTES_MAX;

/// All that taking documents in needs.
#[derive(Clone)]
pub struct Upload {
    /// Checks session tokens.
    pub auth: Auth,
    /// As the application's role.
    pub db: db::Pool,
    /// Counts documents, and what is asked about them.
    pub limiter: Limiter,
    /// Takes the bytes.
    pub storage: Storage,
    /// Holds answers that may quote a document that goes.
    pub answers: Option<Answers>,
    /// Looks into files that may be locked with a password.
    pub reader: Arc<pdf::Reader>,
    /// The operator's switches.
    pub switches: Switches,
    /// Those for taking documents in.
    pub intake: Switches,
}

impl Upload {
    /// Builds the clients.
    pub async fn connect(env: &Env) -> anyhow::Result<Self> {
        let (auth, db) = (Auth::connect(env)?, db::Pool::new(env, "DATABASE_URL")?);
        Ok(Self {
            auth,
            db,
            limiter: Limiter::connect(env)?,
            storage: Storage::connect(env).await?,
            answers: Answers::connect(env)?,
            reader: Arc::new(pdf::Reader::connect(env)?),
            switches: Switches::new(env),
            intake: Self::intake(env),
        })
    }

    /// Switches that stop the intake and leave what is there readable.
    pub fn intake(env: &Env) -> Switches {
        Switches::or_off(env, "DISABLE_UPLOADS", "Uploads are switched off for now.")
    }
}

impl FromRef<Upload> for Auth {
    fn from_ref(upload: &Upload) -> Self {
        upload.auth.clone()
    }
}

/// The function's routes.
pub fn routes(upload: Upload) -> Router {
    let bytes_max = DIRECT_BYTES_MAX + FORM_BYTES_MAX;
    let once = Idempotency {
        auth: upload.auth.clone(),
        db: upload.db.clone(),
        body_bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
    };
    let gate = Gate::new(&upload.auth, &upload.limiter, &upload.db);
    let browse = |routes| gate.limit(policy::DOCUMENTS_USER, routes);
    let take = post(take::take).layer(from_fn_with_state(once, http::once));
    let take =
        gate.limit(policy::UPLOAD_USER, take).layer(from_fn_with_state(upload.intake.clone(), http::obey));
    Router::new()
        .route("/v1/documents", take.merge(browse(get(browse::list))))
        .route("/v1/documents/{id}", browse(get(browse::show).delete(browse::delete)))
        .route("/v1/documents/{id}/pages/{n}", browse(get(browse::page)))
        .layer(from_fn_with_state(upload.switches.clone(), http::obey))
        .with_state(upload)
}

/// The routes as the OpenAPI document has them.
pub fn described() -> anyhow::Result<Described> {
    #[derive(OpenApi)]
    #[openapi(paths(take::take, browse::list, browse::show, browse::delete, browse::page))]
    struct Routes;
    Described::guarded(&Routes::openapi())
}
