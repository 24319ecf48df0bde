//! Where an answer is found, and which questions it answers.

use std::time::{Duration, Instant};

use harness::{
    app::{TestApp, request},
    openai::{Answer, Interruption, OpenAi},
    parts::{token, unique},
    redis::{Mode, Redis},
};
use serde_json::json;

use super::{QUESTION, cached, change, count, provider, with_model, with_redis};
use crate::chat::{BOILERS, PIPES, shelve};

#[tokio::test]
async fn a_question_is_paid_for_once_in_a_workspace() {
    let provider = provider();
    let app = with_model(&provider, &[]).await;
    let (alice, bob) = (token("alice", Some("org_1")), token("bob", Some("org_1")));
    let stranger = token("alice", Some("org_2"));
    for who in [&alice, &stranger] {
        shelve(&app, who, "", PIPES).await;
    }
    let first = app.ask(&alice, QUESTION).await;
    assert!(!cached(&first, &first) && first["usage"]["input_tokens"] == 1_000);
    // A colleague, in other words as far as white space, case and marks go.
    let second = app.ask(&bob, "  how HARD may a\nweld be").await;
    assert!(cached(&second, &first));
    assert_eq!(provider.requests().len(), 1);
    assert!(!cached(&app.ask(&stranger, QUESTION).await, &first), "another workspace pays for itself");
    assert_eq!(provider.requests().len(), 2);
    // It is a message like any other, and no model's call.
    assert_eq!(
        count(&app, "SELECT count(*) FROM messages WHERE response ->> 'cached' = 'true' AND user_id = 'bob'")
            .await,
        1
    );
    assert_eq!(count(&app, "SELECT count(*) FROM query_logs").await, 3);
    assert_eq!(count(&app, "SELECT count(*) FROM agent_telemetry").await, 2);
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache WHERE answer::text LIKE '%How hard%'").await, 0);
}

#[tokio::test]
async fn whatever_changes_the_answer_is_part_of_the_question() {
    let provider = provider();
    let mut app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    let id = shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    for other in [
        json!({ "message": "How hard may a weld not be?" }),
        json!({ "message": QUESTION, "top_k": 3 }),
        json!({ "message": QUESTION, "filters": { "document_ids": [id] } }),
    ] {
        assert!(!cached(&app.ask_with(&alice, &other).await, &first), "{other}");
        assert!(app.ask_with(&alice, &other).await["cached"].as_bool().unwrap(), "{other}");
    }
    let mut calls = provider.requests().len();
    assert_eq!(calls, 4);
    for (name, value, usual) in [
        ("USE_SIMPLIFIED_PROMPT", "true", "false"),
        ("MATCH_THRESHOLD", "0.3", "0.2"),
        ("PROMPT_TOKENS", "2000", "3000"),
        ("FUSION", "rrf", "zscore"),
        ("CHAT_MODELS", "openai:gpt-4o", "openai:gpt-4o-mini"),
    ] {
        app.restart(&[(name, value)]).await;
        assert!(!cached(&app.ask(&alice, QUESTION).await, &first), "{name}");
        calls += 1;
        assert_eq!(provider.requests().len(), calls, "{name}");
        app.restart(&[(name, usual)]).await;
    }
    assert!(cached(&app.ask(&alice, QUESTION).await, &first), "as it was, so is the answer");
}

#[tokio::test]
async fn memory_answers_and_after_it_the_database_and_what_is_found_there_is_known_again() {
    let provider = provider();
    let mut app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    // Another process on the same database, such as one that was just started.
    app.restart(&[]).await;
    assert!(cached(&app.ask(&alice, QUESTION).await, &first), "the database");
    change(&app, "DELETE FROM query_cache").await;
    assert!(cached(&app.ask(&alice, QUESTION).await, &first), "memory");
    app.restart(&[]).await;
    assert!(!cached(&app.ask(&alice, QUESTION).await, &first), "nowhere");
    change(&app, "UPDATE query_cache SET until = now()").await;
    app.restart(&[]).await;
    assert!(!cached(&app.ask(&alice, QUESTION).await, &first), "its half-hour is over");
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn redis_answers_when_the_database_has_forgotten_and_is_asked_only_then() {
    let Some(redis) = Redis::start().await else { return };
    let provider = provider();
    let mut app = with_redis(&provider, &redis).await;
    let alice = token("alice", Some(&unique("org")));
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    let calls = async |app: &TestApp, what: &str| {
        let before = redis.calls();
        let answer = app.post("/v1/chat", &alice, &json!({ "message": QUESTION })).await.json();
        assert!(cached(&answer, &first), "{what}");
        // The limits take one.
        redis.calls() - before - 1
    };
    assert_eq!(calls(&app, "memory").await, 0);
    app.restart(&[]).await;
    assert_eq!(calls(&app, "the database").await, 0);
    change(&app, "DELETE FROM query_cache").await;
    app.restart(&[]).await;
    assert_eq!(calls(&app, "Redis").await, 1);
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0, "the claim was given back");
    assert_eq!(calls(&app, "memory, which learnt of it").await, 0);
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_redis_that_is_away_costs_an_answer_from_it_and_nothing_else() {
    let Some(redis) = Redis::start().await else { return };
    let provider = provider();
    let mut app = with_redis(&provider, &redis).await;
    let alice = token("alice", Some(&unique("org")));
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    for mode in [Mode::Say(500, "oops"), Mode::Hang] {
        redis.set(mode).await;
        change(&app, "DELETE FROM query_cache").await;
        app.restart(&[("REDIS_TIMEOUT_MS", "150")]).await;
        let began = Instant::now();
        assert!(!cached(&app.ask(&alice, QUESTION).await, &first), "{mode:?}");
        assert!(cached(&app.ask(&alice, QUESTION).await, &first), "{mode:?}: the other tiers work");
        assert!(began.elapsed() < Duration::from_secs(5), "{mode:?}");
    }
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn a_models_refusal_is_kept_and_what_a_bad_day_made_is_not() {
    let unwilling = OpenAi::answering(|_| Answer::text("NO_ANSWER").usage(900, 1));
    let app = with_model(&unwilling, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    assert_eq!(first["refused"], true);
    assert!(cached(&app.ask(&alice, QUESTION).await, &first));
    assert_eq!(unwilling.requests().len(), 1);

    let down = OpenAi::answering(|_| Answer::error(400, "invalid_request_error", None, "no"));
    let app = with_model(&down, &[]).await;
    shelve(&app, &alice, "", PIPES).await;
    for calls in 1..=2 {
        let answer = app.ask(&alice, QUESTION).await;
        assert_eq!((&answer["degraded"], &answer["cached"]), (&json!(["model"]), &json!(false)));
        assert_eq!(down.requests().len(), calls);
    }
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0, "the claims were given back");
}

#[tokio::test]
async fn a_question_within_a_conversation_is_answered_anew() {
    let provider = provider();
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, QUESTION).await;
    let body = json!({ "message": QUESTION, "conversation_id": first["conversation_id"] });
    assert_eq!(app.ask_with(&alice, &body).await["cached"], false);
    assert_eq!(provider.requests().len(), 2);
}

#[tokio::test]
async fn without_a_model_nothing_is_kept() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", BOILERS).await;
    for _ in 0..2 {
        assert_eq!(app.ask(&alice, "At what pressure does the safety valve open?").await["cached"], false);
    }
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache").await, 0);
}

#[tokio::test]
async fn who_follows_a_kept_answer_gets_all_of_it_at_once() {
    let provider = OpenAi::start(vec![
        Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]. It").interrupted(3, Interruption::Cut),
        Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."),
    ]);
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let follow = async || {
        let request = request(axum::http::Method::POST, "/v1/chat", &alice)
            .header("content-type", "application/json")
            .header("accept", "text/event-stream");
        app.send(request.body(json!({ "message": QUESTION }).to_string().into()).unwrap()).await.text()
    };
    let broken = follow().await;
    assert!(broken.contains("event: error") && !broken.contains("event: done"), "{broken}");
    let whole = follow().await;
    assert!(whole.contains("\"cached\":false"), "what broke off is not kept: {whole}");
    let again = follow().await;
    let done =
        again.split("event: done\ndata: ").nth(1).and_then(|rest| rest.lines().next()).expect("an end");
    let done: serde_json::Value = serde_json::from_str(done).unwrap();
    assert_eq!((&done["cached"], &done["answer"]), (&json!(true), &json!("It is 22 HRC [1].")));
    assert_eq!(again.matches("event: token").count(), 1, "{again}");
    assert_eq!(again.matches("event: citation").count(), 1, "{again}");
    assert_eq!(provider.requests().len(), 2);
}
