//! A streamed answer beside a direct call to the same provider, which is played here: how much later the first words come,
//! how long words are under way, how many fit into a second, and what they cost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use harness::{
    app::{TestApp, sample},
    events::function_url,
    openai::{Answer, Interruption, OpenAi},
    parts::{program, token},
    runtime_api::Function,
    served::Served,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    QUESTION,
    figures::{Figures, table},
    settings,
};

/// Answers of each kind, taking turns.
const ANSWERS: usize = 200;
/// Long answers of each kind, taking turns, and the tokens of each: as many as an answer may have bytes for.
const LONG_ANSWERS: usize = 10;
const TOKENS: usize = 9_000;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Direct,
    Through,
}

const WAYS: [(Way, &str); 2] =
    [(Way::Direct, "the provider itself"), (Way::Through, "`POST /v1/chat`, streamed")];

struct Bench {
    client: reqwest::Client,
    token: String,
    provider: OpenAi,
    server: Served,
}

/// What came of one answer.
struct Read {
    first: Duration,
    whole: Duration,
    /// From letting the provider go on to the words after that.
    under_way: Option<Duration>,
    events: usize,
    search_ms: f64,
}

pub async fn measure() -> anyhow::Result<()> {
    let until = Arc::new(Notify::new());
    let waits = Arc::clone(&until);
    let provider = OpenAi::answering(move |request| {
        let long = request["messages"].to_string().contains("(long)");
        let count = if long { TOKENS } else { 40 };
        let words: Vec<String> = (0..count).map(|number| format!("w{} ", number % 1_000)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let answer = Answer::pieces(&words);
        if request["messages"].to_string().contains("(waits)") {
            return answer.interrupted(20, Interruption::Until(Arc::clone(&waits)));
        }
        answer
    });
    let url = provider.url();
    let own = [
        ("DISABLE_VECTOR_SEARCH", "true"),
        ("OPENAI_BASE_URL", url.as_str()),
        ("OPENAI_API_KEY", "sk-test"),
        ("CHAT_MODELS", "openai:gpt-4o-mini"),
    ];
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let server = Served::start(&settings(&app, &own)).await;
    let bench = Bench { client: shared::tls::http_client()?, token: alice, provider, server };
    for _ in 0..20 {
        for (way, _) in WAYS {
            bench.read(way, "", None).await?;
        }
    }
    bench.first_words().await?;
    bench.under_way(&until).await?;
    bench.throughput().await?;
    bench.on_lambda(&app, &own).await
}

impl Bench {
    async fn first_words(&self) -> anyhow::Result<()> {
        let (mut times, mut search) = (WAYS.map(|_| Vec::new()), Vec::new());
        for _ in 0..ANSWERS {
            for ((way, _), times) in WAYS.iter().zip(&mut times) {
                let read = self.read(*way, "", None).await?;
                times.push(read.first);
                if *way == Way::Through {
                    search.push(read.search_ms);
                }
            }
        }
        println!("The first words of an answer, {ANSWERS} of each kind taking turns, no vector search:\n");
        rows(times);
        let search = Figures::of(search);
        println!("Of that, search: {:.0} ms p50, {:.0} ms p95.\n", search.median(), search.quantile(0.95));
        Ok(())
    }

    /// The provider says its 21st word at a known moment; when is it here?
    async fn under_way(&self, until: &Notify) -> anyhow::Result<()> {
        let mut times = WAYS.map(|_| Vec::new());
        for _ in 0..ANSWERS {
            for ((way, _), times) in WAYS.iter().zip(&mut times) {
                let read = self.read(*way, " (waits)", Some(until)).await?;
                times.push(read.under_way.context("the words that were waited for")?);
            }
        }
        println!("Words under way, from the provider's saying them until they are read:\n");
        rows(times);
        Ok(())
    }

    async fn throughput(&self) -> anyhow::Result<()> {
        let mut read = WAYS.map(|_| (Vec::new(), 0));
        let mut cpu = Vec::new();
        for _ in 0..LONG_ANSWERS {
            for ((way, _), (rates, events)) in WAYS.iter().zip(&mut read) {
                let before = self.server.cpu()?;
                let answer = self.read(*way, " (long)", None).await?;
                #[expect(clippy::cast_precision_loss, reason = "a rate for a table")]
                rates.push(TOKENS as f64 / (answer.whole - answer.first).as_secs_f64());
                *events = answer.events;
                if *way == Way::Through {
                    let short = self.server.cpu()?;
                    self.read(*way, "", None).await?;
                    // A short answer's cost is that of the search and the record.
                    let fixed = self.server.cpu()? - short;
                    cpu.push((short - before).saturating_sub(fixed).as_secs_f64() * 1e6 / TOKENS as f64);
                }
            }
        }
        println!("{LONG_ANSWERS} answers of {TOKENS} tokens of each kind, as fast as the provider goes:\n");
        let rows = WAYS.iter().zip(read).map(|((_, name), (rates, events))| {
            vec![(*name).to_owned(), format!("{:.0}", Figures::of(rates).median()), events.to_string()]
        });
        table(&["answer", "tokens/s p50", "events"], &rows.collect::<Vec<_>>());
        println!("CPU of the server per 1,000 tokens: {:.2} ms p50.\n", Figures::of(cpu).median());
        Ok(())
    }

    /// The same answers through a Runtime API: how long an event is under way from the function to the platform.
    async fn on_lambda(&self, app: &TestApp, own: &[(&'static str, &str)]) -> anyhow::Result<()> {
        let function = Function::start(&program("chat-stream"), &settings(app, own))?;
        let authorization = format!("Bearer {}", self.token);
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let question = json!({ "message": QUESTION, "stream": true }).to_string();
        let (mut first, mut whole) = (Vec::new(), Vec::new());
        for number in 0..=ANSWERS {
            let event = function_url("POST", "/v1/chat", &headers, question.as_bytes());
            let invocation = function.invoke(event).await?;
            let began = invocation.answered.context("an answer")?;
            let streamed = invocation.streamed.context("a stream")?;
            let (start, end) = (streamed.chunks.first(), streamed.chunks.last());
            let (Some((start, _)), Some((end, _))) = (start, end) else { bail!("an empty stream") };
            // The first one waits for connections.
            if number > 0 {
                first.push(*start - began);
                whole.push(*end - began);
            }
        }
        println!(
            "`chat-stream` through a Runtime API, {ANSWERS} answers of 40 words, from the beginning of the response:\n"
        );
        let rows = [("its first event", first), ("its last event", whole)].map(|(name, times)| {
            let times = Figures::of_times(times);
            vec![name.to_owned(), format!("{:.2}", times.median()), format!("{:.2}", times.quantile(0.95))]
        });
        table(&["until", "p50 ms", "p95 ms"], &rows);
        Ok(())
    }

    async fn read(&self, way: Way, mark: &str, until: Option<&Notify>) -> anyhow::Result<Read> {
        let question = format!("{QUESTION}{mark}");
        let request = match way {
            Way::Direct => self
                .client
                .post(format!("{}/chat/completions", self.provider.url()))
                .bearer_auth("sk-test")
                .json(&json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": question }] })),
            Way::Through => self
                .client
                .post(format!("{}/v1/chat", self.server.url))
                .bearer_auth(&self.token)
                .json(&json!({ "message": question, "stream": true })),
        };
        let started = Instant::now();
        let mut response = request.send().await?;
        ensure!(response.status() == 200, "{}: {}", response.status(), response.text().await?);
        let (mut rest, mut text, mut first) = (String::new(), String::new(), None);
        let (mut notified, mut under_way) = (None::<Instant>, None);
        let (mut events, mut search_ms) = (0, 0.0);
        while let Some(piece) = response.chunk().await? {
            rest.push_str(std::str::from_utf8(&piece)?);
            while let Some((block, tail)) = rest.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
                let data: Value = serde_json::from_str(data).unwrap_or_default();
                let words = data["text"].as_str().or(data["choices"][0]["delta"]["content"].as_str());
                let words = words.unwrap_or_default();
                text.push_str(words);
                events += usize::from(!words.is_empty());
                if !words.is_empty() && first.is_none() {
                    first = Some(started.elapsed());
                }
                if let Some(milliseconds) = data["timings_ms"]["search"].as_f64() {
                    search_ms = milliseconds;
                }
                let tail = tail.to_owned();
                rest = tail;
            }
            let Some(until) = until else { continue };
            match notified {
                // The provider waits after the word `w19`.
                None if text.contains("w18") => {
                    notified = Some(Instant::now());
                    until.notify_one();
                }
                Some(at) if under_way.is_none() && text.contains("w20") => under_way = Some(at.elapsed()),
                _ => {}
            }
        }
        let first = first.context("an answer without words")?;
        Ok(Read { first, whole: started.elapsed(), under_way, events, search_ms })
    }
}

/// A table of times, with how much later than directly.
fn rows(times: [Vec<Duration>; 2]) {
    let times = times.map(Figures::of_times);
    let direct = times[0].median();
    let rows = WAYS.iter().zip(&times).map(|((_, name), times)| {
        vec![
            (*name).to_owned(),
            format!("{:.2}", times.median()),
            format!("{:.2}", times.quantile(0.95)),
            format!("{:.2}", times.median() - direct),
        ]
    });
    table(&["answer", "p50 ms", "p95 ms", "later than directly, ms"], &rows.collect::<Vec<_>>());
}
