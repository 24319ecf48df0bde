//! Pages: a document's stored text, which citations point into; and the rows that make it searchable.

use serde::Serialize;
use tokio_postgres::types::Type;
use utoipa::ToSchema;

use super::{Params, Statement, Tenant, documents::Lease};
use crate::{
    Result,
    domain::{
        analysis::Posting,
        chunking::Chunk,
        hash::{hex, sha256},
        ids::DocumentId,
        page,
        passage::PageSpan,
    },
};

pub(super) static STATEMENTS: &[&Statement] = &[&FIND, &INSERT_PAGES, &INSERT_CHUNKS, &INSERT_POSTINGS];

/// Rows in one statement: few enough for the message to stay at some megabytes.
const ROWS_MAX: usize = 2_000;
/// A document's chunks are numbered from here on up, within the block of its number.
const CHUNKS_MAX: i64 = 1 << 20;

/// A page as it is shown.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Page {
    /// Its document.
    pub document_id: DocumentId,
    /// Its number, from 1.
    pub page: u32,
    /// Its text: what citations' ranges count in.
    pub text: String,
    /// Of the text's UTF-8, in hexadecimal.
    pub sha256: String,
    /// Size and word boxes, when they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = page::Layout, required = false)]
    pub layout: Option<serde_json::Value>,
}

/// One page of a searchable document.
pub async fn find(tenant: &Tenant, document: DocumentId, number: u32) -> Result<Option<Page>> {
    let Ok(number_signed) = i32::try_from(number) else { return Ok(None) };
    let row = tenant.query_opt(&FIND, &[&document.0, &tenant.workspace(), &number_signed]).await?;
    Ok(row.map(|row| Page {
        document_id: document,
        page: number,
        text: row.get(0),
        sha256: hex(row.get(1)),
        layout: row.get(2),
    }))
}

static FIND: Statement = Statement::new(
    "SELECT p.text, p.sha256, p.layout FROM pages p \
     JOIN documents d ON d.id = p.document_id AND d.workspace_id = p.workspace_id AND d.status = 'ready' \
     WHERE p.document_id = $1 AND p.workspace_id = $2 AND p.number = $3",
    &[Type::UUID, Type::UUID, Type::INT4],
);

/// Writes a document's pages; part of the transaction that makes it ready.
pub async fn insert(tenant: &Tenant, lease: &Lease, pages: &[page::Page], spans: &[PageSpan]) -> Result<()> {
    for (pages, spans) in pages.chunks(ROWS_MAX).zip(spans.chunks(ROWS_MAX)) {
        let numbers: Vec<i32> = spans.iter().map(|span| span.number.cast_signed()).collect();
        let starts: Vec<i32> = spans.iter().map(|span| span.start.cast_signed()).collect();
        let ends: Vec<i32> = spans.iter().map(|span| span.end.cast_signed()).collect();
        let texts: Vec<&str> = pages.iter().map(|page| page.text.as_str()).collect();
        let hashes: Vec<[u8; 32]> = pages.iter().map(|page| sha256(page.text.as_bytes())).collect();
        let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let layouts: Result<Vec<Option<serde_json::Value>>, _> =
            pages.iter().map(|page| page.layout.as_ref().map(serde_json::to_value).transpose()).collect();
        let layouts = layouts.map_err(anyhow::Error::from)?;
        let params: Params<'_> =
            &[&lease.id.0, &tenant.workspace(), &numbers, &starts, &ends, &texts, &hashes, &layouts];
        tenant.query(&INSERT_PAGES, params).await?;
    }
    Ok(())
}

static INSERT_PAGES: Statement = Statement::new(
    "INSERT INTO pages (document_id, workspace_id, number, start_offset, end_offset, text, sha256, layout) \
     SELECT $1, $2, * FROM unnest($3, $4, $5, $6, $7, $8)",
    &[
        Type::UUID,
        Type::UUID,
        Type::INT4_ARRAY,
        Type::INT4_ARRAY,
        Type::INT4_ARRAY,
        Type::TEXT_ARRAY,
        Type::BYTEA_ARRAY,
        Type::JSONB_ARRAY,
    ],
);

/// Writes a document's chunks with their vectors, one vector a chunk.
pub async fn insert_chunks(
    tenant: &Tenant,
    lease: &Lease,
    chunks: &[Chunk],
    vectors: &[Vec<f32>],
) -> Result<()> {
    for (chunks, vectors) in chunks.chunks(ROWS_MAX).zip(vectors.chunks(ROWS_MAX)) {
        let ids: Vec<i64> = chunks.iter().map(|chunk| chunk_id(lease, chunk.ordinal)).collect();
        let ordinals: Vec<i32> = chunks.iter().map(|chunk| chunk.ordinal.cast_signed()).collect();
        let starts: Vec<i32> = chunks.iter().map(|chunk| chunk.start.cast_signed()).collect();
        let ends: Vec<i32> = chunks.iter().map(|chunk| chunk.end.cast_signed()).collect();
        let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        let vectors: Vec<String> = vectors.iter().map(|vector| literal(vector, '[', ']')).collect();
        let params: Params<'_> =
            &[&lease.id.0, &tenant.workspace(), &ids, &ordinals, &starts, &ends, &texts, &vectors];
        tenant.query(&INSERT_CHUNKS, params).await?;
    }
    Ok(())
}

static INSERT_CHUNKS: Statement = Statement::new(
    "INSERT INTO document_chunks (document_id, workspace_id, id, ordinal, start_offset, end_offset, content, embedding) \
     SELECT $1, $2, id, ordinal, start_offset, end_offset, content, vector::halfvec(384) \
     FROM unnest($3, $4, $5, $6, $7, $8) AS rows(id, ordinal, start_offset, end_offset, content, vector)",
    &[
        Type::UUID,
        Type::UUID,
        Type::INT8_ARRAY,
        Type::INT4_ARRAY,
        Type::INT4_ARRAY,
        Type::INT4_ARRAY,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
    ],
);

/// Writes a document's full-text index. Lists travel as array literals: `unnest` cannot take ragged arrays, and `COPY` is
/// refused under row-level security.
pub async fn insert_postings(tenant: &Tenant, lease: &Lease, postings: &[Posting]) -> Result<()> {
    for postings in postings.chunks(ROWS_MAX) {
        let terms: Vec<i64> = postings.iter().map(|posting| posting.term).collect();
        let ids = postings.iter().map(|posting| {
            let ids: Vec<i64> = posting.chunks.iter().map(|ordinal| chunk_id(lease, *ordinal)).collect();
            literal(&ids, '{', '}')
        });
        let ids: Vec<String> = ids.collect();
        let weights: Vec<String> =
            postings.iter().map(|posting| literal(&posting.weights, '{', '}')).collect();
        let params: Params<'_> = &[&lease.id.0, &tenant.workspace(), &terms, &ids, &weights];
        tenant.query(&INSERT_POSTINGS, params).await?;
    }
    Ok(())
}

static INSERT_POSTINGS: Statement = Statement::new(
    "INSERT INTO postings (document_id, workspace_id, term_hash, chunk_ids, weights) \
     SELECT $1, $2, term_hash, chunk_ids::bigint[], weights::real[] \
     FROM unnest($3, $4, $5) AS rows(term_hash, chunk_ids, weights)",
    &[Type::UUID, Type::UUID, Type::INT8_ARRAY, Type::TEXT_ARRAY, Type::TEXT_ARRAY],
);

pub(super) fn chunk_id(lease: &Lease, ordinal: u32) -> i64 {
    lease.number * CHUNKS_MAX + i64::from(ordinal)
}

/// `[1,2]` or `{1,2}`: what Postgres reads as a vector or an array.
pub(super) fn literal<T: ToString>(items: &[T], open: char, close: char) -> String {
    let mut text = String::with_capacity(items.len() * 8 + 2);
    text.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&item.to_string());
    }
    text.push(close);
    text
}
