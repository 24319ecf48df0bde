//! Callers who go away half-way: what they began is undone, and no connection is left with a transaction open.

use std::{pin::pin, task::Poll};

use harness::{app::TestApp, holdings::hold};
use shared::{
    db::{Scope, documents},
    domain::{caller::WorkspaceId, ids::DocumentId},
};

#[tokio::test]
async fn a_transaction_that_is_given_up_is_undone_and_its_connection_thrown_away() {
    let app = TestApp::with(&[("DATABASE_MAX_CONNECTIONS", "1")]).await;
    let superuser = app.database.connect(None).await;
    let alice = hold(&superuser, "alice", None, 1).await;
    let scope = Scope::of_workspace(WorkspaceId(alice.workspace.parse().unwrap()));
    let document: DocumentId = alice.document.parse().unwrap();
    let jobs = &app.server.ingest.db;
    let tenant = jobs.transaction(scope.clone()).await.unwrap();
    assert!(documents::delete(&tenant, document).await.unwrap());
    assert!(documents::find(&tenant, document).await.unwrap().is_none());
    drop(tenant);
    nothing_left_open(&app).await;
    // The pool's one place is free again, for a connection without a past.
    let tenant = jobs.each(scope.clone()).await.unwrap();
    assert!(documents::find(&tenant, document).await.unwrap().is_some());
    drop(tenant);
    // Likewise where the caller went away while the first statement was under way.
    let tenant = jobs.transaction(scope.clone()).await.unwrap();
    assert!(polled_at_most(0, documents::delete(&tenant, document)).await.is_none());
    drop(tenant);
    nothing_left_open(&app).await;
    let tenant = jobs.transaction(scope).await.unwrap();
    assert!(documents::delete(&tenant, document).await.unwrap());
    tenant.commit().await.unwrap();
    assert_eq!(app.get(&format!("/v1/documents/{document}"), &alice.token).await.status, 404);
}

/// The future's value, unless it is not done after so many looks at it; then it is dropped where it stands.
pub async fn polled_at_most<T>(mut steps: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if steps == 0 => Poll::Ready(None),
        Poll::Pending => {
            steps = steps.saturating_sub(1);
            Poll::Pending
        }
    })
    .await
}

/// Postgres sees no transaction of ours that nobody works in. Connections that were thrown away need a moment to end.
pub async fn nothing_left_open(app: &TestApp) {
    let superuser = app.database.connect(None).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'footnote' AND state <> 'idle'";
        let open: i64 = superuser.query_one(sql, &[]).await.unwrap().get(0);
        if open == 0 {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{open} connections are left with a transaction open");
        tokio::task::yield_now().await;
    }
}
