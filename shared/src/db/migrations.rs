//! The schema: dated files that only go forward, each applied once, in order, in a transaction of its own.

use anyhow::{Context, bail};
use tokio_postgres::Client;

use crate::{
    domain::hash::{hex, sha256},
    env::Env,
    tls,
};

/// Every file of `shared/migrations`, in order; a test compares the two.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("2026-11-20-01-tenancy", include_str!("../../migrations/2026-11-20-01-tenancy.sql")),
    ("2026-11-20-02-documents", include_str!("../../migrations/2026-11-20-02-documents.sql")),
    ("2026-11-20-03-conversations", include_str!("../../migrations/2026-11-20-03-conversations.sql")),
    ("2026-11-20-04-functions", include_str!("../../migrations/2026-11-20-04-functions.sql")),
    ("2026-11-20-05-searchable", include_str!("../../migrations/2026-11-20-05-searchable.sql")),
    ("2026-11-20-06-idempotency", include_str!("../../migrations/2026-11-20-06-idempotency.sql")),
    (
        "2026-11-20-09-references-within-a-tenant",
        include_str!("../../migrations/2026-11-20-09-references-within-a-tenant.sql"),
    ),
    ("2026-11-21-10-audit", include_str!("../../migrations/2026-11-21-10-audit.sql")),
    (
        "2026-11-21-11-erase-idempotency-keys",
        include_str!("../../migrations/2026-11-21-11-erase-idempotency-keys.sql"),
    ),
    ("2026-11-21-12-indexed", include_str!("../../migrations/2026-11-21-12-indexed.sql")),
    ("2026-11-21-13-search-chunks", include_str!("../../migrations/2026-11-21-13-search-chunks.sql")),
    ("2026-11-28-10-answers", include_str!("../../migrations/2026-11-28-10-answers.sql")),
    ("2026-11-28-14-hidden-text", include_str!("../../migrations/2026-11-28-14-hidden-text.sql")),
    ("2026-11-28-20-attempts", include_str!("../../migrations/2026-11-28-20-attempts.sql")),
    ("2026-11-28-21-budgets", include_str!("../../migrations/2026-11-28-21-budgets.sql")),
    (
        "2026-11-28-22-calls-for-documents",
        include_str!("../../migrations/2026-11-28-22-calls-for-documents.sql"),
    ),
];

/// Two deployments at once apply one after the other.
const LOCK: i64 = 0x666f_6f74_6e6f_7465;

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
     (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())";

/// Applies what is missing, as the role of `DATABASE_DIRECT_URL`; answers the names of what was applied.
pub async fn apply(env: &Env) -> anyhow::Result<Vec<&'static str>> {
    let url = env.require("DATABASE_DIRECT_URL")?;
    let config = url.parse::<tokio_postgres::Config>();
    let config = config.map_err(|_| anyhow::anyhow!("DATABASE_DIRECT_URL is no Postgres URL"))?;
    let authorities =
        env.path("DATABASE_CA_FILE").map(std::fs::read).transpose().context("read DATABASE_CA_FILE")?;
    let tls = tls::client_config_with(authorities.as_deref().unwrap_or_default())?;
    let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls);
    let (client, connection) = config.connect(tls).await.context("connect as the owner")?;
    let connection = tokio::spawn(connection);
    let applied = apply_missing(&client).await;
    drop(client);
    connection.await.context("end the connection")?.ok();
    applied
}

async fn apply_missing(client: &Client) -> anyhow::Result<Vec<&'static str>> {
    client
        .batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))
        .await
        .context("wait for other migrations")?;
    client.batch_execute(HISTORY).await.context("make the table of migrations")?;
    let rows = client.query_typed("SELECT name, sha256 FROM schema_migrations", &[]).await?;
    let mut applied = Vec::new();
    for (name, sql) in MIGRATIONS {
        let hash = hex(&sha256(sql.as_bytes()));
        match rows.iter().find(|row| row.get::<_, &str>(0) == *name) {
            Some(row) if row.get::<_, &str>(1) == hash => continue,
            Some(_) => bail!("the migration {name} was edited after it was applied; write a new one instead"),
            None => {}
        }
        let record = format!("INSERT INTO schema_migrations (name, sha256) VALUES ('{name}', '{hash}')");
        client
            .batch_execute(&format!("BEGIN;\n{sql}\n;{record};\nCOMMIT"))
            .await
            .with_context(|| format!("apply the migration {name}"))?;
        applied.push(*name);
    }
    Ok(applied)
}
