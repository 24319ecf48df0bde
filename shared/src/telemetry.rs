//! Logs: one JSON object a line, on standard error, where Lambda and containers pick them up. Spans carry the request's
//! id; no line carries a question, an answer, document text, a token or an address.

use std::{io, str::FromStr};

use tracing::Level;
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::env::Env;

/// Installs the log. Lines of libraries come from `warn` up: they may repeat what passes through them.
pub fn install(env: &Env) -> anyhow::Result<()> {
    let text = env.require("LOG_LEVEL")?;
    let level = Level::from_str(&text);
    let level = level
        .map_err(|_| anyhow::anyhow!("LOG_LEVEL must be error, warn, info, debug or trace, not {text:?}"))?;
    let ours =
        ["shared", "chat", "upload", "delete_user", "health", "ingest", "retention", "migrate", "server"];
    let filter = ours.iter().fold(Targets::new().with_default(Level::WARN.min(level)), |filter, name| {
        filter.with_target(*name, level)
    });
    let format = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    let format = format.with_writer(io::stderr).with_filter(filter);
    // A second installation happens only where several functions are started in one test process.
    tracing_subscriber::registry().with(format).try_init().ok();
    Ok(())
}
