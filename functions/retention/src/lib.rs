//! On a schedule, deletes what is due and heals what is stuck.

use std::time::{Duration, Instant};

use anyhow::Context;
use ingest::Ingest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    db::{self, jobs},
    env::Env,
};

/// How long query logs are kept.
const QUERY_LOGS: Duration = Duration::from_hours(90 * 24);
/// How long kept answers stay, which are given again for far less.
const ANSWERS: Duration = Duration::from_hours(30 * 24);
/// How long vectors are kept for a retry.
const EMBEDDINGS: Duration = Duration::from_hours(24);
/// Rows of one statement: short transactions, whatever there is to delete.
const BATCH: i32 = 5_000;
/// Documents that one run heals at most.
const HEALED: i32 = 10;
/// Documents that one run indexes anew at most, and how long it goes on taking more: a run has a quarter of an hour.
const RENEWED: usize = 1_000;
const RENEWING: Duration = Duration::from_mins(4);

/// All that retention needs. What heals is what ingests.
#[derive(Clone)]
pub struct Retention {
    /// As the role of jobs.
    pub db: db::Pool,
    /// Does the work that an event was lost for.
    pub ingest: Ingest,
    /// How long rows of the audit log are kept.
    pub audit_logs: Duration,
}

/// What the schedule asks for.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Delete what is due, once a day.
    Retain,
    /// Heal what is stuck, every few minutes.
    Heal,
    /// Both: a schedule that says nothing.
    #[default]
    All,
}

/// The schedule's event.
#[derive(Deserialize, Default)]
pub struct Schedule {
    /// What to do.
    #[serde(default)]
    pub task: Task,
}

/// What was done.
#[derive(Serialize, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Query logs deleted.
    pub query_logs: i64,
    /// Kept answers deleted.
    pub answers: i64,
    /// Kept vectors deleted.
    pub embeddings: i64,
    /// Idempotency keys deleted.
    pub idempotency_keys: i64,
    /// Budgets of past months and reservations that nobody settled, deleted.
    pub budgets: i64,
    /// Rows of the audit log deleted.
    pub audit_logs: i64,
    /// Documents that became something.
    pub healed: usize,
    /// Documents whose index was out of date, and is no longer.
    pub renewed: usize,
}

impl Retention {
    /// Builds the clients; the database is the one of `setting`.
    pub async fn connect(env: &Env, setting: &'static str) -> anyhow::Result<Self> {
        let ingest = Ingest::connect(env, setting).await?;
        // The database keeps the last thirty days whoever asks.
        let days: u64 = env.number("AUDIT_RETENTION_DAYS", 30..=3_650)?;
        Ok(Self { db: ingest.db.clone(), ingest, audit_logs: Duration::from_hours(days * 24) })
    }
}

/// Does the task. Doing it twice is like once.
pub async fn run(retention: &Retention, task: Task, now: Timestamp) -> anyhow::Result<Report> {
    let mut report = Report::default();
    if task != Task::Heal {
        let before = now.checked_sub(QUERY_LOGS).context("go back 90 days")?;
        report.query_logs = in_batches(|| jobs::expire_query_logs(&retention.db, before, BATCH)).await?;
        let before = now.checked_sub(ANSWERS).context("go back 30 days")?;
        report.answers = in_batches(|| jobs::expire_answers(&retention.db, before, BATCH)).await?;
        let before = now.checked_sub(EMBEDDINGS).context("go back a day")?;
        report.embeddings = in_batches(|| jobs::expire_embeddings(&retention.db, before, BATCH)).await?;
        report.idempotency_keys =
            in_batches(|| jobs::expire_idempotency_keys(&retention.db, now, BATCH)).await?;
        report.budgets = in_batches(|| jobs::expire_budgets(&retention.db, now, BATCH)).await?;
        let before = now.checked_sub(retention.audit_logs).context("go back AUDIT_RETENTION_DAYS")?;
        report.audit_logs = in_batches(|| jobs::expire_audit_logs(&retention.db, before, BATCH)).await?;
    }
    if task != Task::Retain {
        report.healed = retention.ingest.heal(HEALED).await?;
        report.renewed = renew(&retention.ingest).await?;
    }
    tracing::info!(
        event = "retention",
        report.query_logs,
        report.answers,
        report.embeddings,
        report.idempotency_keys,
        report.budgets,
        report.audit_logs,
        report.healed,
        report.renewed,
        "retention is done"
    );
    Ok(report)
}

/// One document at a time: what was not taken is free for another run.
async fn renew(ingest: &Ingest) -> anyhow::Result<usize> {
    let (started, mut renewed) = (Instant::now(), 0);
    while renewed < RENEWED && started.elapsed() < RENEWING {
        match ingest.renew(1).await? {
            0 => break,
            done => renewed += done,
        }
    }
    Ok(renewed)
}

async fn in_batches<F: Future<Output = shared::Result<i64>>>(delete: impl Fn() -> F) -> anyhow::Result<i64> {
    let mut total = 0;
    loop {
        let deleted = delete().await?;
        total += deleted;
        if deleted < i64::from(BATCH) {
            return Ok(total);
        }
    }
}
