//! A tenant: a transaction that row-level security has bound to one workspace and one person.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deadpool_postgres::Object;
use futures_util::future::{BoxFuture, try_join};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{Params, STATEMENT_TIMEOUT, Statement, limited};
use crate::{
    Error, Result,
    domain::caller::{Caller, WorkspaceId},
};

/// Sets the tenant for the transaction only. The time-out keeps a runaway statement from outliving its request, and the
/// request's id is for the audit log. Compiling the search would take longer than running it; the last three let a filtered
/// search of the HNSW index find what it should (pgvector ≥ 0.8).
const BIND: &str = "SELECT set_config('app.workspace_id', $1, true), set_config('app.user_id', $2, true), \
     set_config('app.request_id', $3, true), set_config('statement_timeout', $4, true), set_config('jit', 'off', true), \
     set_config('hnsw.ef_search', '800', true), set_config('hnsw.iterative_scan', 'relaxed_order', true), \
     set_config('hnsw.max_scan_tuples', '40000', true)";

/// Whose rows a transaction may touch.
#[derive(Clone, Debug)]
pub struct Scope {
    /// None: nobody's.
    workspace: Option<WorkspaceId>,
    user: String,
    /// The request that it is for, if it is for one.
    request: Option<Uuid>,
    /// What one statement may take.
    timeout: Duration,
}

impl Scope {
    /// All of a workspace's shared rows and none of anybody's personal ones: for jobs.
    pub fn of_workspace(workspace: WorkspaceId) -> Self {
        let (user, request) = (String::new(), None);
        Self { workspace: Some(workspace), user, request, timeout: STATEMENT_TIMEOUT }
    }

    /// No rows at all: for what is known of nobody yet.
    pub(super) fn of_nobody(request: Option<Uuid>, timeout: Duration) -> Self {
        Self { workspace: None, user: String::new(), request, timeout }
    }
}

impl From<&Caller> for Scope {
    fn from(caller: &Caller) -> Self {
        let (workspace, user) = (Some(caller.workspace.id), caller.user.to_string());
        Self { workspace, user, request: caller.request, timeout: STATEMENT_TIMEOUT }
    }
}

/// A connection on which every statement runs as one tenant.
pub struct Tenant {
    client: Option<Object>,
    scope: Scope,
    /// Whether each statement is a transaction of its own.
    each: bool,
    /// Whether the transaction has begun.
    open: AtomicBool,
    /// Whether something was sent of which the end is not known; such a connection is thrown away.
    doubtful: AtomicBool,
}

impl Tenant {
    pub(super) fn each(client: Object, scope: Scope) -> Self {
        Self::new(client, scope, true)
    }

    pub(super) fn transaction(client: Object, scope: Scope) -> Self {
        Self::new(client, scope, false)
    }

    fn new(client: Object, scope: Scope, each: bool) -> Self {
        Self { client: Some(client), scope, each, open: false.into(), doubtful: false.into() }
    }

    /// The workspace's key, for the condition that each statement carries besides the tenant guard.
    pub(crate) fn workspace(&self) -> Uuid {
        // No workspace has the nil UUID: theirs are of version 8.
        self.scope.workspace.map_or(Uuid::nil(), |workspace| workspace.0)
    }

    /// The person's id, likewise.
    pub(crate) fn user(&self) -> &str {
        &self.scope.user
    }

    /// The rows of one statement. Begin, tenant and (in a tenant of single statements) commit travel with it.
    pub(crate) async fn query(&self, statement: &Statement, params: Params<'_>) -> Result<Vec<Row>> {
        let client = self.client()?;
        let params = statement.bind(params)?;
        // Whatever happens between here and the end, a caller who stops waiting leaves a doubtful connection behind.
        self.doubtful.store(true, Ordering::Relaxed);
        let query = client.query_typed(statement.sql, &params);
        let begun = self.open.swap(!self.each, Ordering::Relaxed);
        // Boxed: four calls of the driver in flight make a large future, and every caller would carry it.
        let sent: BoxFuture<'_, Result<Vec<Row>, tokio_postgres::Error>> = if self.each {
            Box::pin(async {
                let ((), (rows, ())) =
                    try_join(self.begin(client), try_join(query, client.batch_execute("COMMIT"))).await?;
                Ok(rows)
            })
        } else if begun {
            Box::pin(query)
        } else {
            Box::pin(async { try_join(self.begin(client), query).await.map(|((), rows)| rows) })
        };
        let rows = limited(sent).await?;
        self.doubtful.store(!self.each, Ordering::Relaxed);
        Ok(rows)
    }

    /// The one row of a statement that answers one at most.
    pub(crate) async fn query_opt(&self, statement: &Statement, params: Params<'_>) -> Result<Option<Row>> {
        Ok(self.query(statement, params).await?.into_iter().next())
    }

    /// Makes a transaction's work last. Without it all of it is undone.
    pub async fn commit(mut self) -> Result<()> {
        if self.open.load(Ordering::Relaxed) {
            limited(self.client()?.batch_execute("COMMIT")).await?;
        }
        self.doubtful.store(false, Ordering::Relaxed);
        self.client.take();
        Ok(())
    }

    /// Sends `BEGIN` and the tenant without waiting in between: the protocol keeps their order.
    async fn begin(&self, client: &Object) -> Result<(), tokio_postgres::Error> {
        let Scope { workspace, user, request, timeout } = &self.scope;
        let workspace = workspace.map_or_else(String::new, |workspace| workspace.0.to_string());
        let request = request.map_or_else(String::new, |request| request.to_string());
        let timeout_ms = timeout.as_millis().to_string();
        let params: [&(dyn ToSql + Sync); 4] = [&workspace, user, &request, &timeout_ms];
        let params = params.map(|param| (param, Type::TEXT));
        try_join(client.batch_execute("BEGIN"), client.query_typed(BIND, &params)).await.map(drop)
    }

    fn client(&self) -> Result<&Object> {
        self.client
            .as_ref()
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("a tenant was used after its commit")))
    }
}

impl Drop for Tenant {
    /// A connection whose transaction may be open does not go back to the pool: closing it undoes the transaction.
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && self.doubtful.load(Ordering::Relaxed)
        {
            drop(Object::take(client));
        }
    }
}
