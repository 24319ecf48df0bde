//! Pages to chunks to vectors, and all of it into the database at once: a reader never sees half a document.

use std::time::{Duration, Instant};

use shared::{
    Error,
    db::{
        Scope,
        documents::{self, Finished, Lease},
        embeddings, pages,
    },
    domain::{
        analysis::postings,
        chunking::{Chunk, chunks},
        hash::sha256,
        passage::PageSpan,
    },
    pdf,
    storage::Downloaded,
};

use crate::{Ingest, ingest::Outcome};

/// Vectors in one statement, and what a crash loses at most.
const VECTORS_KEPT_AT_ONCE: usize = 100;

/// Makes the document searchable; `reading` is how long its pages took, for the log.
pub async fn become_ready(
    ingest: &Ingest,
    scope: &Scope,
    lease: &Lease,
    read: &[pdf::Page],
    downloaded: &Downloaded,
    reading: Duration,
) -> anyhow::Result<Outcome> {
    let (text, spans) = join(read);
    let chunks = chunks(&text);
    let embedding = Instant::now();
    let vectors = vectors(ingest, scope, &lease.title, &chunks).await?;
    let vectors_ms = milliseconds(embedding.elapsed());
    let postings = postings(&lease.title, chunks.iter().map(|chunk| chunk.text.as_str()));
    let finished = Finished {
        pages: u32::try_from(read.len())?,
        chunks: u32::try_from(chunks.len())?,
        size_bytes: downloaded.size_bytes,
        sha256: downloaded.sha256,
    };
    let writing = Instant::now();
    let tenant = ingest.db.transaction(scope.clone()).await?;
    match documents::ready(&tenant, lease, &finished).await {
        Ok(true) => {}
        Ok(false) => return Ok(Outcome::Ignored),
        // Two copies raced; the other one was first.
        Err(error) => {
            drop(tenant);
            let tenant = ingest.db.each(scope.clone()).await?;
            let copy =
                documents::duplicate(&tenant, lease, &downloaded.sha256, downloaded.size_bytes).await?;
            return if copy { Ok(Outcome::Duplicate) } else { Err(error.into()) };
        }
    }
    pages::insert(&tenant, lease, read, &spans).await?;
    pages::insert_chunks(&tenant, lease, &chunks, &vectors).await?;
    pages::insert_postings(&tenant, lease, &postings).await?;
    tenant.commit().await?;
    tracing::info!(
        event = "ingested",
        document.id = %lease.id,
        pages = finished.pages,
        chunks = finished.chunks,
        read_ms = milliseconds(reading),
        vectors_ms,
        rows_ms = milliseconds(writing.elapsed()),
        "ingested document {}",
        lease.id
    );
    Ok(Outcome::Ready)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The document's text, which is its pages joined by one line feed, and where each page lies in it.
fn join(read: &[pdf::Page]) -> (String, Vec<PageSpan>) {
    let mut text = String::with_capacity(read.iter().map(|page| page.text.len() + 1).sum());
    let (mut spans, mut at) = (Vec::with_capacity(read.len()), 0);
    for page in read {
        if !spans.is_empty() {
            text.push('\n');
            at += 1;
        }
        let start = at;
        at += u32::try_from(page.text.chars().count()).unwrap_or(u32::MAX);
        text.push_str(&page.text);
        spans.push(PageSpan { number: page.page, start, end: at });
    }
    (text, spans)
}

/// One vector a chunk; those of an earlier try are taken as they are, new ones are kept as soon as they come.
async fn vectors(
    ingest: &Ingest,
    scope: &Scope,
    title: &str,
    chunks: &[Chunk],
) -> anyhow::Result<Vec<Vec<f32>>> {
    let model = ingest.embeddings.name();
    let mut vectors = Vec::with_capacity(chunks.len());
    for chunks in chunks.chunks(VECTORS_KEPT_AT_ONCE) {
        // The title tells what a chunk is about where its own words do not.
        let texts: Vec<String> = chunks.iter().map(|chunk| format!("{title}\n{}", chunk.text)).collect();
        let hashes: Vec<[u8; 32]> = texts.iter().map(|text| sha256(text.as_bytes())).collect();
        let tenant = ingest.db.each(scope.clone()).await?;
        let mut known = embeddings::find(&tenant, model, &hashes).await?;
        drop(tenant);
        let missing = hashes.iter().zip(&texts).filter(|(hash, _)| !known.contains_key(*hash));
        let (missing, texts): (Vec<[u8; 32]>, Vec<String>) =
            missing.map(|(hash, text)| (*hash, text.clone())).unzip();
        let made = ingest.embeddings.batch(&texts).await;
        let made = made.map_err(|failure| Error::unavailable("embedder_unavailable", failure))?;
        if !made.is_empty() {
            let tenant = ingest.db.each(scope.clone()).await?;
            embeddings::keep(&tenant, model, &missing, &made).await?;
        }
        known.extend(missing.into_iter().zip(made));
        for hash in &hashes {
            let vector = known.get(hash).cloned();
            vectors.push(vector.ok_or_else(|| anyhow::anyhow!("a chunk came back without a vector"))?);
        }
    }
    Ok(vectors)
}
