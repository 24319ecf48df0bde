//! Documents whose index is out of date: made with another model's vectors, or by an older analyser.

use tokio_postgres::types::Type;

use super::{
    Params, Pool, Statement, Tenant,
    documents::{Index, Lease},
    pages::{self, chunk_id, literal},
};
use crate::{
    Result,
    domain::{
        analysis::{self, Posting},
        caller::WorkspaceId,
        ids::DocumentId,
    },
};

pub(super) static STATEMENTS: &[&Statement] =
    &[&CLAIM, &FIND, &FIND_CHUNKS, &RENEW, &REPLACE_VECTORS, &DELETE_POSTINGS];

/// Vectors in one statement: few enough for the message to stay at some megabytes.
const ROWS_MAX: usize = 1_000;

/// Up to `limit` documents of any tenant whose index was not made with this model and analyser; nobody else is given them
/// for a while.
pub async fn claim(pool: &Pool, model: &str, limit: i32) -> Result<Vec<(WorkspaceId, DocumentId)>> {
    let rows = pool.query(&CLAIM, &[&model, &analysis::VERSION, &limit]).await?;
    Ok(rows.iter().map(|row| (WorkspaceId(row.get(0)), DocumentId(row.get(1)))).collect())
}

static CLAIM: Statement = Statement::new(
    "SELECT workspace_id, document_id FROM job_claim_outdated($1, $2, $3)",
    &[Type::TEXT, Type::INT2, Type::INT4],
);

/// A document to index anew.
#[derive(Clone, Debug)]
pub struct Outdated {
    /// The document as it is: work on an earlier one of the same id cannot be stored.
    pub lease: Lease,
    /// Whether its vectors are another model's.
    pub is_strange: bool,
    /// Its chunks' text, in order.
    pub chunks: Vec<String>,
}

/// The document with its chunks, if it is searchable.
pub async fn find(tenant: &Tenant, id: DocumentId, model: &str) -> Result<Option<Outdated>> {
    let Some(row) = tenant.query_opt(&FIND, &[&id.0, &tenant.workspace(), &model]).await? else {
        return Ok(None);
    };
    let (generation, number, title, about) = (row.get(0), row.get(1), row.get(2), row.get(3));
    let lease = Lease { id, generation, number, title, about, attempts: 0 };
    let chunks = tenant.query(&FIND_CHUNKS, &[&id.0, &tenant.workspace()]).await?;
    let chunks = chunks.iter().map(|row| row.get(0)).collect();
    Ok(Some(Outdated { lease, is_strange: row.get(4), chunks }))
}

static FIND: Statement = Statement::new(
    "SELECT generation, number, title, \
            concat_ws(' ', title, standard, regexp_replace(filename, '[.][[:alnum:]]{1,5}$', ''), extract(year FROM effective_date)), \
            embedding_model <> $3 \
       FROM documents WHERE id = $1 AND workspace_id = $2 AND status = 'ready'",
    &[Type::UUID, Type::UUID, Type::TEXT],
);

static FIND_CHUNKS: Statement = Statement::new(
    "SELECT content FROM document_chunks WHERE document_id = $1 AND workspace_id = $2 ORDER BY ordinal",
    &[Type::UUID, Type::UUID],
);

/// Replaces the document's index within a transaction, and raises the workspace's corpus version; vectors only where they
/// are given. False: the document changed meanwhile, and nothing was done.
pub async fn replace(
    tenant: &Tenant,
    lease: &Lease,
    index: &Index<'_>,
    vectors: Option<&[Vec<f32>]>,
    postings: &[Posting],
) -> Result<bool> {
    let params: Params<'_> = &[
        &lease.id.0,
        &tenant.workspace(),
        &lease.generation,
        &index.language.code(),
        &analysis::VERSION,
        &index.model,
    ];
    if tenant.query_opt(&RENEW, params).await?.is_none() {
        return Ok(false);
    }
    for (vectors, ordinal) in vectors.unwrap_or_default().chunks(ROWS_MAX).zip((0..).step_by(ROWS_MAX)) {
        let ids: Vec<i64> = (ordinal..).take(vectors.len()).map(|ordinal| chunk_id(lease, ordinal)).collect();
        let vectors: Vec<String> = vectors.iter().map(|vector| literal(vector, '[', ']')).collect();
        tenant.query(&REPLACE_VECTORS, &[&lease.id.0, &tenant.workspace(), &ids, &vectors]).await?;
    }
    tenant.query(&DELETE_POSTINGS, &[&lease.id.0, &tenant.workspace()]).await?;
    pages::insert_postings(tenant, lease, postings).await?;
    Ok(true)
}

static RENEW: Statement = Statement::new(
    include_str!("../../sql/renew.sql"),
    &[Type::UUID, Type::UUID, Type::INT8, Type::TEXT, Type::INT2, Type::TEXT],
);

static REPLACE_VECTORS: Statement = Statement::new(
    "UPDATE document_chunks c SET embedding = rows.vector::halfvec(384) FROM unnest($3, $4) AS rows(id, vector) \
     WHERE c.id = rows.id AND c.document_id = $1 AND c.workspace_id = $2",
    &[Type::UUID, Type::UUID, Type::INT8_ARRAY, Type::TEXT_ARRAY],
);

static DELETE_POSTINGS: Statement = Statement::new(
    "DELETE FROM postings WHERE document_id = $1 AND workspace_id = $2",
    &[Type::UUID, Type::UUID],
);
