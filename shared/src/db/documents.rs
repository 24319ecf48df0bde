//! Documents: announced, listed, read, deleted; leased and finished by ingestion.

use jiff::{Timestamp, civil::Date};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{Statement, Tenant};
use crate::{
    Result,
    domain::{
        analysis,
        caller::Caller,
        document::{Document, Failure, NewDocument, Status},
        hash::hex,
        ids::DocumentId,
        language::Language,
        question::Standard,
    },
};

pub(super) static STATEMENTS: &[&Statement] =
    &[&ANNOUNCE, &STORED, &FIND, &LIST, &KEY, &DELETE, &LEASE, &FAIL, &DUPLICATE, &READY, &RELEASE];

macro_rules! columns {
    () => {
        "id, title, filename, standard, effective_date, status, failure_code, failure_detail, duplicate_of, pages, chunks, \
         hidden_characters, size_bytes, sha256, created_at, ready_at"
    };
}

/// Makes the document's row, and its workspace's and owner's where this is their first.
pub async fn announce(
    tenant: &Tenant,
    caller: &Caller,
    document: &NewDocument,
    key: &str,
) -> Result<Document> {
    let standard = document.standard.map(Standard::as_str);
    let size = i64::try_from(document.size_bytes).unwrap_or(i64::MAX);
    let params: super::Params<'_> = &[
        &caller.workspace.id.0,
        &caller.workspace.kind,
        &caller.workspace.external_id,
        &caller.user.as_str(),
        &document.id.0,
        &document.title,
        &document.filename,
        &standard,
        &document.effective_date,
        &size,
        &key,
    ];
    let row = tenant.query_opt(&ANNOUNCE, params).await?;
    row.as_ref().map(read).transpose()?.ok_or_else(|| anyhow::anyhow!("an insert answered no row").into())
}

static ANNOUNCE: Statement = Statement::new(
    concat!(
        "WITH workspace AS (INSERT INTO workspaces (id, kind, external_id) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING), \
         person AS (INSERT INTO users (workspace_id, user_id) VALUES ($1, $4) ON CONFLICT DO NOTHING) \
         INSERT INTO documents (id, workspace_id, owner_id, title, filename, standard, effective_date, size_bytes, object_key) \
         VALUES ($5, $1, $4, $6, $7, $8, $9, $10, $11) RETURNING ",
        columns!()
    ),
    &[
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::DATE,
        Type::INT8,
        Type::TEXT,
    ],
);

/// Says that the document's bytes are in the bucket, and how many they are.
pub async fn stored(tenant: &Tenant, id: DocumentId) -> Result<()> {
    tenant.query(&STORED, &[&id.0, &tenant.workspace()]).await.map(drop)
}

static STORED: Statement = Statement::new(
    "UPDATE documents SET status = 'processing', check_after = now() \
     WHERE id = $1 AND workspace_id = $2 AND status = 'awaiting_upload'",
    &[Type::UUID, Type::UUID],
);

/// One document.
pub async fn find(tenant: &Tenant, id: DocumentId) -> Result<Option<Document>> {
    tenant.query_opt(&FIND, &[&id.0, &tenant.workspace()]).await?.as_ref().map(read).transpose()
}

static FIND: Statement = Statement::new(
    concat!("SELECT ", columns!(), " FROM documents WHERE id = $1 AND workspace_id = $2"),
    &[Type::UUID, Type::UUID],
);

/// The workspace's documents, newest first: at most `limit` of those announced before `before`.
pub async fn list(tenant: &Tenant, before: Option<DocumentId>, limit: i64) -> Result<Vec<Document>> {
    let before = before.map(|id| id.0);
    tenant.query(&LIST, &[&tenant.workspace(), &before, &limit]).await?.iter().map(read).collect()
}

static LIST: Statement = Statement::new(
    concat!(
        "SELECT ",
        columns!(),
        " FROM documents WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
    ),
    &[Type::UUID, Type::UUID, Type::INT8],
);

/// Where the document's bytes lie in the bucket.
pub async fn key(tenant: &Tenant, id: DocumentId) -> Result<Option<String>> {
    Ok(tenant.query_opt(&KEY, &[&id.0, &tenant.workspace()]).await?.map(|row| row.get(0)))
}

static KEY: Statement = Statement::new(
    "SELECT object_key FROM documents WHERE id = $1 AND workspace_id = $2",
    &[Type::UUID, Type::UUID],
);

/// Deletes the document with all that it became, and leaves a tombstone.
pub async fn delete(tenant: &Tenant, id: DocumentId) -> Result<bool> {
    Ok(tenant.query_opt(&DELETE, &[&id.0, &tenant.workspace()]).await?.is_some())
}

static DELETE: Statement = Statement::new(
    "DELETE FROM documents WHERE id = $1 AND workspace_id = $2 RETURNING id",
    &[Type::UUID, Type::UUID],
);

/// A right to work on a document: only the newest lease can finish it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The document.
    pub id: DocumentId,
    /// Which lease this is.
    pub generation: i64,
    /// Its chunk ids are `number × 2^20 + ordinal`.
    pub number: i64,
    /// What it is called.
    pub title: String,
    /// Words that count in with every chunk: title, standard, file name, year.
    pub about: String,
    /// How often it was tried since it was last done, this time included.
    pub attempts: i32,
}

/// What asking for a lease came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leased {
    /// It is ours.
    Taken(Lease),
    /// Another worker has it now.
    Held,
    /// It is done, or gone, or the event says nothing new.
    Nothing,
}

/// Takes the lease for sixteen minutes, more than a worker may run. A `key` that is not the document's own is nothing.
pub async fn lease(
    tenant: &Tenant,
    id: DocumentId,
    key: &str,
    sequencer: Option<&str>,
    etag: &str,
) -> Result<Leased> {
    let row = tenant.query_opt(&LEASE, &[&id.0, &tenant.workspace(), &sequencer, &etag, &key]).await?;
    let Some(row) = row else { return Ok(Leased::Nothing) };
    if let Some(generation) = row.get::<_, Option<i64>>(1) {
        let (number, title, attempts, about) = (row.get(2), row.get(3), row.get(4), row.get(5));
        return Ok(Leased::Taken(Lease { id, generation, number, title, about, attempts }));
    }
    Ok(if row.get::<_, Option<bool>>(0) == Some(true) { Leased::Held } else { Leased::Nothing })
}

static LEASE: Statement = Statement::new(
    include_str!("../../sql/lease.sql"),
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT],
);

/// Ends the document as unreadable, with the reason.
pub async fn fail(tenant: &Tenant, lease: &Lease, failure: &Failure, size: u64) -> Result<bool> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let params: super::Params<'_> =
        &[&lease.id.0, &tenant.workspace(), &lease.generation, &failure.code, &failure.detail, &size];
    Ok(tenant.query_opt(&FAIL, params).await?.is_some())
}

static FAIL: Statement = Statement::new(
    "UPDATE documents \
     SET status = 'failed', failure_code = $4, failure_detail = $5, size_bytes = $6, lease_until = NULL, attempts = 0 \
     WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status = 'processing' RETURNING id",
    &[Type::UUID, Type::UUID, Type::INT8, Type::TEXT, Type::TEXT, Type::INT8],
);

/// Ends the document as a copy, if the workspace has a searchable one with the same bytes.
pub async fn duplicate(tenant: &Tenant, lease: &Lease, sha256: &[u8; 32], size: u64) -> Result<bool> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let params: super::Params<'_> =
        &[&lease.id.0, &tenant.workspace(), &lease.generation, &sha256.as_slice(), &size];
    Ok(tenant.query_opt(&DUPLICATE, params).await?.is_some())
}

static DUPLICATE: Statement = Statement::new(
    include_str!("../../sql/duplicate.sql"),
    &[Type::UUID, Type::UUID, Type::INT8, Type::BYTEA, Type::INT8],
);

/// What a document's index was made with.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    /// The language of its terms.
    pub language: Language,
    /// The model of its vectors.
    pub model: &'a str,
}

/// What a finished document counts.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Pages read.
    pub pages: u32,
    /// Chunks made.
    pub chunks: u32,
    /// Characters left out, because nobody who looks at the pages sees them.
    pub hidden_characters: u32,
    /// Bytes read.
    pub size_bytes: u64,
    /// Their hash.
    pub sha256: [u8; 32],
    /// How it can be found.
    pub index: Index<'a>,
}

/// Makes the document searchable: the first statement of the transaction that also writes its pages and chunks, so that
/// the workspace's corpus version is raised with them. False: an older lease, which must stop.
pub async fn ready(tenant: &Tenant, lease: &Lease, finished: &Finished<'_>) -> Result<bool> {
    let (pages, chunks) = (finished.pages.cast_signed(), finished.chunks.cast_signed());
    let size = i64::try_from(finished.size_bytes).unwrap_or(i64::MAX);
    let hidden = i32::try_from(finished.hidden_characters).unwrap_or(i32::MAX);
    let sha256 = finished.sha256.as_slice();
    let params: super::Params<'_> = &[
        &lease.id.0,
        &tenant.workspace(),
        &lease.generation,
        &pages,
        &chunks,
        &size,
        &sha256,
        &finished.index.language.code(),
        &analysis::VERSION,
        &finished.index.model,
        &hidden,
    ];
    Ok(tenant.query_opt(&READY, params).await?.is_some())
}

static READY: Statement = Statement::new(
    include_str!("../../sql/ready.sql"),
    &[
        Type::UUID,
        Type::UUID,
        Type::INT8,
        Type::INT4,
        Type::INT4,
        Type::INT8,
        Type::BYTEA,
        Type::TEXT,
        Type::INT2,
        Type::TEXT,
        Type::INT4,
    ],
);

/// Whether a try that came to nothing counts towards giving the document up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Try {
    /// It may have been the document.
    Counts,
    /// Something else was down, whatever the document.
    CountsNot,
}

/// Gives a lease back after a fault of the world, so that the next delivery can try at once.
pub async fn release(tenant: &Tenant, lease: &Lease, this: Try) -> Result<()> {
    let forgiven = i32::from(this == Try::CountsNot);
    let params: super::Params<'_> = &[&lease.id.0, &tenant.workspace(), &lease.generation, &forgiven];
    tenant.query(&RELEASE, params).await.map(drop)
}

static RELEASE: Statement = Statement::new(
    "UPDATE documents SET lease_until = NULL, attempts = attempts - $4 \
     WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status = 'processing'",
    &[Type::UUID, Type::UUID, Type::INT8, Type::INT4],
);

fn read(row: &Row) -> Result<Document> {
    let standard: Option<String> = row.get("standard");
    let standard =
        standard.map(|name| serde_json::from_value(name.into())).transpose().map_err(anyhow::Error::from)?;
    let code: Option<String> = row.get("failure_code");
    let detail: Option<String> = row.get("failure_detail");
    let count = |column: &str| row.get::<_, Option<i32>>(column).map(i32::cast_unsigned);
    Ok(Document {
        id: DocumentId(row.get("id")),
        title: row.get("title"),
        filename: row.get("filename"),
        standard,
        effective_date: row.get::<_, Option<Date>>("effective_date"),
        status: Status::parse(row.get("status"))?,
        failure: code.map(|code| Failure { code, detail: detail.unwrap_or_default() }),
        duplicate_of: row.get::<_, Option<Uuid>>("duplicate_of").map(DocumentId),
        pages: count("pages"),
        chunks: count("chunks"),
        hidden_characters: count("hidden_characters").filter(|hidden| *hidden > 0),
        size_bytes: row.get::<_, i64>("size_bytes").cast_unsigned(),
        sha256: row.get::<_, Option<Vec<u8>>>("sha256").as_deref().map(hex),
        created_at: row.get::<_, Timestamp>("created_at"),
        ready_at: row.get("ready_at"),
    })
}
