//! Vectors kept by what they are of, so that a retried ingestion buys nothing twice.

use std::collections::HashMap;

use tokio_postgres::types::Type;

use super::{Params, Statement, Tenant, pages::literal};
use crate::Result;

pub(super) static STATEMENTS: &[&Statement] = &[&FIND, &KEEP];

/// The vectors that are there already, by the hash of what they are of.
pub async fn find(tenant: &Tenant, model: &str, hashes: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<f32>>> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let rows = tenant.query(&FIND, &[&tenant.workspace(), &model, &hashes]).await?;
    let read = |row: &tokio_postgres::Row| Some((row.get::<_, &[u8]>(0).try_into().ok()?, row.get(1)));
    Ok(rows.iter().filter_map(read).collect())
}

static FIND: Statement = Statement::new(
    "SELECT content_hash, embedding::vector::float4[] FROM embedding_cache \
     WHERE workspace_id = $1 AND model = $2 AND content_hash = ANY ($3)",
    &[Type::UUID, Type::TEXT, Type::BYTEA_ARRAY],
);

/// Keeps vectors for the next try.
pub async fn keep(tenant: &Tenant, model: &str, hashes: &[[u8; 32]], vectors: &[Vec<f32>]) -> Result<()> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let vectors: Vec<String> = vectors.iter().map(|vector| literal(vector, '[', ']')).collect();
    let params: Params<'_> = &[&tenant.workspace(), &model, &hashes, &vectors];
    tenant.query(&KEEP, params).await.map(drop)
}

static KEEP: Statement = Statement::new(
    "INSERT INTO embedding_cache (workspace_id, model, content_hash, embedding) \
     SELECT $1, $2, hash, vector::halfvec(384) FROM unnest($3, $4) AS rows(hash, vector) ON CONFLICT DO NOTHING",
    &[Type::UUID, Type::TEXT, Type::BYTEA_ARRAY, Type::TEXT_ARRAY],
);
