//! Retrieval quality and time of the bundle's own search over test collections in BEIR's layout: `retrieval DIRECTORY…`;
//! `retrieval scale` measures what searches cost instead.
//! Everything goes through the product's statement as the application's role under row-level security; Postgres's own
//! `ts_rank_cd` is measured beside it. It needs what the tests need: a Postgres, the model.

mod collection;
#[path = "../library/curve.rs"]
mod curve;
mod measures;
mod plain;
mod scale;
mod shelf;
mod vectors;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use harness::parts::given;
use shared::{
    db::{
        Pool, Scope,
        search::{self, Fusion, Vector},
    },
    domain::{
        analysis::{self, Asked},
        passage::Passage,
        question::Filters,
        refusal::strength,
    },
    env::Env,
    llm::Embeddings,
};

use self::{
    collection::{Collection, Query},
    measures::{mean, ndcg, quantile, recall},
    plain::Plain,
    shelf::Shelf,
    vectors::Vectors,
};

/// How deep rankings are looked at.
const DEPTH: u32 = 100;
/// Passages of a question whose time is taken: as many as an answer is given.
const TIMED: u32 = 8;
/// The default of the setting.
const MATCH_THRESHOLD: f64 = 0.2;
/// Where vectors are kept from run to run.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/vectors");

/// A way to search.
#[derive(Clone, Copy)]
enum Way {
    /// `ts_rank_cd` over chunks with any word of the question, or with all.
    Plain { any: bool },
    /// The bundle's statement: with words, with vectors, fused so.
    Ours { words: bool, vectors: bool, fusion: Fusion },
}

const WAYS: [(&str, Way); 6] = [
    ("Postgres `ts_rank_cd`, all words", Way::Plain { any: false }),
    ("Postgres `ts_rank_cd`, any word", Way::Plain { any: true }),
    ("BM25", Way::Ours { words: true, vectors: false, fusion: Fusion::ZScore }),
    ("vectors", Way::Ours { words: false, vectors: true, fusion: Fusion::ZScore }),
    ("fused by reciprocal ranks", Way::Ours { words: true, vectors: true, fusion: Fusion::ReciprocalRank }),
    ("fused by z-scores", Way::Ours { words: true, vectors: true, fusion: Fusion::ZScore }),
];

/// What each query came to, one way.
#[derive(Default)]
struct Figures {
    ndcg: Vec<f64>,
    recall: Vec<f64>,
    times_ms: Vec<f64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let directories: Vec<String> = std::env::args().skip(1).collect();
    ensure!(!directories.is_empty(), "usage: retrieval scale | retrieval DIRECTORY…");
    if directories == ["scale"] {
        return scale::measure().await;
    }
    let env = Env::of([("EMBEDDER_DIR", given("FOOTNOTE_MODEL_DIR"))]);
    let mut vectors = Vectors::open(Embeddings::connect(&env)?, Path::new(VECTORS))?;
    for directory in directories {
        let collection = Collection::read(Path::new(&directory)).with_context(|| directory.clone())?;
        measure(&collection, &mut vectors).await.with_context(|| directory)?;
    }
    Ok(())
}

async fn measure(collection: &Collection, vectors: &mut Vectors) -> Result<()> {
    let shelf = Shelf::fill(&collection.items, vectors).await?;
    Plain::fill(&shelf.database).await?;
    let plain = Plain::connect(&shelf.database, &shelf.workspace).await?;
    let env = Env::of([("DATABASE_URL", shelf.database.url(Some("footnote_app")))]);
    let pool = Pool::new(&env, "DATABASE_URL")?;
    let model = vectors.model().to_owned();
    let questions: Vec<String> = collection.queries.iter().map(|query| query.text.clone()).collect();
    let embedded = vectors.of(&questions).await?;
    let mut evidence: Vec<curve::Measured> = Vec::new();
    let mut figures: [Figures; WAYS.len()] = Default::default();
    for (query, vector) in collection.queries.iter().zip(&embedded) {
        for ((_, way), figures) in WAYS.into_iter().zip(&mut figures) {
            let ask = async |limit| match way {
                Way::Plain { any } => Ok((plain.places(&query.text, any, limit).await?, Vec::new())),
                Way::Ours { .. } => {
                    let passages = ours(&pool, &shelf, query, (vector, &model), way, limit).await?;
                    let places =
                        passages.iter().map(|passage| (passage.document_id, passage.start)).collect();
                    anyhow::Ok((places, passages))
                }
            };
            let (found, passages): (Vec<_>, Vec<Passage>) = ask(DEPTH).await?;
            let found: Vec<&str> =
                found.iter().filter_map(|place| shelf.items.get(place)).map(String::as_str).collect();
            let asked = Instant::now();
            ask(TIMED).await?;
            figures.times_ms.push(milliseconds(asked.elapsed()));
            figures.ndcg.push(ndcg(&found, &query.relevant));
            figures.recall.push(recall(&found, &query.relevant));
            if matches!(way, Way::Ours { words: true, vectors: true, fusion: Fusion::ZScore }) {
                let first = |passages: &[Passage]| strength(&passages[..passages.len().min(TIMED as usize)]);
                evidence.push((first(&passages).unwrap_or_default(), true));
                // The same question as if nothing in the collection answered it.
                let is_relevant = |item: &&str| query.relevant.get(*item).is_some_and(|score| *score > 0.0);
                let others = found.iter().zip(passages).filter(|(item, _)| !is_relevant(item));
                let others: Vec<Passage> = others.map(|(_, passage)| passage).collect();
                evidence.push((first(&others).unwrap_or_default(), false));
            }
        }
    }
    println!(
        "{}: {} items, {} queries\n\n| search | nDCG@10 | recall@100 | p50 ms | p95 ms |\n| --- | --- | --- | --- | --- |",
        collection.name,
        collection.items.len(),
        collection.queries.len()
    );
    for ((name, _), Figures { ndcg, recall, mut times_ms }) in WAYS.into_iter().zip(figures) {
        let (median, late) = (quantile(&mut times_ms, 0.5), quantile(&mut times_ms, 0.95));
        println!("| {name} | {:.4} | {:.4} | {median:.1} | {late:.1} |", mean(&ndcg), mean(&recall));
    }
    println!();
    let steps: Vec<f64> = (3..=14).map(|step| f64::from(step) / 20.0).collect();
    curve::print("similarity of the closest passage", &evidence, &steps, MATCH_THRESHOLD);
    Ok(())
}

async fn ours(
    pool: &Pool,
    shelf: &Shelf,
    query: &Query,
    (vector, model): (&[f32], &str),
    way: Way,
    limit: u32,
) -> Result<Vec<Passage>> {
    let Way::Ours { words, vectors, fusion } = way else { return Ok(Vec::new()) };
    let asked = if words { analysis::asked(&query.text) } else { Asked::default() };
    let query = search::Query {
        asked: &asked,
        vector: vectors.then_some(Vector { numbers: vector, model }),
        filters: &Filters::default(),
        limit,
        fusion,
    };
    let tenant = pool.each(Scope::of_workspace(shelf.workspace.id)).await?;
    Ok(search::passages(&tenant, &query).await?.passages)
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
