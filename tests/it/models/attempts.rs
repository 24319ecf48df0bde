//! Every call of a model is booked: what the books say is what the provider counted, whatever came of the calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use harness::{
    app::TestApp,
    openai::{Answer, Interruption, OpenAi},
    parts::token,
};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

use super::{WIRES, Wire, passing, with_model, with_model_of};
use crate::chat::{PIPES, shelve};

pub const QUESTION: &str = "What is the maximum hardness of a weld?";
pub const TEXT: &str = "It is 22 HRC [1 \"weld is 22 HRC\"].";

/// The calls as booked, in order: number, outcome, model, tokens read and written, whether those are estimated.
pub async fn booked(app: &TestApp) -> Vec<(i16, String, String, i32, i32, bool)> {
    let client = app.database.connect(None).await;
    let sql = "SELECT attempt, outcome, model, input_tokens, output_tokens, estimated FROM agent_telemetry \
               ORDER BY message_id, attempt";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5))).collect()
}

/// What the summary says: tokens, dollars, calls.
pub async fn summary(app: &TestApp) -> (i64, f64, i64) {
    let client = app.database.connect(None).await;
    let sql = "SELECT COALESCE(sum(total_tokens), 0)::bigint, COALESCE(sum(total_cost_usd), 0), \
               COALESCE(sum(total_calls), 0)::bigint FROM ai_cost_summary";
    let row = client.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

/// Asks, whole or followed; answers the answer object, none where it broke off.
pub async fn ask(app: &TestApp, who: &str, followed: bool) -> Option<Value> {
    let answered = app.post("/v1/chat", who, &json!({ "message": QUESTION, "stream": followed })).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    if !followed {
        return Some(answered.json());
    }
    let text = answered.text();
    let done = text.split("\n\n").find_map(|event| event.strip_prefix("event: done\ndata: "))?;
    Some(serde_json::from_str(done).unwrap())
}

#[tokio::test]
async fn retries_and_fallbacks_are_booked_each_and_the_answer_sums_them_up() {
    for wire in WIRES {
        for followed in [false, true] {
            let good = Answer::text(TEXT).usage(1_000, 100);
            let provider = OpenAi::start(vec![passing(500), passing(503), good]);
            let app = with_model_of(wire, &provider, &[]).await;
            let alice = token("alice", None);
            shelve(&app, &alice, "", PIPES).await;
            let answer = ask(&app, &alice, followed).await.unwrap();
            let model = answer["model"]["name"].as_str().unwrap().to_owned();
            let failed = |number| (number, "failed".to_owned(), model.clone(), 0, 0, false);
            let expected =
                [failed(1), failed(2), (3, "answered".to_owned(), model.clone(), 1_000, 100, false)];
            assert_eq!(booked(&app).await, expected, "{wire:?} {followed}");
            let (tokens, cost, calls) = summary(&app).await;
            assert_eq!((tokens, calls), (1_100, 3));
            assert_eq!(answer["usage"]["input_tokens"], 1_000);
            assert!((answer["usage"]["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-12 && cost > 0.0);
        }
    }
}

#[tokio::test]
async fn an_answer_that_broke_off_is_booked_with_the_most_that_it_can_have_been() {
    for wire in WIRES {
        for followed in [false, true] {
            let cut = Answer::text(TEXT).usage(900, 50).interrupted(3, Interruption::Cut);
            let provider = OpenAi::start(vec![cut, Answer::text(TEXT).usage(900, 50)]);
            let app = with_model_of(wire, &provider, &[]).await;
            let alice = token("alice", None);
            shelve(&app, &alice, "", PIPES).await;
            ask(&app, &alice, followed).await;
            let booked = booked(&app).await;
            // Whole answers are tried again; one that is followed has been told by then.
            assert_eq!(booked.len(), if followed { 1 } else { 2 }, "{booked:?}");
            let (_, outcome, _, input, output, estimated) = &booked[0];
            assert_eq!((outcome.as_str(), estimated), ("interrupted", &true));
            assert_eq!(*output, i32::try_from("It is 22 ".len()).unwrap(), "a token a byte");
            match wire {
                // It says at the start how much it has read.
                Wire::Anthropic => assert_eq!(*input, 900),
                Wire::OpenAi => assert!((900..10_000).contains(input), "{input}"),
            }
            if let Some((_, outcome, _, input, output, estimated)) = booked.get(1) {
                assert_eq!((outcome.as_str(), *input, *output, *estimated), ("answered", 900, 50, false));
            }
        }
    }
}

#[tokio::test]
async fn the_books_are_the_providers_to_the_token_however_many_ask_at_once() {
    let (asked, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let (number, count) = (Arc::clone(&asked), Arc::clone(&counted));
    // Each answer takes other tokens; every third call fails before it has read any.
    let provider = OpenAi::answering(move |_| {
        let number = number.fetch_add(1, Ordering::Relaxed) as u64;
        if number % 3 == 2 {
            return passing(500);
        }
        count.fetch_add(1_010 + 2 * number, Ordering::Relaxed);
        Answer::text(TEXT).usage(1_000 + number, 10 + number)
    });
    let app = with_model(&provider, &[("DATABASE_MAX_CONNECTIONS", "8")]).await;
    let people = [token("alice", Some("org_1")), token("bob", Some("org_1")), token("carol", Some("org_2"))];
    for who in [&people[0], &people[2]] {
        shelve(&app, who, "", PIPES).await;
    }
    let questions = (0..30).map(|number| ask(&app, &people[number % 3], number % 2 == 0));
    let answers = join_all(questions).await;
    assert!(answers.iter().all(|answer| answer.is_some()));
    let (tokens, _, calls) = summary(&app).await;
    assert_eq!(u64::try_from(tokens).unwrap(), counted.load(Ordering::Relaxed));
    assert_eq!(usize::try_from(calls).unwrap(), provider.requests().len());
    assert_eq!(asked.load(Ordering::Relaxed), provider.requests().len());
    let said: u64 = answers
        .iter()
        .flatten()
        .map(|answer| &answer["usage"])
        .map(|usage| usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap())
        .sum();
    assert_eq!(said, counted.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_question_is_one_round_trip_to_record_whatever_it_took() {
    let provider = OpenAi::start(vec![passing(500), passing(500), Answer::text(TEXT)]);
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let answer = ask(&app, &alice, false).await.unwrap();
    let client = app.database.connect(None).await;
    // Rows of one transaction have one time.
    let sql = "SELECT to_jsonb(array_agg(DISTINCT created_at)) FROM \
               (SELECT created_at FROM agent_telemetry UNION ALL SELECT created_at FROM query_logs \
                UNION ALL SELECT created_at FROM messages) AS rows";
    let times = client.query_one(sql, &[]).await.unwrap().get::<_, Json<Value>>(0).0;
    assert_eq!(times.as_array().unwrap().len(), 1, "{times}");
    let of: i64 = client
        .query_one("SELECT count(*) FROM agent_telemetry t JOIN messages m ON m.id = t.message_id", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!((of, &answer["refused"]), (3, &json!(false)));
}

#[tokio::test]
async fn a_parameter_that_is_refused_is_a_call_of_its_own() {
    let provider = OpenAi::answering(move |request| {
        if request["temperature"].is_null() {
            return Answer::text(TEXT).usage(10, 5);
        }
        let body = json!({ "error": { "message": "Unsupported value", "type": "invalid_request_error",
            "param": "temperature", "code": "unsupported_value" } });
        Answer::Error { status: 400, headers: Vec::new(), body }
    });
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    ask(&app, &alice, false).await;
    let outcomes: Vec<String> = booked(&app).await.into_iter().map(|call| call.1).collect();
    assert_eq!(outcomes, ["failed", "answered"]);
    assert_eq!(provider.requests().len(), 2);
}

#[tokio::test]
async fn answers_that_keep_breaking_off_after_their_first_words_open_the_breaker_too() {
    let provider = OpenAi::answering(|_| Answer::text(TEXT).usage(900, 50).interrupted(3, Interruption::Cut));
    let app = with_model(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    for requests in [1, 2, 3, 4, 5] {
        assert!(ask(&app, &alice, true).await.is_none(), "it is told as interrupted");
        assert_eq!(provider.requests().len(), requests);
    }
    let answer = ask(&app, &alice, true).await.unwrap();
    assert_eq!(answer["model"]["provider"], "footnote");
    assert_eq!(provider.requests().len(), 5, "after five nobody asks it");
}
