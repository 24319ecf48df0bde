//! Every way in which a provider fails, at every place of the chain, whole and followed, in both wire formats: what the caller
//! sees, by when, and that the books are balanced afterwards.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use harness::{
    app::TestApp,
    openai::{Answer, Interruption, OpenAi},
    parts::token,
};
use serde_json::{Value, json};

use super::{
    WIRES, Wire,
    attempts::{QUESTION, TEXT},
    passing, with_model_of,
};
use crate::chat::{PIPES, shelve};

/// The models in their order.
const CHAIN: [&str; 3] = ["first", "second", "last"];
/// What a question may take, and what a slow machine may add to that.
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(8));
/// Tokens of a good answer.
const USED: (u64, u64) = (900, 100);

/// How far a faulty answer comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    /// No answer begins.
    Nothing,
    /// It begins, without a word.
    Head,
    /// Some words come.
    Words,
}

/// Each fault by its name, with how far the answer comes.
fn faults() -> Vec<(&'static str, Extent, Answer)> {
    let good = || Answer::text(TEXT).usage(USED.0, USED.1);
    let overloaded = || json!({ "error": { "message": "overloaded", "type": "server_error", "code": null } });
    let without_advice = Answer::error(429, "requests", Some("rate_limit_exceeded"), "Slow down.");
    vec![
        ("429", Extent::Nothing, without_advice),
        ("429, at once", Extent::Nothing, passing(429)),
        ("429, in a minute", Extent::Nothing, Answer::rate_limited(60)),
        ("429, no money", Extent::Nothing, Answer::quota_exhausted()),
        ("401", Extent::Nothing, Answer::unauthorized()),
        ("500", Extent::Nothing, passing(500)),
        ("503", Extent::Nothing, passing(503)),
        ("529", Extent::Nothing, passing(529)),
        ("hang", Extent::Nothing, Answer::Hang),
        ("slow", Extent::Head, good().interrupted(0, Interruption::Hang)),
        ("cut", Extent::Head, good().interrupted(0, Interruption::Cut)),
        ("error", Extent::Head, good().interrupted(0, Interruption::Error(overloaded()))),
        ("garbage", Extent::Head, good().interrupted(0, Interruption::Garbage)),
        ("slow after words", Extent::Words, good().interrupted(3, Interruption::Hang)),
        ("cut after words", Extent::Words, good().interrupted(3, Interruption::Cut)),
        ("error after words", Extent::Words, good().interrupted(3, Interruption::Error(overloaded()))),
        ("garbage after words", Extent::Words, good().interrupted(3, Interruption::Garbage)),
    ]
}

/// What the models before the faulty one do, so that it is its turn; and what those after it do.
type Script = Arc<Mutex<(usize, Answer)>>;

async fn chain(wire: Wire) -> (OpenAi, Script, TestApp, String) {
    let script: Script = Arc::new(Mutex::new((0, Answer::Hang)));
    let played = Arc::clone(&script);
    let provider = OpenAi::answering(move |request| {
        let (place, fault) = played.lock().unwrap().clone();
        let at = CHAIN.iter().position(|name| request["model"] == *name).unwrap();
        match at.cmp(&place) {
            std::cmp::Ordering::Less => Answer::error(404, "not_found_error", None, "No such model."),
            std::cmp::Ordering::Equal => fault,
            std::cmp::Ordering::Greater => Answer::text(TEXT).usage(USED.0, USED.1),
        }
    });
    let models = match wire {
        Wire::OpenAi => "openai:first,openai:second,openai:last",
        Wire::Anthropic => "anthropic:first,anthropic:second,anthropic:last",
    };
    let own = [
        ("CHAT_MODELS", models),
        ("MODEL_PRICES", "first=1/2,second=3/4,last=5/6"),
        ("BUDGET_USD_PER_DAY_USER", "1000"),
        ("BUDGET_USD_PER_MONTH_TOTAL", "1000"),
        ("REQUEST_TIMEOUT_MS", "4000"),
    ];
    let app = with_model_of(wire, &provider, &own).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    (provider, script, app, alice)
}

/// All faults of one place, one after the other, each on a bundle whose breakers have seen nothing yet.
async fn place(wire: Wire, place: usize, followed: bool) {
    let (provider, script, mut app, alice) = chain(wire).await;
    let superuser = app.database.connect(None).await;
    let (mut asked_before, mut spent_before) = (0, 0.0);
    for (name, extent, fault) in faults() {
        let what = format!("{wire:?} {} {name} followed: {followed}", CHAIN[place]);
        *script.lock().unwrap() = (place, fault);
        app.restart(&[]).await;
        let started = Instant::now();
        let answered =
            app.post("/v1/chat", &alice, &json!({ "message": QUESTION, "stream": followed })).await;
        let took = started.elapsed();
        assert!(took < TIMEOUT.0 + TIMEOUT.1, "{what}: {took:?}");
        assert_eq!(answered.status, 200, "{what}: {}", answered.text());
        let text = answered.text();
        let interrupted = followed && extent == Extent::Words;
        if interrupted {
            assert!(text.contains("event: token") && text.contains("\"interrupted\""), "{what}: {text}");
            assert!(!text.contains("event: done"), "{what}: {text}");
        } else {
            let done = text.split("\n\n").find_map(|event| event.strip_prefix("event: done\ndata: "));
            let answer: Value = serde_json::from_str(done.unwrap_or(&text)).unwrap();
            let degraded = answer["degraded"].as_array().unwrap().contains(&json!("model"));
            let model = answer["model"]["name"].as_str().unwrap();
            assert_eq!(answer["model"]["fallback"], true, "{what}: {answer}");
            match CHAIN.get(place + 1) {
                Some(next) => assert_eq!((model, degraded), (*next, false), "{what}: {answer}"),
                None => assert_eq!((model, degraded), ("extractive", true), "{what}: {answer}"),
            }
        }

        // The books: a row for each request, the provider's tokens, no cent missing, nothing reserved.
        let asked: Vec<String> =
            provider.requests()[asked_before..].iter().map(|one| one.body["model"].to_string()).collect();
        asked_before += asked.len();
        let sql = "SELECT to_json(model)::text, outcome, (input_tokens + output_tokens)::bigint, estimated, cost_usd \
                   FROM agent_telemetry ORDER BY attempt";
        let rows = superuser.query(sql, &[]).await.unwrap();
        let booked: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(booked, asked, "{what}");
        let mut cost = 0.0;
        for row in &rows {
            let (model, outcome, tokens): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
            let of_fault = model == format!("{:?}", CHAIN[place]);
            let is_good = CHAIN.get(place + 1).is_some_and(|next| model == format!("{next:?}"));
            let (expected, least) = match (extent, wire) {
                _ if is_good => ("answered", USED.0 + USED.1),
                // It says at the start what it has read, and that it has begun to write.
                (Extent::Head, Wire::Anthropic) if of_fault => ("failed", USED.0 + 1),
                (Extent::Words, _) if of_fault => ("interrupted", USED.0),
                _ => ("failed", 0),
            };
            let estimated = expected == "interrupted";
            assert_eq!((outcome.as_str(), row.get::<_, bool>(3)), (expected, estimated), "{what}: {model}");
            let tokens = u64::try_from(tokens).unwrap();
            assert!(if estimated { tokens > least } else { tokens == least }, "{what}: {model} {tokens}");
            cost += row.get::<_, f64>(4);
        }
        let sql = "SELECT (SELECT sum(day_usd) FROM budgets WHERE scope = 'user'), (SELECT sum(month_usd) FROM budgets WHERE scope = 'total'), \
                   (SELECT count(*) FROM budget_reservations)";
        let row = superuser.query_one(sql, &[]).await.unwrap();
        let spent: f64 = row.get(0);
        assert!((spent - spent_before - cost).abs() < 1e-9, "{what}: {spent} {spent_before} {cost}");
        assert_eq!((spent, 0), (row.get(1), row.get::<_, i64>(2)), "{what}");
        spent_before = spent;
        superuser.batch_execute("DELETE FROM agent_telemetry").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_every_place_ends_in_time_and_in_the_books() {
    let mut cases = Vec::new();
    for wire in WIRES {
        for at in 0..CHAIN.len() {
            for followed in [false, true] {
                cases.push(place(wire, at, followed));
            }
        }
    }
    // Most of the time is spent waiting; but whoever works must not be late because of the others.
    stream::iter(cases.into_iter().map(tokio::spawn))
        .buffer_unordered(4)
        .for_each(async |outcome| outcome.unwrap())
        .await;
}
