//! Takes documents in, lists them, shows their pages, deletes them.

mod browse;
mod receive;
mod take;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRef,
    routing::{get, post},
};
use shared::{
    auth::Auth,
    db,
    env::Env,
    http::Gate,
    limiter::{Limiter, policy},
    pdf,
    storage::Storage,
};

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
    /// Looks into files that may be locked with a password.
    pub reader: Arc<pdf::Reader>,
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
            reader: Arc::new(pdf::Reader::connect(env)?),
        })
    }
}

impl FromRef<Upload> for Auth {
    fn from_ref(upload: &Upload) -> Self {
        upload.auth.clone()
    }
}

/// The function's routes.
pub fn routes(upload: Upload) -> Router {
    let gate = Gate::new(&upload.auth, &upload.limiter);
    let browse = |routes| gate.limit(policy::DOCUMENTS_USER, routes);
    let take = gate.limit(policy::UPLOAD_USER, post(take::take));
    Router::new()
        .route("/v1/documents", take.merge(browse(get(browse::list))))
        .route("/v1/documents/{id}", browse(get(browse::show).delete(browse::delete)))
        .route("/v1/documents/{id}/pages/{n}", browse(get(browse::page)))
        .with_state(upload)
}
