//! Hybrid search: lexical and vector candidates of one workspace, fused, in one round trip.

use tokio_postgres::{Row, types::Type};
use tracing::{field::Empty, info_span};
use uuid::Uuid;

use super::{Params, Statement, Tenant};
use crate::{
    Result,
    domain::{
        analysis::Asked,
        ids::DocumentId,
        passage::{PageSpan, Passage},
        question::{Filters, Standard},
    },
};

pub(super) static STATEMENTS: &[&Statement] = &[&SEARCH];

/// Candidates that each side brings: with fewer, means and deviations are those of the few best, and nDCG@10 falls.
const CANDIDATES: i64 = 200;

/// How the two sides' scores become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fusion {
    /// The mean of both sides' z-scores.
    #[default]
    ZScore,
    /// Reciprocal ranks with k = 60 (Cormack, Clarke and Büttcher, SIGIR 2009).
    ReciprocalRank,
}

/// A question's vector.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a> {
    /// Of length 1.
    pub numbers: &'a [f32],
    /// The model that made it: only its own vectors can be compared with it.
    pub model: &'a str,
}

/// What a search came to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// The tenant's passages that fit best, best first.
    pub passages: Vec<Passage>,
    /// Whether documents were left out of the vector side, because another model made their vectors.
    pub is_partial: bool,
}

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The question's terms.
    pub asked: &'a Asked,
    /// The question's vector; none: full text only.
    pub vector: Option<Vector<'a>>,
    /// What it is limited to.
    pub filters: &'a Filters,
    /// How many passages are wanted.
    pub limit: u32,
    /// How the sides are fused.
    pub fusion: Fusion,
}

/// Searches the tenant's documents, in one round trip. Both sides are one statement: their spans tell how many candidates
/// each brought, and last as long as the whole.
pub async fn passages(tenant: &Tenant, query: &Query<'_>) -> Result<Found> {
    let by_words = info_span!("bm25_search", results.count = Empty);
    let by_vectors = query.vector.map(|_| info_span!("vector_search", results.count = Empty));
    let standard = query.filters.standard.map(Standard::as_str);
    let documents: Option<Vec<Uuid>> =
        query.filters.document_ids.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    let (languages, foreign): (Vec<&str>, Vec<i64>) =
        query.asked.foreign.iter().map(|(language, term)| (language.code(), *term)).unzip();
    let limit = i64::from(query.limit);
    let by_ranks = query.fusion == Fusion::ReciprocalRank;
    let params: Params<'_> = &[
        &tenant.workspace(),
        &query.asked.terms,
        &query.vector.map(|vector| vector.numbers),
        &CANDIDATES,
        &limit,
        &standard,
        &query.filters.date_from,
        &documents,
        &by_ranks,
        &languages,
        &foreign,
        &query.vector.map(|vector| vector.model),
    ];
    let rows = tenant.query(&SEARCH, params).await?;
    let Some(first) = rows.first() else { return Ok(Found::default()) };
    by_words.record("results.count", first.get::<_, i64>("lexical_count"));
    if let Some(span) = by_vectors {
        span.record("results.count", first.get::<_, i64>("vector_count"));
    }
    Ok(Found { passages: rows.iter().filter_map(read).collect(), is_partial: first.get("is_partial") })
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
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::TEXT,
    ],
);

/// None: the row that says only that nothing was found.
fn read(row: &Row) -> Option<Passage> {
    let document: Option<Uuid> = row.get("document_id");
    let document_id = DocumentId(document?);
    let numbers: Vec<i32> = row.get("numbers");
    let starts: Vec<i32> = row.get("starts");
    let ends: Vec<i32> = row.get("ends");
    let span = |((number, start), end): ((i32, i32), i32)| PageSpan {
        number: number.cast_unsigned(),
        start: start.cast_unsigned(),
        end: end.cast_unsigned(),
    };
    Some(Passage {
        document_id,
        title: row.get("title"),
        start: row.get::<_, i32>("start_offset").cast_unsigned(),
        text: row.get("content"),
        pages: numbers.into_iter().zip(starts).zip(ends).map(span).collect(),
        score: row.get("score"),
        similarity: row.get("similarity"),
        lexical: row.get("lexical"),
    })
}
