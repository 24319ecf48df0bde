//! What one tenant holds: a row in every table, made past all guards, with words that no other tenant's rows have.

use serde_json::json;
use shared::domain::{
    analysis::{VERSION, postings},
    caller::{UserId, Workspace},
    ids::{ConversationId, DocumentId, MessageId},
    language::Language,
};
use tokio_postgres::Client;

use crate::parts::token;

/// One person's rows in one workspace.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The person.
    pub user: String,
    /// Their session token for the workspace.
    pub token: String,
    /// The workspace's key.
    pub workspace: String,
    /// A document that is ready.
    pub document: String,
    /// A conversation with one message.
    pub conversation: String,
    /// What to ask for.
    pub subject: String,
    /// What only an answer from this tenant's document (or conversation) holds.
    pub secret: String,
}

impl Holding {
    /// Whether any of it stands in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        [&self.document, &self.conversation, &self.subject, &self.secret]
            .iter()
            .any(|own| text.contains(*own))
    }

    /// A question that the document answers.
    pub fn question(&self) -> String {
        format!("What is the password of {}?", self.subject)
    }
}

/// Fills every table for `user` in the workspace of `organization`, or in their own. `superuser` is bound by no policy.
///
/// # Panics
/// Where the schema is another.
pub async fn hold(superuser: &Client, user: &str, organization: Option<&str>, number: usize) -> Holding {
    let person = UserId::parse(user).expect("a user's id");
    let workspace = organization.map_or_else(|| Workspace::of_person(&person), Workspace::of_organization);
    let (document, conversation, message) = (DocumentId::new(), ConversationId::new(), MessageId::new());
    let (subject, secret) = (format!("zinc{number:04}x"), format!("cobalt{number:04}x"));
    let title = format!("About {subject}");
    let text = format!("The password of {subject} is {secret}. It is kept in the house of {subject}.");
    let posting = postings(&title, Language::English, [text.as_str()].into_iter());
    let terms: Vec<i64> = posting.iter().map(|posting| posting.term).collect();
    let weights: Vec<f32> = posting.iter().map(|posting| posting.weights[0]).collect();
    let response = json!({ "id": message, "conversation_id": conversation, "answer": secret, "citations": [],
        "refused": false, "degraded": [], "cached": false,
        "model": { "provider": "openai", "name": "gpt", "fallback": false },
        "usage": { "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.5 },
        "timings_ms": { "search": 1, "model": 1, "total": 1 } });
    let key = format!("{user}/{document}");
    superuser
        .execute(
            SQL,
            &[
                &workspace.id.0,
                &workspace.kind,
                &workspace.external_id,
                &user,
                &document.0,
                &title,
                &key,
                &text,
                &i32::try_from(text.chars().count()).expect("a short text"),
                &terms,
                &weights,
                &conversation.0,
                &message.0,
                &subject,
                &response,
                &VERSION,
            ],
        )
        .await
        .expect("the rows");
    Holding {
        user: user.to_owned(),
        token: token(user, organization),
        workspace: workspace.id.0.to_string(),
        document: document.to_string(),
        conversation: conversation.to_string(),
        subject,
        secret,
    }
}

// The audit log gets its rows by itself: nobody else may write them.
const SQL: &str = "
WITH vector AS (SELECT (array_prepend(1::real, array_fill(0::real, ARRAY[383])))::vector::halfvec(384) AS embedding),
workspace AS (
    INSERT INTO workspaces (id, kind, external_id, chunks) VALUES ($1, $2, $3, 1)
    ON CONFLICT (id) DO UPDATE SET chunks = workspaces.chunks + 1
),
person AS (INSERT INTO users (workspace_id, user_id) VALUES ($1, $4) ON CONFLICT DO NOTHING),
document AS (
    INSERT INTO documents (id, workspace_id, owner_id, title, filename, status, size_bytes, sha256, pages, chunks,
                           object_key, ready_at, analyser, embedding_model)
    VALUES ($5, $1, $4, $6, $6, 'ready', 1, sha256(convert_to($8, 'UTF8')), 1, 1, $7, now(), $16, 'all-MiniLM-L6-v2')
    RETURNING number
),
page AS (
    INSERT INTO pages (document_id, number, workspace_id, start_offset, end_offset, text, sha256)
    VALUES ($5, 1, $1, 0, $9, $8, sha256(convert_to($8, 'UTF8')))
),
chunk AS (
    INSERT INTO document_chunks (id, workspace_id, document_id, ordinal, start_offset, end_offset, content, embedding)
    SELECT number << 20, $1, $5, 0, 0, $9, $8, embedding FROM document, vector
),
posting AS (
    INSERT INTO postings (workspace_id, term_hash, document_id, chunk_ids, weights)
    SELECT $1, term, $5, ARRAY[number << 20], ARRAY[weight]
      FROM document, unnest($10::bigint[], $11::real[]) AS each(term, weight)
),
cached AS (
    INSERT INTO embedding_cache (workspace_id, model, content_hash, embedding)
    SELECT $1, $14, sha256(convert_to($8, 'UTF8')), embedding FROM vector
),
answer AS (
    INSERT INTO query_cache (workspace_id, key, corpus_version, claim, answer, until)
    SELECT $1, sha256(convert_to($14, 'UTF8')), 0, gen_random_uuid(), $15, now() + interval '30 minutes'
),
tombstone AS (INSERT INTO erasures (workspace_id, document_id) VALUES ($1, gen_random_uuid())),
conversation AS (INSERT INTO conversations (id, workspace_id, user_id) VALUES ($12, $1, $4)),
message AS (
    INSERT INTO messages (id, conversation_id, workspace_id, user_id, question, response)
    VALUES ($13, $12, $1, $4, $14, $15)
),
log AS (
    INSERT INTO query_logs (id, workspace_id, user_id, question_hash, passages, citations, rejected, refused, degraded,
                            search_ms, total_ms)
    VALUES ($13, $1, $4, sha256(convert_to($14, 'UTF8')), 1, 1, 0, false, '{}', 1, 1)
),
request AS (
    INSERT INTO idempotency_keys (workspace_id, user_id, key, request_hash, claim, expires_at)
    VALUES ($1, $4, $14, sha256(convert_to($14, 'UTF8')), gen_random_uuid(), now() + interval '1 hour')
),
budget AS (
    INSERT INTO budgets (scope, holder, workspace_id, user_id, day, day_usd, month, month_usd)
    VALUES ('user', $4, NULL, $4, now(), 0.5, date_trunc('month', now()), 0.5),
           ('workspace', $1::text, $1, NULL, now(), 0.5, date_trunc('month', now()), 0.5)
    ON CONFLICT DO NOTHING
),
reservation AS (
    INSERT INTO budget_reservations (workspace_id, user_id, id, amount_usd, expires_at)
    VALUES ($1, $4, $13, 0.5, now() + interval '1 hour')
)
INSERT INTO agent_telemetry (id, workspace_id, user_id, provider, model, input_tokens, output_tokens, cost_usd, latency_ms)
VALUES ($13, $1, $4, 'openai', $14, 1, 1, 0.5, 1)";

/// A table and the column that says whose its rows are.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// `workspace_id`, or `id` of the workspaces themselves.
    pub tenant: String,
    /// Whether its rows are one person's.
    pub personal: bool,
}

/// Every table that holds tenants' rows, from the catalogue.
///
/// # Panics
/// Where Postgres is not there.
pub async fn tables(superuser: &Client) -> Vec<Table> {
    let rows = superuser.query(TABLES, &[]).await.expect("the catalogue");
    let read =
        |row: &tokio_postgres::Row| Table { name: row.get(0), tenant: row.get(1), personal: row.get(2) };
    rows.iter().map(read).collect()
}

const TABLES: &str = "
SELECT c.relname::text, CASE c.relname WHEN 'workspaces' THEN 'id' ELSE 'workspace_id' END,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id')
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND c.relname NOT IN ('schema_migrations', 'audit_keys')
 ORDER BY 1";

/// What all rows of a workspace come to: the same again, if nobody touched one.
///
/// # Panics
/// Where Postgres is not there.
pub async fn fingerprint(superuser: &Client, workspace: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for Table { name, tenant, .. } in tables(superuser).await {
        let sql = format!(
            "SELECT count(*) || ' ' || COALESCE(md5(string_agg(t::text, ',' ORDER BY t::text)), '') \
             FROM {name} t WHERE {tenant}::text = $1"
        );
        let row = superuser.query_one(&sql, &[&workspace]).await.expect("the rows");
        found.push((name, row.get(0)));
    }
    found
}
