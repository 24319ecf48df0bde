//! What a search costs as workspaces grow: CPU time of the Postgres process that serves it, for workspaces of several sizes
//! inside one table of 100,000 chunks, with Postgres's own text search beside it; and what the vector index leaves out.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use harness::parts::Database;
use shared::{
    db::{
        Pool, Scope,
        documents::{self, Finished, Index},
        pages,
        search::{self, Fusion, Vector},
    },
    domain::{
        analysis::{self, Asked},
        caller::{UserId, Workspace},
        chunking::Chunk,
        language::Language,
        passage::PageSpan,
        question::Filters,
    },
    env::Env,
    pdf,
};
use tokio_postgres::Client;

use super::{
    as_f64,
    measures::{mean, quantile},
    plain::Plain,
    shelf::announce,
};

/// Chunks of the workspaces that are measured; the rest of the table is in many of `OTHERS` each.
const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 50_000];
const OTHERS: usize = 1_000;
/// Chunks of the whole table.
const TABLE: usize = 100_000;
/// Chunks of a document, as many as a standard has.
const DOCUMENT: usize = 100;
/// Words of a chunk, and how many there are in all, without the stop words that nobody stores.
const WORDS: usize = 90;
const VOCABULARY: usize = 30_000;
/// Words of a question.
const ASKED: usize = 8;
/// Questions per figure, after some that warm the caches.
const QUESTIONS: usize = 60;
const WARMING: usize = 10;
/// Whoever made the vectors.
const MODEL: &str = "synthetic";
/// Passages of a question.
const PASSAGES: u32 = 10;

/// How a workspace's vectors lie.
#[derive(Clone, Copy, PartialEq)]
pub enum Spread {
    /// Around topics, as those of texts do.
    Clustered,
    /// Anywhere: what no index likes.
    Random,
}

/// Fills a database for each spread of vectors, and prints the figures.
pub async fn measure() -> Result<()> {
    for (spread, name) in [(Spread::Clustered, "clustered"), (Spread::Random, "random")] {
        let mut made = Made { random: 0x9e37_79b9_7f4a_7c15, topics: Vec::new(), spread };
        made.topics = (0..300).map(|_| made.direction()).collect();
        let started = Instant::now();
        let (database, workspaces) = fill(&mut made).await?;
        eprintln!("{TABLE} chunks with {name} vectors in {:.0} s", started.elapsed().as_secs_f64());
        println!(
            "{TABLE} chunks with {name} vectors, questions of {ASKED} words; CPU ms of the Postgres process, mean of {QUESTIONS}, \
             and p50 ms as the client sees it\n"
        );
        println!("| search | {} |", SIZES.map(|size| format!("{size} chunks")).join(" | "));
        println!("| --- |{}", " --- |".repeat(SIZES.len()));
        let mut rows = Vec::new();
        for workspace in &workspaces {
            rows.push(figures(&database, workspace, &mut made).await?);
        }
        for at in 0..rows[0].len() {
            let cells: Vec<&str> = rows.iter().map(|row| row[at].1.as_str()).collect();
            println!("| {} | {} |", rows[0][at].0, cells.join(" | "));
        }
        println!();
    }
    Ok(())
}

/// Each way to search with its figures, for one workspace.
async fn figures(
    database: &Database,
    workspace: &Workspace,
    made: &mut Made,
) -> Result<Vec<(&'static str, String)>> {
    let env = Env::of([
        ("DATABASE_URL", database.url(Some("footnote_app"))),
        ("DATABASE_MAX_CONNECTIONS", "1".to_owned()),
    ]);
    let pool = Pool::new(&env, "DATABASE_URL")?;
    let superuser = database.connect(None).await;
    let plain = Plain::connect(database, workspace).await?;
    pool.ping().await?;
    let ours = Backend::of(&superuser, "footnote_app", Some(plain.process().await?)).await?;
    let theirs = Backend { process: plain.process().await? };
    let questions: Vec<(String, Vec<f32>)> =
        (0..WARMING + QUESTIONS).map(|_| (made.words(ASKED), made.vector())).collect();
    let mut rows = Vec::new();
    for (name, words, vectors) in
        [("BM25", true, false), ("vectors", false, true), ("BM25 and vectors, fused", true, true)]
    {
        let mut cost = Cost::default();
        let mut recalls = Vec::new();
        for (number, (question, vector)) in questions.iter().enumerate() {
            let asked = if words { analysis::asked(question) } else { Asked::default() };
            let query = search::Query {
                asked: &asked,
                vector: vectors.then_some(Vector { numbers: vector, model: MODEL }),
                filters: &Filters::default(),
                limit: PASSAGES,
                fusion: Fusion::ZScore,
            };
            let (cpu, started) = (ours.cpu()?, Instant::now());
            let tenant = pool.each(Scope::of_workspace(workspace.id)).await?;
            let found = search::passages(&tenant, &query).await?;
            if number >= WARMING {
                cost.add(ours.cpu()? - cpu, started.elapsed());
            }
            ensure!(found.passages.len() == 10 || words, "only {} of ten", found.passages.len());
            if vectors && !words {
                let places =
                    found.passages.iter().map(|passage| (passage.document_id.0, passage.start.cast_signed()));
                recalls.push(recall(&superuser, workspace, vector, places.collect()).await?);
            }
        }
        rows.push((name, cost.cell()));
        if !recalls.is_empty() {
            rows.push(("— their recall@10, mean and worst", {
                let worst = recalls.iter().copied().fold(1.0, f64::min);
                format!("{:.3} / {worst:.1}", mean(&recalls))
            }));
        }
    }
    for (name, any) in [("GIN and `ts_rank_cd`, any word", true), ("GIN and `ts_rank_cd`, all words", false)]
    {
        let mut cost = Cost::default();
        for (number, (question, _)) in questions.iter().enumerate() {
            let (cpu, started) = (theirs.cpu()?, Instant::now());
            plain.places(question, any, PASSAGES).await?;
            if number >= WARMING {
                cost.add(theirs.cpu()? - cpu, started.elapsed());
            }
        }
        rows.push((name, cost.cell()));
    }
    Ok(rows)
}

/// The share of the ten truly nearest chunks that was found.
async fn recall(
    superuser: &Client,
    workspace: &Workspace,
    vector: &[f32],
    found: HashSet<(uuid::Uuid, i32)>,
) -> Result<f64> {
    let sql = "SELECT document_id, start_offset FROM document_chunks WHERE workspace_id = $1 \
               ORDER BY (embedding <=> $2::float4[]::halfvec(384)) + 0 LIMIT 10";
    let rows = superuser.query(sql, &[&workspace.id.0, &vector]).await?;
    let hits = rows.iter().filter(|row| found.contains(&(row.get(0), row.get(1)))).count();
    Ok(as_f64(hits) / as_f64(rows.len()))
}

/// The process of Postgres that serves one connection.
struct Backend {
    process: i32,
}

impl Backend {
    async fn of(superuser: &Client, role: &str, but: Option<i32>) -> Result<Self> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE usename = $1 AND datname = current_database() AND pid <> $2";
        let row = superuser.query_one(sql, &[&role, &but.unwrap_or_default()]).await?;
        Ok(Self { process: row.get(0) })
    }

    /// How long it has run on a processor.
    fn cpu(&self) -> Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.process))
            .context("read a process's time: this needs Linux, and the rights of Postgres")?;
        let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
        Ok(Duration::from_nanos(nanoseconds.context("a number")?))
    }
}

#[derive(Default)]
struct Cost {
    cpu_ms: Vec<f64>,
    times_ms: Vec<f64>,
}

impl Cost {
    fn add(&mut self, cpu: Duration, time: Duration) {
        self.cpu_ms.push(cpu.as_secs_f64() * 1e3);
        self.times_ms.push(time.as_secs_f64() * 1e3);
    }

    fn cell(mut self) -> String {
        format!("{:.1} ({:.1})", mean(&self.cpu_ms), quantile(&mut self.times_ms, 0.5))
    }
}

/// A database with workspaces of each size and small ones, and those that are measured.
async fn fill(made: &mut Made) -> Result<(Database, Vec<Workspace>)> {
    let database = Database::create().await;
    let superuser = database.connect(None).await;
    // All CPU time is the one process's; and the index is built at once, which is many times faster.
    let name: String = superuser.query_one("SELECT current_database()::text", &[]).await?.get(0);
    superuser
        .batch_execute(&format!(
            "ALTER DATABASE \"{name}\" SET max_parallel_workers_per_gather = 0; DROP INDEX document_chunks_embedding_idx"
        ))
        .await?;
    let small = (TABLE - SIZES.iter().sum::<usize>()) / OTHERS;
    let sizes: Vec<usize> = SIZES.into_iter().chain(std::iter::repeat_n(OTHERS, small)).collect();
    let workspaces: Result<Vec<Workspace>> = (0..sizes.len())
        .map(|number| Ok(Workspace::of_person(&UserId::parse(&format!("user_{number}")).context("an id")?)))
        .collect();
    let workspaces = workspaces?;
    let insert = "INSERT INTO workspaces (id, kind, external_id) VALUES ($1, 'personal', $2)";
    for workspace in &workspaces {
        superuser.execute(insert, &[&workspace.id.0, &workspace.external_id]).await?;
    }
    let env = Env::of([("DATABASE_URL", database.url(Some("footnote_jobs")))]);
    let pool = Pool::new(&env, "DATABASE_URL")?;
    // Turn by turn, so that a workspace's rows lie all over the table, as they do where many people upload.
    let mut left = sizes;
    while left.iter().any(|chunks| *chunks > 0) {
        for (workspace, left) in workspaces.iter().zip(&mut left) {
            let turns = (*left / (10 * DOCUMENT)).max(1);
            for _ in 0..turns {
                if *left > 0 {
                    let chunks = DOCUMENT.min(*left);
                    add(&superuser, &pool, workspace, chunks, made).await?;
                    *left -= chunks;
                }
            }
        }
    }
    superuser
        .batch_execute(
            "SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 1; \
             CREATE INDEX document_chunks_embedding_idx ON document_chunks \
             USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)",
        )
        .await?;
    Plain::fill(&database).await?;
    superuser.batch_execute("VACUUM ANALYZE").await?;
    Ok((database, workspaces.into_iter().take(SIZES.len()).collect()))
}

/// Adds a document of so many chunks.
async fn add(
    superuser: &Client,
    pool: &Pool,
    workspace: &Workspace,
    count: usize,
    made: &mut Made,
) -> Result<()> {
    let lease = announce(superuser, workspace).await?;
    let topic = made.next(300);
    let chunks: Result<Vec<Chunk>> = (0..count)
        .map(|ordinal| {
            let ordinal = u32::try_from(ordinal)?;
            Ok(Chunk { ordinal, start: ordinal, end: ordinal + 1, text: made.words(WORDS) })
        })
        .collect();
    let chunks = chunks?;
    let vectors: Vec<Vec<f32>> = chunks.iter().map(|_| made.vector_about(topic)).collect();
    let mut sha256 = [0; 32];
    sha256[..8].copy_from_slice(&lease.number.to_be_bytes());
    let index = Index { language: Language::English, model: MODEL };
    let papers = chunks.iter().map(|chunk| pdf::Page {
        page: chunk.ordinal + 1,
        text: chunk.text.clone(),
        hidden: 0,
        layout: None,
    });
    let papers: Vec<pdf::Page> = papers.collect();
    let spans: Vec<PageSpan> = chunks
        .iter()
        .map(|chunk| PageSpan { number: chunk.ordinal + 1, start: chunk.start, end: chunk.end })
        .collect();
    let count = u32::try_from(count)?;
    let finished =
        Finished { pages: count, chunks: count, hidden_characters: 0, size_bytes: 1, sha256, index };
    let tenant = pool.transaction(Scope::of_workspace(workspace.id)).await?;
    ensure!(documents::ready(&tenant, &lease, &finished).await?, "the document becomes ready");
    pages::insert(&tenant, &lease, &papers, &spans).await?;
    pages::insert_chunks(&tenant, &lease, &chunks, &vectors).await?;
    let postings = analysis::postings("", Language::English, chunks.iter().map(|chunk| chunk.text.as_str()));
    pages::insert_postings(&tenant, &lease, &postings).await?;
    Ok(tenant.commit().await?)
}

/// Words and vectors, the same in every run.
struct Made {
    random: u64,
    topics: Vec<Vec<f32>>,
    spread: Spread,
}

impl Made {
    fn next(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from((self.random >> 16) % bound as u64).unwrap_or_default()
    }

    /// Evenly between 0 and 1.
    fn share(&mut self) -> f64 {
        as_f64(self.next(1 << 24) + 1) / f64::from(1 << 24)
    }

    /// So many words, as often as Zipf says.
    fn words(&mut self, count: usize) -> String {
        let vocabulary = as_f64(VOCABULARY);
        let words = (0..count).map(|_| {
            // The inverse of a harmonic distribution, without its hundred commonest words.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
            let rank = (100.0 * ((vocabulary + 100.0) / 100.0).powf(self.share())) as usize;
            spell(rank)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn direction(&mut self) -> Vec<f32> {
        // A sum of four even numbers is nearly normal, which makes every direction equally likely.
        #[expect(clippy::cast_possible_truncation, reason = "a vector's numbers")]
        let numbers = (0..384).map(|_| ((0..4).map(|_| self.share()).sum::<f64>() - 2.0) as f32);
        unit(numbers.collect())
    }

    fn vector_about(&mut self, topic: usize) -> Vec<f32> {
        let direction = self.direction();
        if self.spread == Spread::Random {
            return direction;
        }
        // Cosine similarity of about 0.5 within a topic, as between chunks of one document.
        let topic = self.topics.get(topic).cloned().unwrap_or_default();
        unit(topic.iter().zip(direction).map(|(centre, off)| centre + off).collect())
    }

    fn vector(&mut self) -> Vec<f32> {
        let topic = self.next(300);
        self.vector_about(topic)
    }
}

fn unit(numbers: Vec<f32>) -> Vec<f32> {
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}

/// A word of its own for each number, which no stemmer shortens.
fn spell(mut number: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "ko", "mu", "ta", "ro", "pu", "ka", "do", "nu", "la", "go", "hu", "ma", "to", "ru", "pa"];
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[number % SYLLABLES.len()]);
        number /= SYLLABLES.len();
        if number == 0 {
            return word + "k";
        }
    }
}
