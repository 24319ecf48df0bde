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
use shared::{auth::Auth, db, env::Env, pdf, storage::Storage};

/// All that taking documents in needs.
#[derive(Clone)]
pub struct Upload {
    /// Checks session tokens.
    pub auth: Auth,
    /// As the application's role.
    pub db: db::Pool,
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
    Router::new()
        .route("/v1/documents", post(take::take).get(browse::list))
        .route("/v1/documents/{id}", get(browse::show).delete(browse::delete))
        .route("/v1/documents/{id}/pages/{n}", get(browse::page))
        .with_state(upload)
}
