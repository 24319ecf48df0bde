//! When an answer is not given again: what it rests on has changed, or is gone.

use axum::http::Method;
use harness::{
    parts::{token, unique},
    redis::Redis,
};
use serde_json::json;

use super::{QUESTION, cached, change, count, in_redis, provider, with_model, with_redis};
use crate::chat::{BOILERS, PIPES, shelve};

#[tokio::test]
async fn every_change_of_the_documents_ends_every_answer_in_every_tier() {
    let Some(redis) = Redis::start().await else { return };
    let provider = provider();
    let app = with_redis(&provider, &redis).await;
    let organization = unique("org");
    let alice = token("alice", Some(&organization));
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    assert_eq!(in_redis(&redis, &organization).await.len(), 1);

    let boilers = shelve(&app, &alice, "", BOILERS).await;
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0, "gone with the change");
    assert!(!cached(&app.ask(&alice, QUESTION).await, &first), "a new document");
    assert!(cached(&app.ask(&alice, QUESTION).await, &first));

    let path = format!("/v1/documents/{boilers}");
    assert_eq!(app.call(Method::DELETE, &path, &alice).await.status, 204);
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0);
    assert_eq!(in_redis(&redis, &organization).await, [""; 0], "what could quote it is erased");
    assert!(!cached(&app.ask(&alice, QUESTION).await, &first), "a deleted document");
    assert!(cached(&app.ask(&alice, QUESTION).await, &first));
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn a_deleted_account_leaves_no_answer_in_any_of_its_workspaces() {
    let Some(redis) = Redis::start().await else { return };
    let provider = provider();
    let app = with_redis(&provider, &redis).await;
    let (one, other) = (unique("org"), unique("org"));
    let (alice, elsewhere) = (token("alice", Some(&one)), token("alice", Some(&other)));
    let bob = token("bob", Some(&one));
    // In one of them she has nothing but her questions.
    shelve(&app, &bob, "", PIPES).await;
    shelve(&app, &elsewhere, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    app.ask(&elsewhere, QUESTION).await;
    let gone = app.call(Method::DELETE, "/v1/users/alice", &alice).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0);
    for organization in [&one, &other] {
        assert_eq!(in_redis(&redis, organization).await, [""; 0]);
    }
    assert!(!cached(&app.ask(&bob, QUESTION).await, &first), "nor does memory give it again");
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_whose_words_do_not_stand_there_any_more_is_not_given() {
    let provider = provider();
    let mut app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    // Nothing of the bundle changes a page without its version; a hand in the database might.
    change(&app, "UPDATE pages SET text = replace(text, '22 HRC', '23 HRC')").await;
    let ask = async |app: &harness::app::TestApp| {
        app.post("/v1/chat", &alice, &json!({ "message": QUESTION })).await.json()
    };
    assert_eq!(ask(&app).await["cached"], false, "not from memory");
    app.restart(&[]).await;
    assert_eq!(ask(&app).await["cached"], false, "not from the database");
    assert_eq!(provider.requests().len(), 3);
    change(&app, "UPDATE pages SET text = replace(text, '23 HRC', '22 HRC')").await;
    assert!(cached(&app.ask(&alice, QUESTION).await, &first), "it is true again");
}

#[tokio::test]
async fn an_answer_that_was_being_written_while_a_document_went_is_not_kept() {
    let Some(redis) = Redis::start().await else { return };
    let until = std::sync::Arc::new(tokio::sync::Notify::new());
    let held = until.clone();
    let provider = harness::openai::OpenAi::answering(move |_| {
        let answer = harness::openai::Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"].");
        answer.interrupted(0, harness::openai::Interruption::Until(held.clone()))
    });
    let app = with_redis(&provider, &redis).await;
    let organization = unique("org");
    let alice = token("alice", Some(&organization));
    let pipes = shelve(&app, &alice, "", PIPES).await;
    let gone = async {
        provider.requested(1).await;
        let gone = app.call(Method::DELETE, &format!("/v1/documents/{pipes}"), &alice).await;
        until.notify_one();
        gone
    };
    let body = json!({ "message": QUESTION });
    let (answered, gone) = tokio::join!(app.post("/v1/chat", &alice, &body), gone);
    assert_eq!((answered.status.as_u16(), gone.status.as_u16()), (200, 204));
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0);
    assert_eq!(in_redis(&redis, &organization).await, [""; 0]);
    assert_eq!(app.ask(&alice, QUESTION).await["refused"], true);
}
