//! What the caller sees when models, the embedder or the database are down or slow: an answer all the same, in time.

use std::time::{Duration, Instant};

use harness::{
    app::TestApp,
    openai::{Answer, Interruption, OpenAi, vectors},
    parts::token,
};
use serde_json::{Value, json};

use super::{WIRES, Wire, passing, quoting, with_model, with_model_of};
use crate::chat::{PIPES, shelve};

const QUESTION: &str = "What is the maximum hardness of a weld?";
const SENTENCE: &str = "The maximum hardness of a weld is 22 HRC in any position. [1]";

/// Asks of the pipes with one model; also says how long it took.
async fn ask(provider: &OpenAi, own: &[(&'static str, &str)]) -> (Value, Duration) {
    ask_in(Wire::OpenAi, provider, own).await
}

async fn ask_in(wire: Wire, provider: &OpenAi, own: &[(&'static str, &str)]) -> (Value, Duration) {
    let app = with_model_of(wire, provider, own).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let started = Instant::now();
    (app.ask(&alice, QUESTION).await, started.elapsed())
}

fn assert_extracted(answer: &Value) {
    assert_eq!(answer["answer"], SENTENCE);
    assert_eq!(answer["degraded"], json!(["vector_search", "model"]));
    assert_eq!(answer["model"], json!({ "provider": "footnote", "name": "extractive", "fallback": true }));
    assert_eq!(answer["citations"][0]["method"], "extracted");
}

#[tokio::test]
async fn a_model_that_fails_for_a_moment_is_tried_again() {
    let faults = [500, 503, 429, 408, 529].map(passing);
    for (wire, fault) in faults.iter().enumerate().map(|(at, fault)| (WIRES[at % 2], fault)) {
        let good = Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"].");
        let provider = OpenAi::start(vec![fault.clone(), fault.clone(), good]);
        let (answer, _) = ask_in(wire, &provider, &[]).await;
        assert_eq!(answer["answer"], "It is 22 HRC [1].");
        assert_eq!(
            (&answer["model"]["fallback"], &answer["degraded"]),
            (&json!(false), &json!(["vector_search"]))
        );
        assert_eq!(provider.requests().len(), 3);
    }
}

#[tokio::test]
async fn after_three_tries_the_documents_speak_for_themselves() {
    let provider = OpenAi::answering(|_| passing(500));
    let (answer, _) = ask(&provider, &[]).await;
    assert_extracted(&answer);
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn what_trying_again_cannot_mend_is_tried_once() {
    for fault in [Answer::unauthorized(), Answer::quota_exhausted(), Answer::rate_limited(60), passing(404)] {
        let provider = OpenAi::answering(move |_| fault.clone());
        let (answer, took) = ask(&provider, &[]).await;
        assert_extracted(&answer);
        assert_eq!(provider.requests().len(), 1);
        assert!(took < Duration::from_secs(10), "nobody waited: {took:?}");
    }
}

#[tokio::test]
async fn answers_that_break_off_or_are_no_answers_are_failures() {
    let broken = json!({ "error": { "message": "overloaded", "type": "server_error", "code": null } });
    let text = "It is 22 HRC [1 \"weld is 22 HRC\"].";
    for wire in WIRES {
        let provider = OpenAi::start(vec![
            Answer::text(text).interrupted(1, Interruption::Cut),
            Answer::text(text).interrupted(1, Interruption::Error(broken.clone())),
            Answer::text(text),
        ]);
        let (answer, _) = ask_in(wire, &provider, &[]).await;
        assert_eq!(answer["answer"], "It is 22 HRC [1].", "{wire:?}");
        for empty in [Answer::text(""), Answer::text(" ").finished_by("content_filter")] {
            let provider = OpenAi::answering(move |_| empty.clone());
            assert_extracted(&ask_in(wire, &provider, &[]).await.0);
        }
    }
}

#[tokio::test]
async fn anthropic_is_spoken_to_in_its_own_words() {
    let provider = OpenAi::answering(|_| {
        Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"].").usage(1_000, 100).finished_by("length")
    });
    let (answer, _) = ask_in(Wire::Anthropic, &provider, &[]).await;
    assert_eq!(answer["answer"], "It is 22 HRC [1].");
    assert_eq!(
        answer["model"],
        json!({ "provider": "anthropic", "name": "claude-haiku-4-5", "fallback": false })
    );
    assert_eq!(answer["usage"], json!({ "input_tokens": 1000, "output_tokens": 100, "cost_usd": 0.0015 }));
    assert_eq!(answer["degraded"], json!(["vector_search", "truncated"]));
    let asked = &provider.requests()[0];
    assert_eq!(asked.path, "/v1/messages");
    assert_eq!(asked.headers["x-api-key"], "sk-ant-test");
    assert!(asked.headers.get("authorization").is_none());
    assert!(asked.body["system"].as_str().unwrap().len() > 100 && asked.body.get("temperature").is_none());
}

#[tokio::test]
async fn a_parameter_that_a_model_does_not_take_is_left_out_from_then_on() {
    let unsupported = |parameter: &str| {
        let body = json!({ "error": { "message": "Unsupported parameter", "type": "invalid_request_error",
            "param": parameter, "code": "unsupported_parameter" } });
        Answer::Error { status: 400, headers: Vec::new(), body }
    };
    let provider = OpenAi::answering(move |request| {
        let refused = ["max_tokens", "temperature"].into_iter().find(|name| !request[*name].is_null());
        refused.map_or_else(|| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."), unsupported)
    });
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    for requests in [3, 4] {
        assert_eq!(app.ask(&alice, QUESTION).await["answer"], "It is 22 HRC [1].");
        assert_eq!(provider.requests().len(), requests);
    }
    assert_eq!(provider.requests()[3].body["max_completion_tokens"], 1_024);
}

#[tokio::test]
async fn simple_questions_go_to_the_cheap_model_and_others_to_the_strong_one() {
    let provider = OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."));
    let own = [("CHAT_MODELS", "openai:strong"), ("CHAT_MODELS_CHEAP", "openai:cheap")];
    let app = with_model(&provider, &own).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let hard = "Compare the hardness of welds and flanges, and explain why the maximum differs.";
    for (question, model) in [(QUESTION, "cheap"), (hard, "strong")] {
        let answer = app.ask(&alice, question).await;
        let expected = json!({ "provider": "openai", "name": model, "fallback": false });
        assert_eq!(answer["model"], expected, "{question}");
    }
}

#[tokio::test]
async fn a_model_that_keeps_failing_is_left_alone() {
    let provider = OpenAi::answering(|_| passing(500));
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    for requests in [3, 5, 5, 5] {
        assert_extracted(&app.ask(&alice, QUESTION).await);
        assert_eq!(provider.requests().len(), requests, "after five failures nobody asks it");
    }
}

#[tokio::test]
async fn the_next_model_answers_when_the_first_one_does_not() {
    for fault in [passing(500), Answer::unauthorized(), Answer::quota_exhausted(), Answer::rate_limited(60)] {
        let first = OpenAi::answering(move |_| fault.clone());
        let second = quoting("It is 22 HRC [{hardness} \"weld is 22 HRC\"].");
        let url = second.url();
        let own = [
            ("CHAT_MODELS", "openai:gpt-4o-mini,groq:llama-3.3-70b-versatile"),
            ("GROQ_BASE_URL", url.as_str()),
            ("GROQ_API_KEY", "gsk-test"),
        ];
        let (answer, _) = ask(&first, &own).await;
        assert_eq!(answer["answer"], "It is 22 HRC [1].");
        let model = json!({ "provider": "groq", "name": "llama-3.3-70b-versatile", "fallback": true });
        assert_eq!(answer["model"], model);
        assert_eq!(answer["degraded"], json!(["vector_search"]));
        assert!((answer["usage"]["cost_usd"].as_f64().unwrap() - (590.0 + 79.0) / 1e6).abs() < 1e-12);
        let asked = &second.requests()[0];
        assert_eq!(asked.headers["authorization"], "Bearer gsk-test");
        assert!(
            first.requests().iter().all(|recorded| recorded.headers["authorization"] == "Bearer sk-test")
        );
    }
}

#[tokio::test]
async fn a_model_that_hangs_is_given_up_before_the_deadline() {
    let hanging = || OpenAi::answering(|_| Answer::Hang);
    let provider = hanging();
    let timeout = ("REQUEST_TIMEOUT_MS", "3000");
    let (answer, took) = ask(&provider, &[timeout]).await;
    assert_extracted(&answer);
    assert!(took < Duration::from_secs(6), "{took:?}");
    provider.abandoned(1).await;

    // With another model behind it, the first has half of the time.
    let (first, second) = (hanging(), quoting("It is 22 HRC [{hardness} \"weld is 22 HRC\"]."));
    let url = second.url();
    let own = [
        timeout,
        ("CHAT_MODELS", "openai:gpt-4o-mini,groq:x"),
        ("GROQ_BASE_URL", url.as_str()),
        ("GROQ_API_KEY", "gsk-test"),
    ];
    let (answer, took) = ask(&first, &own).await;
    assert_eq!(answer["model"], json!({ "provider": "groq", "name": "x", "fallback": true }));
    assert_eq!(answer["usage"]["cost_usd"], 0.0, "a model that no price list knows");
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn full_text_search_goes_alone_when_the_embedder_is_down() {
    let up = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_up = up.clone();
    let provider = OpenAi::answering_both(
        |_| Answer::unauthorized(),
        move |request| {
            if is_up.load(std::sync::atomic::Ordering::Relaxed) {
                vectors(request, 384)
            } else {
                passing(500)
            }
        },
    );
    let url = provider.url();
    let app = TestApp::with(&[
        ("EMBEDDINGS", "openai:text-embedding-3-small"),
        ("OPENAI_BASE_URL", &url),
        ("OPENAI_API_KEY", "sk-test"),
        ("CHAT_MODELS", "openai:gpt-4o-mini"),
    ])
    .await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let whole = app.ask(&alice, QUESTION).await;
    assert_eq!((&whole["answer"], &whole["degraded"]), (&json!(SENTENCE), &json!(["model"])));
    up.store(false, std::sync::atomic::Ordering::Relaxed);
    // The vector of a question that was asked before is still known.
    assert_eq!(app.ask(&alice, QUESTION).await["degraded"], json!(["model"]));
    let degraded = app.ask(&alice, "What is the maximum hardness of a weld then?").await;
    assert_eq!(degraded["answer"], SENTENCE);
    assert_eq!(degraded["degraded"], json!(["vector_search", "model"]));
}

#[tokio::test]
async fn without_a_database_nothing_is_spent() {
    let provider = OpenAi::answering(|_| Answer::text("It is 22 HRC."));
    // A port that was free a moment ago, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = format!("postgres://footnote_app:x@127.0.0.1:{port}/none?sslmode=disable");
    let app = with_model(&provider, &[("DATABASE_URL", &closed)]).await;
    let refused = app.post("/v1/chat", &token("alice", None), &json!({ "message": QUESTION })).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.headers["retry-after"], "2");
    assert_eq!(refused.json()["code"], "database_unavailable");
    assert!(!refused.text().contains(&port.to_string()), "the cause is for the log");
    assert!(provider.requests().is_empty());
}

#[tokio::test]
async fn a_database_that_is_too_slow_ends_the_question_in_time() {
    let provider = OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."));
    let app = with_model(&provider, &[("REQUEST_TIMEOUT_MS", "1500")]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    // Somebody holds what the search reads.
    let blocker = app.database.connect(None).await;
    blocker.batch_execute("BEGIN; LOCK TABLE postings IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let started = Instant::now();
    let refused = app.post("/v1/chat", &alice, &json!({ "message": QUESTION })).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (503, &json!("timeout")));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert!(provider.requests().is_empty());
    blocker.batch_execute("ROLLBACK").await.unwrap();

    // Or what the record is written to: the answer, which was paid for, is sent all the same.
    blocker.batch_execute("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let started = Instant::now();
    let answer = app.ask(&alice, QUESTION).await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(answer["answer"], "It is 22 HRC [1].");
    assert_eq!(answer["degraded"], json!(["vector_search", "history"]));
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(app.ask(&alice, QUESTION).await["degraded"], json!(["vector_search"]));
}
