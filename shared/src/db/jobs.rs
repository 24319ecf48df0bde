//! The named functions: the only ways in which jobs see more than one tenant.

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{Pool, Statement};
use crate::{
    Result,
    domain::{caller::WorkspaceId, ids::DocumentId},
};

pub(super) static STATEMENTS: &[&Statement] = &[
    &LOCATE,
    &CLAIM,
    &EXPIRE_QUERY_LOGS,
    &EXPIRE_EMBEDDINGS,
    &EXPIRE_KEYS,
    &EXPIRE_AUDIT_LOGS,
    &EXPIRE_BUDGETS,
    &EXPIRE_ANSWERS,
];

/// Where a document is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In this workspace.
    In(WorkspaceId),
    /// It was deleted; what is left of it must go.
    Erased,
    /// Nowhere: the object is none of ours.
    Nowhere,
}

/// Which workspace holds the document.
pub async fn locate(pool: &Pool, id: DocumentId) -> Result<Place> {
    let rows = pool.query(&LOCATE, &[&id.0]).await?;
    Ok(match rows.first() {
        Some(row) if row.get(1) => Place::Erased,
        Some(row) => Place::In(WorkspaceId(row.get(0))),
        None => Place::Nowhere,
    })
}

static LOCATE: Statement = Statement::new("SELECT workspace_id, erased FROM job_locate($1)", &[Type::UUID]);

/// Object keys of up to `limit` documents that may need work; each is put off for a while.
pub async fn claim(pool: &Pool, limit: i32) -> Result<Vec<String>> {
    Ok(pool.query(&CLAIM, &[&limit]).await?.iter().map(|row| row.get(0)).collect())
}

static CLAIM: Statement = Statement::new("SELECT object_key FROM job_claim($1)", &[Type::INT4]);

/// Deletes up to `limit` query logs from before `before`; answers how many went.
pub async fn expire_query_logs(pool: &Pool, before: Timestamp, limit: i32) -> Result<i64> {
    expire(pool, &EXPIRE_QUERY_LOGS, before, limit).await
}

static EXPIRE_QUERY_LOGS: Statement =
    Statement::new("SELECT job_expire_query_logs($1, $2)", &[Type::TIMESTAMPTZ, Type::INT4]);

/// Likewise for kept vectors.
pub async fn expire_embeddings(pool: &Pool, before: Timestamp, limit: i32) -> Result<i64> {
    expire(pool, &EXPIRE_EMBEDDINGS, before, limit).await
}

static EXPIRE_EMBEDDINGS: Statement =
    Statement::new("SELECT job_expire_embeddings($1, $2)", &[Type::TIMESTAMPTZ, Type::INT4]);

/// Likewise for kept answers.
pub async fn expire_answers(pool: &Pool, before: Timestamp, limit: i32) -> Result<i64> {
    expire(pool, &EXPIRE_ANSWERS, before, limit).await
}

static EXPIRE_ANSWERS: Statement =
    Statement::new("SELECT job_expire_answers($1, $2)", &[Type::TIMESTAMPTZ, Type::INT4]);

/// Likewise for idempotency keys that expired before `before`.
pub async fn expire_idempotency_keys(pool: &Pool, before: Timestamp, limit: i32) -> Result<i64> {
    expire(pool, &EXPIRE_KEYS, before, limit).await
}

static EXPIRE_KEYS: Statement =
    Statement::new("SELECT job_expire_idempotency_keys($1, $2)", &[Type::TIMESTAMPTZ, Type::INT4]);

/// Likewise for rows of the audit log; those of the last thirty days stay, whatever `before` says.
pub async fn expire_audit_logs(pool: &Pool, before: Timestamp, limit: i32) -> Result<i64> {
    expire(pool, &EXPIRE_AUDIT_LOGS, before, limit).await
}

static EXPIRE_AUDIT_LOGS: Statement =
    Statement::new("SELECT job_expire_audit_logs($1, $2)", &[Type::TIMESTAMPTZ, Type::INT4]);

/// Likewise for reservations that expired before `before`, and budgets of months before its.
pub async fn expire_budgets(pool: &Pool, before: Timestamp, limit: i32) -> Result<i64> {
    expire(pool, &EXPIRE_BUDGETS, before, limit).await
}

static EXPIRE_BUDGETS: Statement =
    Statement::new("SELECT job_expire_budgets($1, $2)", &[Type::TIMESTAMPTZ, Type::INT4]);

async fn expire(pool: &Pool, statement: &Statement, before: Timestamp, limit: i32) -> Result<i64> {
    Ok(pool.query(statement, &[&before, &limit]).await?.first().map_or(0, |row| row.get(0)))
}
