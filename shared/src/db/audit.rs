//! The audit log's door for what changes no row: failed sign-ins, other keys, other settings. What does change rows is
//! written by triggers, in the same transaction (migration 2026-11-21-10).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Pool, Scope, Statement, Tenant};
use crate::{
    Error, Result,
    domain::hash::sha256,
    env::{Env, SettingsChange},
};

pub(super) static STATEMENTS: &[&Statement] = &[&APPEND];

/// Connections of a process that write such rows at once: strangers must not take the ones that callers need.
const WRITERS: usize = 2;
/// The most names of settings in a row.
const NAMES_MAX: usize = 50;

/// What bounds the writing of such rows in one process.
pub(super) struct Bounds {
    /// What a row may take, waiting for a connection included.
    timeout: Duration,
    writers: Semaphore,
}

impl Bounds {
    pub(super) fn new(env: &Env) -> anyhow::Result<Self> {
        let timeout = Duration::from_millis(env.number("AUDIT_TIMEOUT_MS", 10..=5_000)?);
        Ok(Self { timeout, writers: Semaphore::new(WRITERS) })
    }
}

/// What happened, without the words of anybody.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name, one of those that the table knows.
    pub event: &'static str,
    /// What it was done to: at most 100 letters, digits, dots, dashes and underscores.
    pub subject: Option<String>,
    /// Codes, counts and names.
    pub detail: Value,
    /// Where it came from; only a keyed hash of it is kept.
    pub address: Option<String>,
    /// The request in which it happened.
    pub request: Option<Uuid>,
}

/// Writes the entry if that can be done in time. Where it cannot, the log says so, and nobody is worse off for it.
pub async fn note(pool: &Pool, entry: Entry) {
    let event = entry.event;
    let written = async {
        let writer = pool.audit.writers.acquire().await.map_err(anyhow::Error::from)?;
        let scope = Scope::of_nobody(entry.request, pool.audit.timeout);
        append(&pool.each(scope).await?, &entry).await?;
        drop(writer);
        Ok(())
    };
    let outcome = tokio::time::timeout(pool.audit.timeout, Box::pin(written)).await;
    tell(event, outcome.unwrap_or_else(|elapsed| Err(Error::unavailable("timeout", elapsed))));
}

/// Likewise, over a connection that is there.
pub(super) async fn note_settings(pool: &Pool, client: deadpool_postgres::Object, change: SettingsChange) {
    let timeout = pool.audit.timeout;
    let names: Vec<&str> = change.names.into_iter().take(NAMES_MAX).collect();
    let (subject, detail) = (change.version, json!({ "names": names }));
    let entry = Entry { event: "settings_changed", subject, detail, address: None, request: None };
    let tenant = Tenant::each(client, Scope::of_nobody(None, timeout));
    let outcome = tokio::time::timeout(timeout, append(&tenant, &entry)).await;
    tell(entry.event, outcome.unwrap_or_else(|elapsed| Err(Error::unavailable("timeout", elapsed))));
}

fn tell(event: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        let error = anyhow::Error::new(error);
        tracing::warn!(error = format!("{error:#}"), "{event} could not be written to the audit log");
    }
}

async fn append(tenant: &Tenant, entry: &Entry) -> Result<()> {
    let address = entry.address.as_ref().map(|address| sha256(address.as_bytes()));
    let address = address.as_ref().map(<[u8; 32]>::as_slice);
    tenant.query(&APPEND, &[&entry.event, &entry.subject, &entry.detail, &address]).await.map(drop)
}

static APPEND: Statement = Statement::new(
    "SELECT audit_append($1, $2, $3, $4)",
    &[Type::TEXT, Type::TEXT, Type::JSONB, Type::BYTEA],
);
