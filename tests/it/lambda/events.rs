//! Functions behind a queue, a schedule and the deploy step: what comes back for each event, and that a failure leaves
//! the environment alive.

use harness::{
    app::{TestApp, sample},
    events::{s3_event, s3_record, s3_test_event, schedule, sqs},
    parts::{Database, token},
    runtime_api::EVENT_DEADLINE,
};
use serde_json::{Value, json};
use shared::db::migrations::MIGRATIONS;

use super::{jobs_settings, start};

#[tokio::test]
async fn a_record_that_fails_goes_back_alone() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let taken = app.upload(&alice, "fn-1175.pdf", sample()).await.json();
    let id = taken["document_id"].as_str().unwrap().to_owned();
    let ingest = start("ingest", &jobs_settings(&app));

    let body = |records: &[Value]| s3_event(records).to_string();
    let arrived = |key: &str| s3_record("bucket", key, sample().len() as u64, "etag", "0055AED6DCD90281E5");
    let batch = sqs(vec![
        ("not an event", "{".to_owned()),
        ("test", s3_test_event("bucket").to_string()),
        ("good", body(&[arrived(&format!("alice/{id}"))])),
        ("not ours", body(&[arrived("notes/read me.txt")])),
        ("unknown", body(&[arrived(&format!("alice/{}", uuid::Uuid::now_v7()))])),
        ("undecodable", body(&[arrived("x")]).replace("\"key\":\"x\"", "\"key\":\"%FF\"")),
    ]);
    let failed = json!([{ "itemIdentifier": "not an event" }, { "itemIdentifier": "undecodable" }]);
    let answer = ingest.invoke_within(batch, EVENT_DEADLINE).await.unwrap().json();
    assert_eq!(answer, json!({ "batchItemFailures": failed }));
    let document = app.get(&format!("/v1/documents/{id}"), &alice).await.json();
    assert_eq!(document["status"], "ready", "{document}");
}

#[tokio::test]
async fn a_batch_of_which_everything_fails_is_an_error_and_the_environment_lives_on() {
    let app = TestApp::new().await;
    let ingest = start("ingest", &jobs_settings(&app));
    let process = ingest.usage().expect("it runs");
    for event in [sqs(vec![("one", "{".to_owned())]), json!({ "no": "queue" })] {
        let error = ingest.invoke_within(event, EVENT_DEADLINE).await.unwrap().result.expect_err("an error");
        assert!(
            !error.error_type.starts_with("Runtime.") && !error.error_type.starts_with("Sandbox."),
            "{error:?}"
        );
    }
    let answer =
        ingest.invoke(sqs(vec![("test", s3_test_event("bucket").to_string())])).await.unwrap().json();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert!(ingest.usage().expect("the same process").0 >= process.0);
}

#[tokio::test]
async fn the_schedule_deletes_what_is_due_and_heals_what_was_lost() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let taken = app.upload(&alice, "fn-1175.pdf", sample()).await.json();
    let path = format!("/v1/documents/{}", taken["document_id"].as_str().unwrap());
    app.ask(&alice, "What is the maximum hardness?").await;
    let superuser = app.database.connect(None).await;
    let aged = superuser.execute("UPDATE query_logs SET created_at = now() - interval '91 days'", &[]);
    assert_eq!(aged.await.unwrap(), 1);
    app.sql("INSERT INTO audit_logs (event, at) VALUES ('settings_changed', now() - interval '366 days')")
        .await;

    let retention = start("retention", &jobs_settings(&app));
    let run = async |event: Value| retention.invoke_within(event, EVENT_DEADLINE).await.unwrap().json();
    assert_eq!(
        run(json!({ "task": "retain" })).await,
        json!({ "query_logs": 1, "answers": 0, "embeddings": 0, "idempotency_keys": 0, "budgets": 0, "audit_logs": 1, "healed": 0, "renewed": 0 })
    );
    assert_eq!(app.get(&path, &alice).await.json()["status"], "processing");
    assert_eq!(run(json!({ "task": "heal" })).await["healed"], 1);
    assert_eq!(app.get(&path, &alice).await.json()["status"], "ready");
    // A schedule without input sends its own event; nothing is left to do.
    for event in [schedule(), json!({})] {
        assert_eq!(
            run(event).await,
            json!({ "query_logs": 0, "answers": 0, "embeddings": 0, "idempotency_keys": 0, "budgets": 0, "audit_logs": 0, "healed": 0, "renewed": 0 })
        );
    }
    let unknown = retention.invoke_within(json!({ "task": "rest" }), EVENT_DEADLINE).await.unwrap().result;
    assert!(unknown.expect_err("an error").error_message.contains("rest"));
}

#[tokio::test]
async fn the_deploy_step_applies_the_migrations_and_names_them() {
    let database = Database::empty().await;
    let url = ("DATABASE_DIRECT_URL", database.url(Some("footnote_owner")));
    let migrate = start("migrate", &[url]);
    let names: Vec<&str> = MIGRATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(migrate.invoke(json!({})).await.unwrap().json(), json!({ "applied": names }));
    assert_eq!(migrate.invoke(json!({})).await.unwrap().json(), json!({ "applied": [] }));
}

#[tokio::test]
async fn a_deploy_step_without_a_database_fails_and_can_be_tried_again() {
    let url = ("DATABASE_DIRECT_URL", "postgres://nobody@127.0.0.1:1/none?sslmode=disable".to_owned());
    let migrate = start("migrate", &[url]);
    for _ in 0..2 {
        let error = migrate.invoke(json!({})).await.unwrap().result.expect_err("an error");
        assert!(error.error_message.contains("connect as the owner"), "{error:?}");
    }
    assert!(migrate.log_with("an event failed").await.is_ok());
}
