//! However many ask the same at once, in however many processes: one model writes, and whatever ends it, the next one does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::Method};
use futures_util::future::join_all;
use harness::{
    app::{TestApp, request},
    openai::{Answer, Interruption, OpenAi},
    parts::token,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::{QUESTION, change, count, provider, with_model};
use crate::chat::{PIPES, shelve};

fn question(token: &str, accept: &str) -> axum::http::Request<Body> {
    let request = request(Method::POST, "/v1/chat", token)
        .header("content-type", "application/json")
        .header("accept", accept);
    request.body(json!({ "message": QUESTION }).to_string().into()).unwrap()
}

async fn ask(router: Router, token: &str) -> Value {
    let response = router.oneshot(question(token, "application/json")).await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

/// A provider whose first answer waits, and one answer for all others.
fn waiting(first: Arc<Notify>) -> OpenAi {
    let answer = || Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"].").usage(1_000, 10);
    OpenAi::answering(move |_| answer().interrupted(0, Interruption::Until(first.clone())))
}

fn cached(answers: &[Value]) -> usize {
    answers.iter().filter(|answer| answer["cached"] == true).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_who_ask_the_same_at_once_cost_one_call() {
    let until = Arc::new(Notify::new());
    let provider = waiting(until.clone());
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let all = join_all((0..50).map(|_| ask(app.router.clone(), &alice)));
    let release = async {
        provider.requested(1).await;
        until.notify_one();
    };
    let (answers, ()) = tokio::join!(all, release);
    assert_eq!((cached(&answers), provider.requests().len()), (49, 1));
    assert!(answers.iter().all(|answer| answer["answer"] == "It is 22 HRC [1]."));
    assert_eq!(count(&app, "SELECT count(*) FROM messages").await, 50);
    assert_eq!(count(&app, "SELECT count(*) FROM agent_telemetry").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_in_two_processes_cost_one_call_too() {
    let until = Arc::new(Notify::new());
    let provider = waiting(until.clone());
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let processes = [app.router.clone(), app.twin(&[]).await];
    let all = join_all((0..50).map(|number| ask(processes[number % 2].clone(), &alice)));
    let release = async {
        provider.requested(1).await;
        until.notify_one();
    };
    let (answers, ()) = tokio::join!(all, release);
    assert_eq!((cached(&answers), provider.requests().len()), (49, 1));
}

/// A question whose answer began and will not end, at `app`.
async fn hanging(app: &TestApp, token: &str) -> axum::body::BodyDataStream {
    let response = app.router.clone().oneshot(question(token, "text/event-stream")).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

fn once_hanging() -> OpenAi {
    let answer = "It is 22 HRC [1 \"weld is 22 HRC\"].";
    OpenAi::start(vec![Answer::text(answer).interrupted(2, Interruption::Hang), Answer::text(answer)])
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_first_reader_goes_away_the_next_one_takes_over() {
    let provider = once_hanging();
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    for others in [app.router.clone(), app.twin(&[]).await] {
        let first = hanging(&app, &alice).await;
        provider.requested(1).await;
        let go_away = async {
            drop(first);
            provider.abandoned(1).await;
        };
        let (answer, ()) = tokio::join!(ask(others, &alice), go_away);
        assert_eq!((&answer["answer"], &answer["degraded"]), (&json!("It is 22 HRC [1]."), &json!([])));
        if provider.requests().len() == 2 {
            break;
        }
    }
    assert_eq!(provider.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_process_dies_another_takes_over_at_the_claims_end() {
    let provider = once_hanging();
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = hanging(&app, &alice).await;
    provider.requested(1).await;
    // As if its time were over and nobody there to say so.
    let over = async {
        assert_eq!(count(&app, "SELECT count(*) FROM query_cache WHERE answer IS NULL").await, 1);
        change(&app, "UPDATE query_cache SET until = now()").await;
    };
    let (answer, ()) = tokio::join!(ask(app.twin(&[]).await, &alice), over);
    assert_eq!((&answer["answer"], &answer["cached"]), (&json!("It is 22 HRC [1]."), &json!(false)));
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache WHERE answer IS NOT NULL").await, 1);
    drop(first);
    provider.abandoned(1).await;
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache WHERE answer IS NOT NULL").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_answers_before_the_deadline() {
    let provider = OpenAi::answering(|_| Answer::Hang);
    let app = with_model(&provider, &[("REQUEST_TIMEOUT_MS", "3000")]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    // The second process's embedder is loaded by its first question.
    let twin = app.twin(&[]).await;
    let began = Instant::now();
    let answers = join_all([&app.router, &app.router, &twin].map(|router| ask(router.clone(), &alice))).await;
    assert!(began.elapsed() < Duration::from_millis(3_500), "{:?}", began.elapsed());
    for answer in answers {
        assert_eq!((&answer["degraded"], &answer["cached"]), (&json!(["model"]), &json!(false)), "{answer}");
    }
}

#[tokio::test]
async fn a_question_without_a_model_leaves_no_claim() {
    let provider = provider();
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    // What nothing is known about is refused without a model, and leaves no claim.
    assert_eq!(ask(app.router.clone(), &alice).await["refused"], false);
    let refused = app.ask(&alice, "Zqxv?").await;
    assert_eq!((&refused["refused"], provider.requests().len()), (&json!(true), 1));
    assert_eq!(count(&app, "SELECT count(*) FROM query_cache WHERE answer IS NULL").await, 0);
}
