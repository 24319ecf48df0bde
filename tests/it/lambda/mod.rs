//! The built Lambda binaries, run against the Runtime API with events shaped as AWS shapes them.

mod alike;
mod events;
mod start;
mod stream;
mod whole;

use axum::http::HeaderMap;
use harness::{
    app::TestApp,
    events::{function_url, http_api, http_response},
    parts,
    runtime_api::{Function, Invocation},
};
use serde_json::Value;

/// The bundle's settings for a process of its own. The object store takes any credentials; the SDK wants some.
fn process_settings(app: &TestApp) -> Vec<(&'static str, String)> {
    let credentials =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "footnote".to_owned()));
    let region = ("AWS_REGION", "us-east-1".to_owned());
    app.settings.iter().cloned().chain(credentials).chain([region]).collect()
}

/// What the template gives a function that answers people.
fn settings(app: &TestApp) -> Vec<(&'static str, String)> {
    // On Lambda a function starts itself to read a PDF, and a queue brings what the server has to look for.
    let unknown_there = ["PAGES_PROGRAM", "DATABASE_JOBS_URL"];
    let mut settings = process_settings(app);
    settings.retain(|(name, _)| !unknown_there.contains(name));
    settings
}

/// What the template gives ingest and retention: another database role.
fn jobs_settings(app: &TestApp) -> Vec<(&'static str, String)> {
    let mut settings = settings(app);
    set(&mut settings, "DATABASE_URL", app.database.url(Some("footnote_jobs")));
    settings
}

fn set(settings: &mut Vec<(&'static str, String)>, name: &'static str, value: String) {
    settings.retain(|(known, _)| *known != name);
    settings.push((name, value));
}

fn start(program: &str, settings: &[(&'static str, String)]) -> Function {
    Function::start(&parts::program(program), settings).expect("the function starts")
}

/// A request through the HTTP API, and what its caller receives.
async fn through_api(
    function: &Function,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, HeaderMap, Vec<u8>) {
    let invocation = function.invoke(http_api(method, path, headers, body)).await.expect("an invocation");
    http_response(&invocation.json())
}

/// A request through the function URL.
async fn through_url(
    function: &Function,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Invocation {
    function.invoke(function_url(method, path, headers, body)).await.expect("an invocation")
}

/// The events of a server-sent event stream: name and data of each.
fn sse(body: &[u8]) -> Vec<(String, Value)> {
    let text = std::str::from_utf8(body).expect("text");
    let blocks = text.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with(':'));
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').expect("a name and data");
        let name = name.strip_prefix("event: ").expect("a name").to_owned();
        let data = data.strip_prefix("data: ").expect("data");
        (name, serde_json::from_str(data).expect("JSON"))
    };
    blocks.map(event).collect()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
