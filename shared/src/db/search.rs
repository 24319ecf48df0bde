//! Hybrid search: lexical and vector candidates of one workspace, fused, in one round trip.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{Params, Statement, Tenant};
use crate::{
    Result,
    domain::{
        ids::DocumentId,
        passage::{PageSpan, Passage},
        question::{Filters, Standard},
    },
};

pub(super) static STATEMENTS: &[&Statement] = &[&SEARCH];

/// Candidates that each side brings; 50 instead would cost .002–.015 of nDCG@10.
const CANDIDATES: i64 = 100;

/// How the two sides' scores become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fusion {
    /// The mean of both sides' z-scores.
    #[default]
    ZScore,
    /// Reciprocal ranks with k = 60 (Cormack, Clarke and Büttcher, SIGIR 2009).
    ReciprocalRank,
}

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Hashes of the question's terms, each once.
    pub terms: &'a [i64],
    /// The question's vector; none: full text only.
    pub vector: Option<&'a [f32]>,
    /// What it is limited to.
    pub filters: &'a Filters,
    /// How many passages are wanted.
    pub limit: u32,
    /// How the sides are fused.
    pub fusion: Fusion,
}

/// The tenant's passages that fit best, best first.
pub async fn passages(tenant: &Tenant, query: &Query<'_>) -> Result<Vec<Passage>> {
    let standard = query.filters.standard.map(Standard::as_str);
    let documents: Option<Vec<Uuid>> =
        query.filters.document_ids.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    let limit = i64::from(query.limit);
    let by_ranks = query.fusion == Fusion::ReciprocalRank;
    let params: Params<'_> = &[
        &tenant.workspace(),
        &query.terms,
        &query.vector,
        &CANDIDATES,
        &limit,
        &standard,
        &query.filters.date_from,
        &documents,
        &by_ranks,
    ];
    Ok(tenant.query(&SEARCH, params).await?.iter().map(read).collect())
}

static SEARCH: Statement = Statement::new(
    include_str!("../../sql/search.sql"),
    &[
        Type::UUID,
        Type::INT8_ARRAY,
        Type::FLOAT4_ARRAY,
        Type::INT8,
        Type::INT8,
        Type::TEXT,
        Type::DATE,
        Type::UUID_ARRAY,
        Type::BOOL,
    ],
);

fn read(row: &Row) -> Passage {
    let numbers: Vec<i32> = row.get("numbers");
    let starts: Vec<i32> = row.get("starts");
    let ends: Vec<i32> = row.get("ends");
    let span = |((number, start), end): ((i32, i32), i32)| PageSpan {
        number: number.cast_unsigned(),
        start: start.cast_unsigned(),
        end: end.cast_unsigned(),
    };
    Passage {
        document_id: DocumentId(row.get("document_id")),
        title: row.get("title"),
        start: row.get::<_, i32>("start_offset").cast_unsigned(),
        text: row.get("content"),
        pages: numbers.into_iter().zip(starts).zip(ends).map(span).collect(),
        score: row.get("score"),
        similarity: row.get("similarity"),
        lexical: row.get("lexical"),
    }
}
