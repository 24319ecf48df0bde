//! Many tenants at once over few connections, some of whom go away half-way: no row is anybody else's, and no connection
//! is left with a transaction open.

use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use axum::http::Method;
use futures_util::future::join_all;
use harness::{
    app::{Answered, TestApp},
    holdings::{Holding, hold},
};
use serde_json::json;
use shared::{
    db::{Scope, documents},
    domain::{caller::WorkspaceId, ids::DocumentId},
};

const TENANTS: usize = 20;
/// Per tenant and size of pool.
const REQUESTS: usize = 60;
/// Requests under way at once.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_one_connection_no_tenant_sees_another() {
    storm("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_four_connections_no_tenant_sees_another() {
    storm("4").await;
}

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

async fn storm(connections: &str) {
    let app = TestApp::with(&[
        ("DATABASE_MAX_CONNECTIONS", connections),
        ("DISABLE_VECTOR_SEARCH", "true"),
        ("MATCH_THRESHOLD", "-1"),
    ])
    .await;
    let superuser = app.database.connect(None).await;
    let mut holdings = Vec::new();
    for number in 0..TENANTS {
        // Every other one is an organisation, with a name that a person has too.
        let organization = (number % 2 == 1).then(|| format!("user_{}", number - 1));
        holdings.push(hold(&superuser, &format!("user_{number}"), organization.as_deref(), number).await);
    }
    let (seen, dropped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = async |worker: usize| {
        let mut chance = Chance(0x5eed + worker as u64);
        for _ in 0..TENANTS * REQUESTS / AT_ONCE {
            let (me, other) = (chance.below(TENANTS), chance.below(TENANTS));
            let action = chance.below(8);
            let request = act(&app, action, &holdings[me], &holdings[other]);
            // One in four callers goes away after a few steps, wherever the request is then.
            let steps = if chance.below(4) == 0 { chance.below(12) } else { usize::MAX };
            let Some(answered) = polled_at_most(steps, request).await else {
                dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let text = answered.text();
            assert!(answered.status.as_u16() < 500, "{action}: {text}");
            for (number, holding) in holdings.iter().enumerate() {
                assert!(number == me || !holding.is_in(&text), "{me} saw {number}: {text}");
            }
            seen.fetch_add(usize::from(holdings[me].is_in(&text)), Ordering::Relaxed);
        }
    };
    join_all((0..AT_ONCE).map(worker)).await;
    let (seen, dropped) = (seen.into_inner(), dropped.into_inner());
    // Both halves happened: answers with rows in them, and callers who went away.
    assert!(seen > TENANTS * REQUESTS / 4 && dropped > TENANTS * REQUESTS / 50, "{seen} {dropped}");
    nothing_left_open(&app).await;
}

async fn act(app: &TestApp, action: usize, me: &Holding, other: &Holding) -> Answered {
    let token = &me.token;
    match action {
        0 => app.get("/v1/documents", token).await,
        1 => app.get(&format!("/v1/documents/{}", me.document), token).await,
        2 => app.get(&format!("/v1/documents/{}/pages/1", me.document), token).await,
        3 if me.document != other.document => {
            app.call(Method::DELETE, &format!("/v1/documents/{}", other.document), token).await
        }
        4 => {
            let body =
                json!({ "message": "Where is the password kept?", "conversation_id": me.conversation });
            app.post("/v1/chat", token, &body).await
        }
        5 => {
            let announced =
                json!({ "filename": "a.pdf", "size_bytes": 1, "content_type": "application/pdf" });
            app.post("/v1/documents", token, &announced).await
        }
        _ => app.post("/v1/chat", token, &json!({ "message": me.question() })).await,
    }
}

/// The future's value, unless it is not done after so many looks at it; then it is dropped where it stands.
async fn polled_at_most<T>(mut steps: usize, future: impl Future<Output = T>) -> Option<T> {
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
async fn nothing_left_open(app: &TestApp) {
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

/// Numbers that look random and are the same each time (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit
    }
}
