//! A question that was asked before, beside the same one asked of its provider directly: a played one, which answers at once, so
//! that what is left is the way there and back.

use std::time::{Duration, Instant};

use anyhow::ensure;
use harness::{
    app::{TestApp, sample},
    openai::{Answer, OpenAi},
    parts::token,
    served::Served,
};
use serde_json::{Value, json};

use crate::{
    QUESTION,
    figures::{Figures, table},
    settings,
};

/// Requests of each kind, taking turns.
const REQUESTS: usize = 300;

pub async fn measure() -> anyhow::Result<()> {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let quote = "For 720 hours [1 \"720 h\"].";
    let provider = OpenAi::answering(move |_| Answer::text(quote).usage(1_000, 20));
    let url = provider.url();
    let own = [
        ("DATABASE_MAX_CONNECTIONS", "20"),
        ("OPENAI_API_KEY", "sk-bench"),
        ("OPENAI_BASE_URL", url.as_str()),
    ];
    let served = Served::start(&settings(&app, &own)).await;
    let client = shared::tls::http_client()?;
    let ask = async |message: String| {
        let request = client.post(format!("{}/v1/chat", served.url)).bearer_auth(&alice);
        send(request.json(&json!({ "message": message }))).await
    };
    ask(QUESTION.to_owned()).await?;
    // What a direct call of the same provider has to send at least.
    let prompt = provider.requests().pop().map(|request| request.body).unwrap_or_default();
    let (mut direct, mut again, mut anew) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..REQUESTS {
        let request = client.post(format!("{url}/chat/completions")).bearer_auth("sk-bench");
        direct.push(send(request.json(&prompt)).await?.0);
        let (time, answer) = ask(QUESTION.to_owned()).await?;
        ensure!(answer["cached"] == true, "it was answered before: {answer}");
        again.push(time);
        let (time, answer) = ask(format!("{QUESTION} ({number})")).await?;
        ensure!(answer["cached"] == false, "nobody asked it before: {answer}");
        anew.push(time);
    }
    let calls = provider.requests().len();
    ensure!(calls == 1 + 2 * REQUESTS, "{calls} calls: what is kept is not paid for again");
    println!(
        "A question asked before, {REQUESTS} requests of each kind taking turns; the played provider answers at once:\n"
    );
    let direct = Figures::of_times(direct);
    let kinds = [
        ("the provider itself, called directly", &direct),
        ("`POST /v1/chat`, answered before (memory)", &Figures::of_times(again)),
        ("`POST /v1/chat`, never asked before, with its model call", &Figures::of_times(anew)),
    ];
    let rows = kinds.map(|(name, times)| {
        let figures =
            [times.median(), times.quantile(0.95), times.min()].map(|figure| format!("{figure:.2}"));
        let to_direct = format!("{:+.2}", times.median() - direct.median());
        [name.to_owned()].into_iter().chain(figures).chain([to_direct]).collect()
    });
    table(&["request", "p50 ms", "p95 ms", "minimum ms", "beside the direct call, ms"], &rows);
    Ok(())
}

async fn send(request: reqwest::RequestBuilder) -> anyhow::Result<(Duration, Value)> {
    let started = Instant::now();
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    let time = started.elapsed();
    ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
    Ok((time, serde_json::from_slice(&body).unwrap_or_default()))
}
