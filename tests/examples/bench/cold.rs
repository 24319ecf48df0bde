//! Cold starts: from before the process is made until its first answer begins to arrive.

use std::path::PathBuf;

use harness::{
    app::{TestApp, sample},
    events::{http_api, http_response},
    parts::{program, token},
    runtime_api::{ColdStart, Function, cold_start},
};
use serde_json::{Value, json};

use crate::{
    QUESTION,
    figures::{Figures, table},
    settings,
};

/// Starts of each kind.
const RUNS: usize = 40;

struct Kind {
    name: &'static str,
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
    event: Value,
    status: u16,
    starts: Vec<ColdStart>,
}

/// Kinds take turns, so that a busy moment of the machine falls on all of them.
pub async fn measure() -> anyhow::Result<()> {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let mut kinds = kinds(&app, &alice);
    for kind in &kinds {
        let function = Function::start(&kind.program, &kind.settings)?;
        let (status, _, body) = http_response(&function.invoke(kind.event.clone()).await?.json());
        anyhow::ensure!(status == kind.status, "{}: {status} {}", kind.name, String::from_utf8_lossy(&body));
    }
    for _ in 0..RUNS {
        for kind in &mut kinds {
            kind.starts.push(cold_start(&kind.program, &kind.settings, kind.event.clone()).await?);
        }
    }
    println!("Cold start, {RUNS} interleaved starts of each kind (time from spawn to first response):\n");
    let rows = kinds.iter().map(|kind| {
        let times = Figures::of_times(kind.starts.iter().map(|start| start.first_response));
        let cpu = Figures::of_times(kind.starts.iter().map(|start| start.cpu));
        #[expect(clippy::cast_precision_loss, reason = "megabytes for a table")]
        let memory = Figures::of(kind.starts.iter().map(|start| start.peak_memory_bytes as f64 / 1e6));
        vec![
            kind.name.to_owned(),
            format!("{:.1}", times.median()),
            format!("{:.1}", times.min()),
            format!("{:.1}", times.quantile(0.95)),
            format!("{:.1}", cpu.median()),
            format!("{:.1}", memory.median()),
        ]
    });
    let head = ["function", "median ms", "minimum ms", "p95 ms", "CPU ms", "peak MB"];
    table(&head, &rows.collect::<Vec<_>>());
    Ok(())
}

fn kinds(app: &TestApp, token: &str) -> Vec<Kind> {
    let lexical = &[("DISABLE_VECTOR_SEARCH", "true"), ("LOG_LEVEL", "info")];
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let question = json!({ "message": QUESTION }).to_string();
    let chat = http_api("POST", "/v1/chat", &headers, question.as_bytes());
    let stranger = http_api("POST", "/v1/chat", &headers[1..], question.as_bytes());
    let kind = |name, function, own: &[(&'static str, &str)], event, status| Kind {
        name,
        program: program(function),
        settings: settings(app, own),
        event,
        status,
        starts: Vec::new(),
    };
    vec![
        kind("`health`: `GET /health`", "health", &[], http_api("GET", "/health", &[], b""), 200),
        kind("`chat`: a question, full-text search only", "chat", lexical, chat.clone(), 200),
        kind("`chat`: a question, with the local embedder", "chat", &[], chat, 200),
        kind("`chat`: nobody's question (401)", "chat", lexical, stranger, 401),
        kind(
            "`upload`: `GET /v1/documents`",
            "upload",
            &[],
            http_api("GET", "/v1/documents", &headers[..1], b""),
            200,
        ),
    ]
}
