//! Benchmarks of the built programs, started by `scripts/bench`, which says where the parts are: `cold`, `chat`,
//! `stream`, `ingest`, `refused`.

mod again;
mod chat;
mod cold;
mod figures;
mod ingest;
mod refused;
mod stream;

use harness::app::TestApp;

/// What an interactive user asks; its answer stands on page 19 of the sample.
const QUESTION: &str = "For how many hours are specimens exposed in the sulfide stress cracking test?";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    for part in given {
        match part.as_str() {
            "cold" => cold::measure().await?,
            "chat" => {
                chat::measure().await?;
                again::measure().await?;
            }
            "stream" => stream::measure().await?,
            "ingest" => ingest::measure().await?,
            "refused" => refused::measure().await?,
            other => anyhow::bail!("there is no benchmark {other:?}"),
        }
    }
    Ok(())
}

/// The settings of a program over the app's database and bucket, with some of one's own.
fn settings(app: &TestApp, own: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut settings = app.settings.clone();
    let fixed = [
        ("AWS_ACCESS_KEY_ID", "footnote"),
        ("AWS_SECRET_ACCESS_KEY", "footnote"),
        ("AWS_REGION", "us-east-1"),
    ];
    for (name, value) in fixed.iter().chain(own) {
        settings.retain(|(known, _)| known != name);
        settings.push((name, (*value).to_owned()));
    }
    // On Lambda a program starts itself to read a PDF.
    settings.retain(|(name, _)| *name != "PAGES_PROGRAM");
    settings
}
