//! Idempotency keys: who works on a request, and what it was answered.

use std::time::Duration;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Params, Statement, Tenant};
use crate::{Result, domain::caller::Caller};

pub(super) static STATEMENTS: &[&Statement] = &[&CLAIM, &KEEP, &RELEASE];

/// What is kept of a response, and replayed byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its status.
    pub status: u16,
    /// Its media type.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What claiming a key came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The request is ours to work on, under this claim.
    Ours(Uuid),
    /// The key belongs to another request.
    Other,
    /// The same request is being worked on, for so long at most.
    InFlight(Duration),
    /// It was answered.
    Done(Kept),
}

/// Claims `key` for the request of this hash, to be worked on for `work` at most.
pub async fn claim(
    tenant: &Tenant,
    caller: &Caller,
    key: &str,
    hash: &[u8; 32],
    work: Duration,
) -> Result<Claim> {
    let claim = Uuid::now_v7();
    let params: Params<'_> = &[
        &caller.workspace.id.0,
        &caller.workspace.kind,
        &caller.workspace.external_id,
        &caller.user.as_str(),
        &key,
        &hash.as_slice(),
        &claim,
        &work.as_secs_f64(),
    ];
    // None: the key was let go between the two halves of the statement; whoever asks again gets it.
    let Some(row) = tenant.query_opt(&CLAIM, params).await? else {
        return Ok(Claim::InFlight(Duration::from_secs(1)));
    };
    if row.get::<_, Uuid>(1) == claim {
        return Ok(Claim::Ours(claim));
    }
    if row.get::<_, &[u8]>(0) != hash {
        return Ok(Claim::Other);
    }
    let Some(status) = row.get::<_, Option<i16>>(2) else {
        return Ok(Claim::InFlight(Duration::from_secs_f64(row.get::<_, f64>(5).clamp(1.0, 60.0))));
    };
    Ok(Claim::Done(Kept {
        status: status.cast_unsigned(),
        content_type: row.get::<_, Option<String>>(3).unwrap_or_default(),
        body: row.get::<_, Option<Vec<u8>>>(4).unwrap_or_default(),
    }))
}

static CLAIM: Statement = Statement::new(
    include_str!("../../sql/claim_key.sql"),
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::BYTEA, Type::UUID, Type::FLOAT8],
);

/// Keeps the response for a day, if the claim still stands.
pub async fn keep(tenant: &Tenant, key: &str, claim: Uuid, kept: &Kept) -> Result<()> {
    let status = i16::try_from(kept.status).unwrap_or(i16::MAX);
    let params: Params<'_> =
        &[&tenant.workspace(), &tenant.user(), &key, &claim, &status, &kept.content_type, &kept.body];
    tenant.query(&KEEP, params).await.map(drop)
}

static KEEP: Statement = Statement::new(
    "UPDATE idempotency_keys SET status = $5, content_type = $6, body = $7, expires_at = now() + interval '1 day' \
     WHERE workspace_id = $1 AND user_id = $2 AND key = $3 AND claim = $4",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::UUID, Type::INT2, Type::TEXT, Type::BYTEA],
);

/// Lets the key go: the response is not one to replay.
pub async fn release(tenant: &Tenant, key: &str, claim: Uuid) -> Result<()> {
    tenant.query(&RELEASE, &[&tenant.workspace(), &tenant.user(), &key, &claim]).await.map(drop)
}

static RELEASE: Statement = Statement::new(
    "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND user_id = $2 AND key = $3 AND claim = $4",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::UUID],
);
