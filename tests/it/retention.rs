//! Retention: what is due goes, what is stuck is healed, the rest stays.

use std::time::Duration;

use harness::{app::TestApp, parts::token};
use jiff::{SignedDuration, Timestamp};
use retention::{Report, Retention, Task, run};

use crate::documents::fixture;

fn retention(app: &TestApp) -> Retention {
    let year = Duration::from_hours(365 * 24);
    Retention { db: app.server.ingest.db.clone(), ingest: app.server.ingest.clone(), audit_logs: year }
}

#[tokio::test]
async fn query_logs_of_more_than_ninety_days_go_in_batches_and_the_rest_stays() {
    let app = TestApp::new().await;
    app.announce(&token("alice", None), "a.pdf", 100).await;
    app.announce(&token("bob", None), "a.pdf", 100).await;
    // Two workspaces; more than two batches of old logs, a day around the limit, and young ones.
    app.sql(
        "INSERT INTO query_logs (id, workspace_id, user_id, question_hash, passages, citations, rejected, refused, degraded, \
                                 search_ms, total_ms, created_at) \
         SELECT gen_random_uuid(), w.id, w.external_id, '\\x00', 0, 0, 0, false, '{}', 0, 0, ages.at \
           FROM workspaces w, (SELECT timestamptz '2026-01-01' - interval '91 days' FROM generate_series(1, 5050) \
                               UNION ALL SELECT timestamptz '2026-01-01' - interval '89 days' FROM generate_series(1, 3) \
                               UNION ALL SELECT timestamptz '2026-01-01' - interval '90 days') AS ages(at)",
    )
    .await;
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let report = run(&retention(&app), Task::Retain, now).await.unwrap();
    assert_eq!(report, Report { query_logs: 10_100, ..Report::default() });
    assert_eq!(app.count("SELECT count(*) FROM query_logs").await, 8);
    assert_eq!(run(&retention(&app), Task::Retain, now).await.unwrap(), Report::default());
    let later = now + SignedDuration::from_hours(1);
    assert_eq!(run(&retention(&app), Task::Retain, later).await.unwrap().query_logs, 2);
}

#[tokio::test]
async fn a_document_whose_event_was_lost_is_healed() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let lost = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let never_sent = app.announce(&alice, "never.pdf", 100).await.0;
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    // Retaining heals nothing.
    assert_eq!(run(&retention(&app), Task::Retain, now).await.unwrap(), Report::default());
    let report = run(&retention(&app), Task::Heal, now).await.unwrap();
    assert_eq!(report, Report { healed: 1, ..Report::default() });
    let status =
        async |id: &str| app.get(&format!("/v1/documents/{id}"), &alice).await.json()["status"].clone();
    assert_eq!(status(&lost.id).await, "ready");
    assert_eq!(status(&never_sent).await, "awaiting_upload");
    assert_eq!(run(&retention(&app), Task::All, now).await.unwrap(), Report::default());
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_document_whose_worker_died_is_healed_once_its_lease_is_over() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let id = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await.id;
    app.sql("UPDATE documents SET status = 'processing', generation = 1, attempts = 1, lease_until = now() + interval '5 minutes'").await;
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(run(&retention(&app), Task::Heal, now).await.unwrap().healed, 0);
    app.sql("UPDATE documents SET lease_until = now() - interval '1 second'").await;
    assert_eq!(run(&retention(&app), Task::Heal, now).await.unwrap().healed, 1);
    assert_eq!(app.get(&format!("/v1/documents/{id}"), &alice).await.json()["status"], "ready");
    app.assert_consistent().await;
}

#[tokio::test]
async fn kept_vectors_go_after_a_day() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    app.ready(&alice, "two.pdf", fixture("two-pages")).await;
    let kept = app.count("SELECT count(*) FROM embedding_cache").await;
    assert!(kept > 0);
    let now = Timestamp::from_second(harness::parts::now_s()).unwrap();
    let soon = now + SignedDuration::from_hours(23);
    assert_eq!(run(&retention(&app), Task::Retain, soon).await.unwrap().embeddings, 0);
    let later = now + SignedDuration::from_hours(25);
    assert_eq!(run(&retention(&app), Task::Retain, later).await.unwrap().embeddings, kept);
}
