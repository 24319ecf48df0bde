//! Retrieval quality and time of the bundle's own search over test collections in BEIR layout (`corpus.jsonl`,
//! `queries.jsonl`, `qrels.tsv`): `retrieval DIRECTORY…`. Each item of a corpus becomes one chunk, written as ingestion
//! writes chunks, into a fresh database; nDCG@10 is `trec_eval`'s. It needs what the tests need: a Postgres, the model.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use harness::parts::{Database, given};
use serde_json::Value;
use shared::{
    db::{
        Pool, Scope,
        documents::{self, Finished, Lease},
        pages,
        search::{self, Fusion},
    },
    domain::{
        analysis,
        caller::{UserId, Workspace},
        chunking::Chunk,
        ids::DocumentId,
        passage::PageSpan,
        question::Filters,
    },
    env::Env,
    llm::Embeddings,
    pdf,
};

/// Items in one document, as many as a standard has chunks.
const ITEMS: usize = 50;
/// How deep the ranking is looked at.
const DEPTH: u32 = 10;
/// Name, whether words and vectors take part, fusion.
const MODES: [(&str, bool, bool, Fusion); 4] = [
    ("words only", true, false, Fusion::ZScore),
    ("vectors only", false, true, Fusion::ZScore),
    ("z-scores", true, true, Fusion::ZScore),
    ("reciprocal ranks", true, true, Fusion::ReciprocalRank),
];

/// What a query is about: how relevant each item is, by its id.
type Judgements = HashMap<String, f64>;

#[tokio::main]
async fn main() -> Result<()> {
    let directories: Vec<String> = std::env::args().skip(1).collect();
    if directories.is_empty() {
        bail!("usage: retrieval DIRECTORY…");
    }
    for directory in directories {
        measure(Path::new(&directory)).await.with_context(|| directory)?;
    }
    Ok(())
}

async fn measure(directory: &Path) -> Result<()> {
    let (corpus, queries) = (lines(directory, "corpus.jsonl")?, lines(directory, "queries.jsonl")?);
    let judged = judgements(&std::fs::read_to_string(directory.join("qrels.tsv"))?)?;
    let database = Database::create().await;
    let env = Env::of([
        ("DATABASE_URL", database.url(Some("footnote_jobs"))),
        ("EMBEDDER_DIR", given("FOOTNOTE_MODEL_DIR")),
    ]);
    let (pool, embeddings) = (Pool::new(&env, "DATABASE_URL")?, Embeddings::connect(&env)?);
    let started = Instant::now();
    let (scope, items) = load(&database, &pool, &embeddings, &corpus).await?;
    println!("{}: {} items in {:.0} s", directory.display(), corpus.len(), started.elapsed().as_secs_f64());

    let env = Env::of([("DATABASE_URL", database.url(Some("footnote_app")))]);
    let pool = Pool::new(&env, "DATABASE_URL")?;
    let mut scores = [const { (Vec::new(), Vec::new()) }; MODES.len()];
    for query in &queries {
        let Some(relevant) = judged.get(text(query, "_id")) else { continue };
        let question = text(query, "text");
        let vector = embeddings.question(question, Instant::now() + Duration::from_secs(60)).await?;
        let terms = analysis::query_terms(question);
        for ((_, words, vectors, fusion), (gains, times)) in MODES.into_iter().zip(&mut scores) {
            let query = search::Query {
                terms: if words { &terms } else { &[] },
                vector: vectors.then_some(&vector),
                filters: &Filters::default(),
                limit: DEPTH,
                fusion,
            };
            let asked = Instant::now();
            let tenant = pool.each(scope.clone()).await?;
            let found = search::passages(&tenant, &query).await?;
            times.push(asked.elapsed().as_secs_f64() * 1e3);
            let ids: Vec<&str> = found
                .iter()
                .filter_map(|passage| items.get(&(passage.document_id, passage.start)))
                .map(String::as_str)
                .collect();
            gains.push(ndcg(&ids, relevant));
        }
    }
    for ((name, ..), (gains, mut times)) in MODES.into_iter().zip(scores) {
        times.sort_by(f64::total_cmp);
        let (queries, sum) = (gains.len(), gains.iter().sum::<f64>());
        let median = times.get(queries / 2).copied().unwrap_or_default();
        println!(
            "  {name:18} nDCG@10 {:.4}  median {median:5.1} ms  ({queries} queries)",
            sum / as_f64(queries)
        );
    }
    Ok(())
}

/// Writes the corpus as ready documents of one workspace; answers which item each chunk is.
async fn load(
    database: &Database,
    pool: &Pool,
    embeddings: &Embeddings,
    corpus: &[Value],
) -> Result<(Scope, HashMap<(DocumentId, u32), String>)> {
    let person = UserId::parse("bench").context("an id")?;
    let workspace = Workspace::of_person(&person);
    let superuser = database.connect(None).await;
    let insert = "INSERT INTO workspaces (id, kind, external_id) VALUES ($1, 'personal', 'bench')";
    superuser.execute(insert, &[&workspace.id.0]).await?;
    let scope = Scope::of_workspace(workspace.id);
    let mut ids = HashMap::new();
    for (at, items) in corpus.chunks(ITEMS).enumerate() {
        let texts: Vec<String> = items
            .iter()
            .map(|item| format!("{} {}", text(item, "title"), text(item, "text")).trim().to_owned())
            .collect();
        let vectors = embeddings.batch(&texts).await?;
        let id = DocumentId::new();
        let insert = "INSERT INTO documents (id, workspace_id, owner_id, title, filename, status, size_bytes, object_key) \
                      VALUES ($1, $2, 'bench', 'bench', 'bench.pdf', 'processing', 1, $3) RETURNING number";
        let number =
            superuser.query_one(insert, &[&id.0, &workspace.id.0, &format!("bench/{id}")]).await?.get(0);
        let lease = Lease { id, generation: 0, number, title: String::new(), attempts: 1 };
        let count = u32::try_from(items.len())?;
        let (mut chunks, mut spans, mut papers, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (ordinal, text) in (0..).zip(&texts) {
            let end = start + u32::try_from(text.chars().count())?;
            chunks.push(Chunk { ordinal, start, end, text: text.clone() });
            spans.push(PageSpan { number: ordinal + 1, start, end });
            papers.push(pdf::Page { page: ordinal + 1, text: text.clone(), layout: None });
            let item = items.get(usize::try_from(ordinal)?).context("an item per text")?;
            ids.insert((id, start), self::text(item, "_id").to_owned());
            start = end + 1;
        }
        let mut sha256 = [0; 32];
        sha256[..8].copy_from_slice(&u64::try_from(at)?.to_be_bytes());
        let tenant = pool.transaction(scope.clone()).await?;
        let finished = Finished { pages: count, chunks: count, size_bytes: 1, sha256 };
        anyhow::ensure!(documents::ready(&tenant, &lease, &finished).await?, "the document becomes ready");
        pages::insert(&tenant, &lease, &papers, &spans).await?;
        pages::insert_chunks(&tenant, &lease, &chunks, &vectors).await?;
        let postings = analysis::postings("", texts.iter().map(String::as_str));
        pages::insert_postings(&tenant, &lease, &postings).await?;
        tenant.commit().await?;
    }
    superuser.batch_execute("ANALYZE").await?;
    Ok((scope, ids))
}

/// Normalised discounted cumulative gain of the first ten.
fn ndcg(found: &[&str], relevant: &Judgements) -> f64 {
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(10).enumerate().map(|(at, gain)| gain / as_f64(at + 2).log2()).sum()
    };
    let mut ideal: Vec<f64> = relevant.values().copied().collect();
    ideal.sort_by(|left, right| right.total_cmp(left));
    let best = discounted(&mut ideal.into_iter());
    let gain = |id: &&str| relevant.get(*id).copied().unwrap_or_default();
    if best > 0.0 { discounted(&mut found.iter().map(gain)) / best } else { 0.0 }
}

fn judgements(text: &str) -> Result<HashMap<String, Judgements>> {
    let mut judged: HashMap<String, Judgements> = HashMap::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let [query, item, score] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("a line of three: {line}")
        };
        judged.entry(query.to_owned()).or_default().insert(item.to_owned(), score.parse::<f64>()?.max(0.0));
    }
    Ok(judged)
}

fn lines(directory: &Path, name: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(directory.join(name)).with_context(|| name.to_owned())?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
}

fn text<'a>(item: &'a Value, member: &str) -> &'a str {
    item[member].as_str().unwrap_or_default()
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
