//! Ingestion: the sample through the ingest function, each time into a workspace of its own, so that no vector is known.

use std::time::Duration;

use anyhow::Context;
use harness::{
    app::{TestApp, sample},
    events::{s3_record, s3_through_sqs},
    parts::{program, token},
    runtime_api::Function,
};
use serde_json::Value;

use crate::{
    figures::{Figures, table},
    settings,
};

/// Documents after the first, which also loads the embedder.
const DOCUMENTS: usize = 6;
/// What a document waits for, as the function's log line tells it.
const PARTS: [(&str, &str); 3] =
    [("reading", "read_ms"), ("embedding", "vectors_ms"), ("writing rows", "rows_ms")];

struct Ingested {
    time: Duration,
    line: Value,
}

pub async fn measure() -> anyhow::Result<()> {
    let app = TestApp::new().await;
    let jobs = app.database.url(Some("footnote_jobs"));
    let function = Function::start(&program("ingest"), &settings(&app, &[("DATABASE_URL", &jobs)]))?;
    let first = ingest(&app, &function, 0).await?;
    let mut later = Vec::new();
    for number in 1..=DOCUMENTS {
        later.push(ingest(&app, &function, number).await?);
    }

    let figure = |line: &Value, name: &str| line[name].as_f64().unwrap_or(f64::NAN);
    let pages = figure(&first.line, "pages");
    println!(
        "Ingestion of the sample ({pages} pages, {} chunks, {} kB), {DOCUMENTS} times; the first document of the process, \
         which loads the embedder, took {:.0} ms:\n",
        first.line["chunks"],
        sample().len() / 1_000,
        first.time.as_secs_f64() * 1e3
    );
    let row = |name: &str, times: &Figures| {
        let rate =
            if times.median() > 0.0 { format!("{:.0}", pages / times.median() * 1e3) } else { "–".into() };
        vec![name.to_owned(), format!("{:.0}", times.median()), format!("{:.0}", times.min()), rate]
    };
    let whole = Figures::of_times(later.iter().map(|ingested| ingested.time));
    let mut rows = vec![row("the whole", &whole)];
    for (name, member) in PARTS {
        rows.push(row(name, &Figures::of(later.iter().map(|ingested| figure(&ingested.line, member)))));
    }
    table(&["part", "median ms", "minimum ms", "pages/s"], &rows);
    Ok(())
}

/// From the queue's event to the answer.
async fn ingest(app: &TestApp, function: &Function, number: usize) -> anyhow::Result<Ingested> {
    let user = format!("user_{number}");
    let taken = app.upload(&token(&user, None), "fn-1175.pdf", sample()).await;
    let taken = taken.json();
    let id = taken["document_id"].as_str().context("the document is taken in")?;
    let bucket = app.settings.iter().find(|(name, _)| *name == "BUCKET").context("a bucket")?;
    let record = s3_record(&bucket.1, &format!("{user}/{id}"), sample().len() as u64, "etag", "0A");
    let invocation = function.invoke(s3_through_sqs(vec![("one", record)])).await?;
    anyhow::ensure!(invocation.json()["batchItemFailures"] == serde_json::json!([]), "it failed");
    let answered = invocation.answered.context("an answer")?;
    let line = function.log_with(&format!("ingested document {id}")).await?;
    Ok(Ingested { time: answered - invocation.delivered, line: serde_json::from_str(&line)? })
}
