//! Pages to chunks to vectors, and all of it into the database at once: a reader never sees half a document.

use std::time::{Duration, Instant};

use shared::{
    db::{
        Scope,
        documents::{self, Finished, Index, Lease},
        pages,
    },
    domain::{analysis::postings, chunking::chunks, language::Language, passage::PageSpan},
    pdf,
    storage::Downloaded,
};

use crate::{Ingest, arrival::Outcome, vectors::vectors};

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
    let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    let vectors = vectors(ingest, scope, lease, &texts).await?;
    let vectors_ms = milliseconds(embedding.elapsed());
    let language = Language::of(&text);
    let postings = postings(&lease.about, language, texts.into_iter());
    let finished = Finished {
        pages: u32::try_from(read.len())?,
        chunks: u32::try_from(chunks.len())?,
        hidden_characters: read.iter().fold(0, |sum, page| sum.saturating_add(page.hidden)),
        size_bytes: downloaded.size_bytes,
        sha256: downloaded.sha256,
        index: Index { language, model: ingest.embeddings.name() },
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
        hidden_characters = finished.hidden_characters,
        language = language.code(),
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
