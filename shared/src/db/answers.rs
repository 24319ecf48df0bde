//! Answers kept in the database for half an hour, and the claims of those who have one written: `query_cache`.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{Params, Statement, Tenant};
use crate::{
    Result,
    domain::{
        answer::Answer,
        citation::Citation,
        kept::{Kept, Key},
    },
};

pub(super) static STATEMENTS: &[&Statement] = &[&OPEN, &KEEP, &RELEASE, &HOLDS];

/// A claim to have a question's answer written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Whose it is.
    pub id: Uuid,
    /// How long it stands; then whoever comes next takes over.
    pub stands: Duration,
}

/// What is there for a question.
#[derive(Clone, PartialEq, Debug)]
pub enum Opened {
    /// The answer that the process knows still holds.
    Known,
    /// This answer, whose citations hold.
    Kept(Box<Kept>),
    /// Nothing: the claim is the caller's, and so is the work, on this version of what is searchable.
    Ours(i64),
    /// Nothing yet: somebody else has it written; or nothing was claimed.
    Nothing,
}

/// Looks for the answer: the one that the process knows, else the one that is kept; else claims the work, where a claim is
/// given. One statement, so that a question that nobody asked before waits for no more than one that somebody did.
pub async fn open(tenant: &Tenant, key: &Key, known: Option<&Kept>, claim: Option<Claim>) -> Result<Opened> {
    let (version, citations) =
        (known.map(|kept| kept.corpus_version), known.map(|kept| &kept.answer.citations));
    let citations: Option<Json<&Vec<Citation>>> = citations.map(Json);
    let (id, stands_s) = (claim.map(|claim| claim.id), claim.map(|claim| claim.stands.as_secs_f64()));
    let params: Params<'_> = &[&tenant.workspace(), &key.0.as_slice(), &version, &citations, &id, &stands_s];
    let Some(row) = tenant.query_opt(&OPEN, params).await? else { return Ok(Opened::Nothing) };
    let corpus_version = row.get(0);
    if row.get(1) {
        return Ok(Opened::Known);
    }
    if row.get(2) {
        return Ok(Opened::Ours(corpus_version));
    }
    // What an earlier release wrote may read otherwise: it is not there then, and ends by itself.
    let answer = row.try_get::<_, Option<Json<Answer>>>(3).ok().flatten();
    Ok(answer.map_or(Opened::Nothing, |Json(answer)| {
        Opened::Kept(Box::new(Kept { corpus_version, written_at: row.get(4), answer }))
    }))
}

static OPEN: Statement = Statement::new(
    include_str!("../../sql/open_answer.sql"),
    &[Type::UUID, Type::BYTEA, Type::INT8, Type::JSONB, Type::UUID, Type::FLOAT8],
);

/// Keeps the answer that was written under the claim, for half an hour. None: what is searchable has changed or is just
/// changing, or the claim was lost; the answer is one of the past then.
pub async fn keep(
    tenant: &Tenant,
    key: &Key,
    claim: Uuid,
    corpus_version: i64,
    answer: &Answer,
) -> Result<Option<Timestamp>> {
    let params: Params<'_> =
        &[&tenant.workspace(), &key.0.as_slice(), &claim, &corpus_version, &Json(answer)];
    Ok(tenant.query_opt(&KEEP, params).await?.map(|row| row.get(0)))
}

// Whoever deletes a document holds its workspace's row until it is done, and then deletes answers: one that was added
// meanwhile would stay. So nothing is added meanwhile.
static KEEP: Statement = Statement::new(
    "WITH present AS (SELECT FROM workspaces WHERE id = $1 AND corpus_version = $4 FOR SHARE SKIP LOCKED) \
     UPDATE query_cache SET answer = $5, written_at = now(), until = now() + interval '30 minutes' \
     WHERE workspace_id = $1 AND key = $2 AND claim = $3 AND corpus_version = $4 AND EXISTS (SELECT FROM present) \
     RETURNING written_at",
    &[Type::UUID, Type::BYTEA, Type::UUID, Type::INT8, Type::JSONB],
);

/// Gives a claim back under which nothing was written, so that whoever waits takes over at once.
pub async fn release(tenant: &Tenant, key: &Key, claim: Uuid) -> Result<()> {
    tenant.query(&RELEASE, &[&tenant.workspace(), &key.0.as_slice(), &claim]).await.map(drop)
}

static RELEASE: Statement = Statement::new(
    "DELETE FROM query_cache WHERE workspace_id = $1 AND key = $2 AND claim = $3 AND answer IS NULL",
    &[Type::UUID, Type::BYTEA, Type::UUID],
);

/// Whether an answer from elsewhere is of the present version, and its citations hold.
pub async fn holds(tenant: &Tenant, kept: &Kept) -> Result<bool> {
    let params: Params<'_> = &[&tenant.workspace(), &kept.corpus_version, &Json(&kept.answer.citations)];
    Ok(tenant.query_opt(&HOLDS, params).await?.is_some())
}

static HOLDS: Statement = Statement::new(
    "SELECT FROM workspaces WHERE id = $1 AND corpus_version = $2 AND citations_hold($1, $3)",
    &[Type::UUID, Type::INT8, Type::JSONB],
);
