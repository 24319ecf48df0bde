//! People: what is held on one of them, in every workspace that they are in.

use super::{Statement, Tenant};
use crate::{Result, domain::caller::WorkspaceId};

pub(super) static STATEMENTS: &[&Statement] = &[&OBJECT_KEYS, &WORKSPACES, &DELETE];

/// Where the bytes of the person's documents lie.
pub async fn object_keys(tenant: &Tenant) -> Result<Vec<String>> {
    Ok(tenant.query(&OBJECT_KEYS, &[]).await?.iter().map(|row| row.get(0)).collect())
}

static OBJECT_KEYS: Statement = Statement::new("SELECT object_key FROM person_object_keys()", &[]);

/// The workspaces in which the person has anything.
pub async fn workspaces(tenant: &Tenant) -> Result<Vec<WorkspaceId>> {
    Ok(tenant.query(&WORKSPACES, &[]).await?.iter().map(|row| WorkspaceId(row.get(0))).collect())
}

static WORKSPACES: Statement = Statement::new("SELECT workspace_id FROM person_workspaces()", &[]);

/// How many rows of each kind were deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, utoipa::ToSchema)]
#[schema(as = DeletedRows)]
pub struct Deleted {
    /// Documents, with their pages, chunks and postings.
    pub documents: i64,
    /// Conversations, with their messages.
    pub conversations: i64,
    /// Query logs.
    pub query_logs: i64,
    /// Records of model calls.
    pub model_calls: i64,
}

/// Deletes the person's rows.
pub async fn delete(tenant: &Tenant) -> Result<Deleted> {
    let row = tenant.query_opt(&DELETE, &[]).await?;
    Ok(row.map_or_else(Deleted::default, |row| Deleted {
        documents: row.get(0),
        conversations: row.get(1),
        query_logs: row.get(2),
        model_calls: row.get(3),
    }))
}

static DELETE: Statement =
    Statement::new("SELECT documents, conversations, query_logs, model_calls FROM person_delete()", &[]);
