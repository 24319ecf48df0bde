//! `Idempotency-Key`: a request that is sent twice is done once.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use harness::{
    app::{Answered, TestApp, request, sample},
    parts::token,
};
use serde_json::json;

fn ask(token: &str, key: &str, message: &str) -> Request<Body> {
    request(Method::POST, "/v1/chat", token)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(json!({ "message": message }).to_string()))
        .unwrap()
}

async fn rows(app: &TestApp, sql: &str) -> i64 {
    app.database.connect(None).await.query_one(sql, &[]).await.unwrap().get(0)
}

fn code(answered: &Answered) -> (u16, String) {
    (answered.status.as_u16(), answered.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_same_request_is_answered_once_and_replayed_byte_for_byte() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "sample.pdf", sample()).await;
    let first = app.send(ask(&alice, "key-1", "What is the maximum hardness?")).await;
    let second = app.send(ask(&alice, "key-1", "What is the maximum hardness?")).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!(first.body, second.body);
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(second.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(rows(&app, "SELECT count(*) FROM messages").await, 1);
}

#[tokio::test]
async fn an_upload_that_is_sent_twice_is_one_document() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let upload = || {
        request(Method::POST, "/v1/documents", &alice)
            .header(header::CONTENT_TYPE, "application/pdf")
            .header("idempotency-key", "upload-1")
            .body(Body::from(sample()))
            .unwrap()
    };
    let (first, second) = (app.send(upload()).await, app.send(upload()).await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202));
    assert_eq!(first.json()["document_id"], second.json()["document_id"]);
    assert_eq!(rows(&app, "SELECT count(*) FROM documents").await, 1);
}

#[tokio::test]
async fn a_key_of_another_request_is_refused_and_anothers_key_is_free() {
    let app = TestApp::new().await;
    let (alice, bob) = (token("alice", None), token("bob", None));
    assert_eq!(app.send(ask(&alice, "key-1", "One?")).await.status, 200);
    assert_eq!(
        code(&app.send(ask(&alice, "key-1", "Two?")).await),
        (422, "idempotency_key_reused".to_owned())
    );
    let other = app.send(ask(&bob, "key-1", "Two?")).await;
    assert_eq!(other.status, 200);
    assert!(other.headers.get("idempotency-replayed").is_none());
}

#[tokio::test]
async fn a_file_of_another_name_is_another_request() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let send = async |name: &str| {
        let sent = request(Method::POST, "/v1/documents", &alice)
            .header(header::CONTENT_TYPE, "application/pdf")
            .header("idempotency-key", "key-1")
            .header("x-filename", name);
        app.send(sent.body(Body::from(sample())).unwrap()).await
    };
    assert_eq!(send("a.pdf").await.status, 202);
    assert_eq!(code(&send("b.pdf").await), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(send("a.pdf").await.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn while_the_first_is_worked_on_the_second_waits_until_its_deadline_at_most() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    assert_eq!(app.send(ask(&alice, "key-1", "One?")).await.status, 200);
    // As an invocation leaves it that was killed in the middle.
    let admin = app.database.connect(None).await;
    let in_flight =
        "UPDATE idempotency_keys SET status = NULL, body = NULL, expires_at = now() + interval '20 s'";
    admin.batch_execute(in_flight).await.unwrap();
    let waiting = app.send(ask(&alice, "key-1", "One?")).await;
    assert_eq!(code(&waiting), (409, "request_in_flight".to_owned()));
    let wait: u64 = waiting.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    admin.batch_execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 s'").await.unwrap();
    assert_eq!(app.send(ask(&alice, "key-1", "One?")).await.status, 200);
}

#[tokio::test]
async fn two_at_once_are_worked_on_once() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let (left, right) =
        tokio::join!(app.send(ask(&alice, "key-1", "One?")), app.send(ask(&alice, "key-1", "One?")));
    let mut seen = [left.status.as_u16(), right.status.as_u16()];
    seen.sort_unstable();
    assert!(seen == [200, 409] || (seen == [200, 200] && left.body == right.body), "{seen:?}");
    assert_eq!(rows(&app, "SELECT count(*) FROM messages").await, 1);
}

#[tokio::test]
async fn what_was_refused_is_not_kept() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    assert_eq!(app.send(ask(&alice, "key-1", " ")).await.status, 400);
    assert_eq!(app.send(ask(&alice, "key-1", "One?")).await.status, 200);
    for bad in ["", "two words", &"x".repeat(256)] {
        let answered = app.send(ask(&alice, bad, "One?")).await;
        assert_eq!(answered.status, 400, "{bad:?}");
        assert_eq!(answered.json()["details"][0]["path"][0], "Idempotency-Key");
    }
    assert_eq!(app.send(ask("", "key-2", "One?")).await.status, 401);
    assert_eq!(rows(&app, "SELECT count(*) FROM idempotency_keys").await, 1);
}

#[tokio::test]
async fn what_is_kept_for_a_repeated_request_goes_with_the_account() {
    let app = TestApp::new().await;
    let people = [token("alice", None), token("alice", Some("org_1")), token("bob", Some("org_1"))];
    for person in &people {
        assert_eq!(app.send(ask(person, "key-1", "What is the maximum hardness?")).await.status, 200);
    }
    assert_eq!(app.call(Method::DELETE, "/v1/users/alice", &people[0]).await.status, 200);
    assert_eq!(rows(&app, "SELECT count(*) FROM idempotency_keys WHERE user_id = 'alice'").await, 0);
    assert_eq!(rows(&app, "SELECT count(*) FROM idempotency_keys").await, 1);
}
