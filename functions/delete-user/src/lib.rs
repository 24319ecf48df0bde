//! Deletes everything held on a user.

use axum::{
    Router,
    extract::{FromRef, Path, State, rejection::PathRejection},
    middleware::from_fn_with_state,
    routing::delete,
};
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    Error, Result,
    answers::Answers,
    auth::Auth,
    db::{self, users},
    domain::caller::UserId,
    env::Env,
    http::{Authenticated, Body, Gate, Switches, obey, openapi::Described},
    limiter::{Limiter, policy},
    storage::Storage,
};
use utoipa::{OpenApi, ToSchema};

/// All that deleting a user needs.
#[derive(Clone)]
pub struct DeleteUser {
    /// Checks session tokens.
    pub auth: Auth,
    /// As the application's role.
    pub db: db::Pool,
    /// Counts deletions.
    pub limiter: Limiter,
    /// Holds the user's documents.
    pub storage: Storage,
    /// Holds answers that may quote them.
    pub answers: Option<Answers>,
    /// The operator's switches.
    pub switches: Switches,
}

impl DeleteUser {
    /// Builds the clients.
    pub async fn connect(env: &Env) -> anyhow::Result<Self> {
        let (auth, db) = (Auth::connect(env)?, db::Pool::new(env, "DATABASE_URL")?);
        Ok(Self {
            auth,
            db,
            limiter: Limiter::connect(env)?,
            storage: Storage::connect(env).await?,
            answers: Answers::connect(env)?,
            switches: Switches::new(env),
        })
    }
}

impl FromRef<DeleteUser> for Auth {
    fn from_ref(delete_user: &DeleteUser) -> Self {
        delete_user.auth.clone()
    }
}

/// The function's routes.
pub fn routes(delete_user: DeleteUser) -> Router {
    let gate = Gate::new(&delete_user.auth, &delete_user.limiter, &delete_user.db);
    let erase = gate.limit(policy::DELETE_USER, delete(erase));
    Router::new()
        .route("/v1/users/{user_id}", erase.clone())
        .route("/api/users/{user_id}", erase)
        .layer(from_fn_with_state(delete_user.switches.clone(), obey))
        .with_state(delete_user)
}

/// The routes as the OpenAPI document has them.
pub fn described() -> anyhow::Result<Described> {
    #[derive(OpenApi)]
    #[openapi(paths(erase))]
    struct Routes;
    Described::guarded(&Routes::openapi())?.alias("/v1/users/{user_id}", "/api/users/{user_id}")
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
struct Erased {
    /// `Account deleted`.
    message: &'static str,
    /// Whose account it was.
    user_id: UserId,
    /// When.
    at: Timestamp,
    /// How many stored files.
    #[schema(value_type = u64)]
    objects: usize,
    /// How many rows.
    rows: users::Deleted,
}

/// Deletes your own account's rows and objects.
#[utoipa::path(
    delete,
    path = "/v1/users/{user_id}",
    operation_id = "deleteUser",
    tag = "users",
    params(("user_id" = UserId, Path, description = "Your own id, as in your session token.")),
    responses((status = 200, description = "Deleted.", body = Erased), (status = 403))
)]
// Objects go first: while a row is there, a second try finds them again.
async fn erase(
    State(delete_user): State<DeleteUser>,
    Authenticated(caller): Authenticated,
    user_id: Result<Path<String>, PathRejection>,
) -> Result<Body<impl Serialize>> {
    // What is no text is nobody's id.
    if !user_id.is_ok_and(|Path(user_id)| user_id == caller.user.as_str()) {
        return Err(Error::Forbidden("You can delete your own account only."));
    }
    let tenant = delete_user.db.each((&caller).into()).await?;
    let keys = users::object_keys(&tenant).await?;
    for key in &keys {
        delete_user.storage.erase(key).await?;
    }
    let workspaces = users::workspaces(&tenant).await?;
    let rows = users::delete(&tenant).await?;
    #[expect(clippy::disallowed_methods, reason = "the receipt says when")]
    let at = Timestamp::now();
    if let Some(answers) = &delete_user.answers {
        for workspace in workspaces {
            answers.erase(workspace, at).await;
        }
    }
    let objects = keys.len();
    tracing::info!(event = "user_deleted", objects, rows.documents, rows.conversations, "deleted a user");
    Ok(Body(Erased { message: "Account deleted", user_id: caller.user, at, objects, rows }))
}
