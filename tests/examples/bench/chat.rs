//! A warm server: what a question costs beside its model, and how many fit into a second. `GET /health` is the floor: the
//! same client, socket, router and log line, and no work.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::try_join_all;
use harness::{
    app::{TestApp, file, sample},
    parts::token,
    served::Served,
};
use serde_json::{Value, json};

use crate::{
    figures::{Figures, table},
    settings,
};

/// Requests of each kind, one after the other.
const REQUESTS: usize = 300;
/// Clients at once, and the requests of each.
const CLIENTS: usize = 8;
const OF_EACH: usize = 50;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Health,
    /// Full-text search only.
    Lexical,
    /// A question asked before: its vector is at hand.
    Known,
    /// A question never asked before: it is embedded first.
    New,
}

const KINDS: [(Kind, &str); 4] = [
    (Kind::Health, "`GET /health` (the floor)"),
    (Kind::Lexical, "`POST /v1/chat`, full-text search only"),
    (Kind::Known, "`POST /v1/chat`, hybrid search, vector known"),
    (Kind::New, "`POST /v1/chat`, hybrid search, question embedded"),
];

struct Bench {
    client: reqwest::Client,
    token: String,
    questions: Vec<String>,
    lexical: Served,
    hybrid: Served,
}

pub async fn measure() -> anyhow::Result<()> {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let own = [("DATABASE_MAX_CONNECTIONS", "20")];
    let lexical = [&own[..], &[("DISABLE_VECTOR_SEARCH", "true")]].concat();
    let questions = String::from_utf8(file("samples/questions.jsonl"))?;
    let questions: Result<Vec<Value>, _> = questions.lines().map(serde_json::from_str).collect();
    let bench = Bench {
        client: shared::tls::http_client()?,
        token: alice,
        questions: questions?
            .iter()
            .filter_map(|line| line["question"].as_str().map(str::to_owned))
            .collect(),
        lexical: Served::start(&settings(&app, &lexical)).await,
        hybrid: Served::start(&settings(&app, &own)).await,
    };
    ensure!(!bench.questions.is_empty(), "samples/questions.jsonl has no questions");
    // Connections are open and vectors known before anything is measured.
    for number in 0..bench.questions.len() {
        for (kind, _) in KINDS {
            bench.send(kind, number, "warm").await?;
        }
    }

    let mut times = KINDS.map(|_| Vec::new());
    for number in 0..REQUESTS {
        for ((kind, _), times) in KINDS.iter().zip(&mut times) {
            times.push(bench.send(*kind, number, "one by one").await?);
        }
    }
    let times = times.map(Figures::of_times);
    let floor = times[0].median();
    println!(
        "A warm server over HTTP keep-alive, {REQUESTS} requests of each kind taking turns, no model:\n"
    );
    let rows = KINDS.iter().zip(&times).map(|((_, name), times)| {
        vec![
            (*name).to_owned(),
            format!("{:.2}", times.median()),
            format!("{:.2}", times.quantile(0.95)),
            format!("{:.2}", times.min()),
            format!("{:.1}", times.median() / floor),
        ]
    });
    table(&["request", "p50 ms", "p95 ms", "minimum ms", "to the floor"], &rows.collect::<Vec<_>>());

    println!("{CLIENTS} clients at once, {} requests of each kind:\n", CLIENTS * OF_EACH);
    let mut rows = Vec::new();
    for (kind, name) in KINDS {
        let started = Instant::now();
        let clients = (0..CLIENTS).map(async |client| {
            let mut times = Vec::new();
            for number in 0..OF_EACH {
                times.push(bench.send(kind, number + client, &format!("client {client}")).await?);
            }
            anyhow::Ok(times)
        });
        let times = Figures::of_times(try_join_all(clients).await?.into_iter().flatten());
        #[expect(clippy::cast_precision_loss, reason = "a rate for a table")]
        let rate = (CLIENTS * OF_EACH) as f64 / started.elapsed().as_secs_f64();
        let figures = [rate, times.median(), times.quantile(0.95)];
        rows.push(
            [name.to_owned()].into_iter().chain(figures.map(|figure| format!("{figure:.1}"))).collect(),
        );
    }
    table(&["request", "requests/s", "p50 ms", "p95 ms"], &rows);
    Ok(())
}

impl Bench {
    async fn send(&self, kind: Kind, number: usize, round: &str) -> anyhow::Result<Duration> {
        let server = if kind == Kind::Lexical { &self.lexical } else { &self.hybrid };
        let mut question = self.questions[number % self.questions.len()].clone();
        if kind == Kind::New {
            question.push_str(&format!(" ({round}, {number})"));
        }
        let request = match kind {
            Kind::Health => self.client.get(format!("{}/health", server.url)),
            _ => {
                let request = self.client.post(format!("{}/v1/chat", server.url)).bearer_auth(&self.token);
                request.json(&json!({ "message": question }))
            }
        };
        let started = Instant::now();
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        let time = started.elapsed();
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(time)
    }
}
