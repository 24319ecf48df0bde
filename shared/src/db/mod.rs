//! Postgres: the pool, and the transaction that every tenant table is reached through. One file per table beside this.
//!
//! Statements are unnamed and pipelined: a question costs one round trip, and works behind a transaction pooler, where a
//! named statement would outlive its connection.

pub mod answers;
pub mod audit;
pub mod budgets;
pub mod calls;
mod connect;
pub mod conversations;
pub mod documents;
pub mod embeddings;
pub mod idempotency;
pub mod jobs;
pub mod migrations;
pub mod pages;
pub mod renewal;
pub mod search;
mod statement;
mod tenant;
pub mod users;

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{ManagerConfig, RecyclingMethod};
use tokio::sync::RwLock;
use tokio_postgres::{Row, error::SqlState, types::ToSql};

pub use self::{
    statement::{STATEMENTS, Statement},
    tenant::{Scope, Tenant},
};
use crate::{Error, Result, env::Env};

/// Parameters of a statement, in order.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request waits for a free connection before it is told to come back.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
/// What any one statement may take; the server is told too, so that it stops working when we stop waiting.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// A lazy pool of connections as one role. Cloning shares it.
#[derive(Clone)]
pub struct Pool {
    connections: deadpool_postgres::Pool,
    /// Held for writing while the first connection is being opened.
    warming: Arc<RwLock<()>>,
    /// Tells of settings that changed.
    env: Env,
    audit: Arc<audit::Bounds>,
}

impl Pool {
    /// The pool that `DATABASE_URL` (or another setting of its kind) asks for. Nothing is opened yet.
    pub fn new(env: &Env, setting: &'static str) -> anyhow::Result<Self> {
        let connect = connect::FromSettings::new(env, setting)?;
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager =
            deadpool_postgres::Manager::from_connect(tokio_postgres::Config::new(), connect, config);
        let connections = deadpool_postgres::Pool::builder(manager)
            .max_size(env.number("DATABASE_MAX_CONNECTIONS", 1..=200)?)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .wait_timeout(Some(WAIT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .build()?;
        let audit = Arc::new(audit::Bounds::new(env)?);
        Ok(Self { connections, warming: Arc::default(), env: env.clone(), audit })
    }

    /// Opens a first connection in the background. A request that comes meanwhile waits for it: another one would cost a
    /// second handshake, and a second server process with empty caches.
    pub fn warm(&self) {
        let Ok(warming) = self.warming.clone().try_write_owned() else { return };
        let connections = self.connections.clone();
        tokio::spawn(async move {
            connections.get().await.map(drop).ok();
            drop(warming);
        });
    }

    /// A tenant in which each statement is a transaction of its own, sent and answered in one round trip.
    pub async fn each(&self, scope: Scope) -> Result<Tenant> {
        Ok(Tenant::each(self.client().await?, scope))
    }

    /// A tenant whose statements are one transaction, from the first statement to `commit`.
    pub async fn transaction(&self, scope: Scope) -> Result<Tenant> {
        Ok(Tenant::transaction(self.client().await?, scope))
    }

    /// A statement on no tenant's table: the named functions of jobs, and `SELECT 1`.
    async fn query(&self, statement: &Statement, params: Params<'_>) -> Result<Vec<Row>> {
        let client = self.client().await?;
        let rows = limited(client.query_typed(statement.sql, &statement.bind(params)?)).await;
        if rows.is_err() {
            // A statement that was given up may still be running there.
            drop(deadpool_postgres::Object::take(client));
        }
        rows
    }

    /// Whether the database answers; for readiness.
    pub async fn ping(&self) -> Result<()> {
        self.query(&statement::PING, &[]).await.map(drop)
    }

    async fn client(&self) -> Result<deadpool_postgres::Object> {
        let client = self.connection().await?;
        // Whatever made this process read its secret again, the next use of a database tells of it.
        let Some(change) = self.env.take_change() else { return Ok(client) };
        Box::pin(audit::note_settings(self, client, change)).await;
        self.connection().await
    }

    async fn connection(&self) -> Result<deadpool_postgres::Object> {
        drop(self.warming.read().await);
        // Boxed: opening a connection with TLS is a large future, and nearly never the case.
        Box::pin(self.connections.get()).await.map_err(|error| match error {
            deadpool_postgres::PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => {
                Error::unavailable("overloaded", anyhow::anyhow!("no free database connection"))
            }
            other => Error::unavailable("database_unavailable", other),
        })
    }
}

/// Bounds a statement in time and says what its failure means.
async fn limited<T>(statement: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
    match tokio::time::timeout(STATEMENT_TIMEOUT + Duration::from_secs(1), statement).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(error)),
        Err(elapsed) => Err(Error::unavailable("timeout", elapsed)),
    }
}

/// What a database error means for the caller: come back later, or a defect of ours.
fn failure(error: tokio_postgres::Error) -> Error {
    match error.code() {
        Some(&SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE) => {
            Error::unavailable("timeout", error)
        }
        Some(&SqlState::TOO_MANY_CONNECTIONS) => Error::unavailable("overloaded", error),
        // Serialisation failures and deadlocks (40), connections (08), lack of resources (53), shutdowns (57).
        Some(code) if ["08", "40", "53", "57"].iter().any(|class| code.code().starts_with(class)) => {
            Error::unavailable("database_unavailable", error)
        }
        Some(_) => Error::Internal(error.into()),
        None => Error::unavailable("database_unavailable", error),
    }
}
