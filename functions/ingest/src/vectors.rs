//! The vectors of a document's chunks: bought once, whatever breaks half-way.

use shared::{
    Error,
    db::{Scope, calls, documents::Lease, embeddings},
    domain::hash::sha256,
    llm::Attempts,
};

use crate::Ingest;

/// Vectors in one statement, and what a crash loses at most.
const VECTORS_KEPT_AT_ONCE: usize = 100;

/// One vector a chunk; those of an earlier try are taken as they are, new ones are kept as soon as they come.
pub async fn vectors(
    ingest: &Ingest,
    scope: &Scope,
    lease: &Lease,
    chunks: &[&str],
) -> anyhow::Result<Vec<Vec<f32>>> {
    let model = ingest.embeddings.name();
    let mut vectors = Vec::with_capacity(chunks.len());
    for chunks in chunks.chunks(VECTORS_KEPT_AT_ONCE) {
        // The title tells what a chunk is about where its own words do not.
        let texts: Vec<String> = chunks.iter().map(|chunk| format!("{}\n{chunk}", lease.title)).collect();
        let hashes: Vec<[u8; 32]> = texts.iter().map(|text| sha256(text.as_bytes())).collect();
        let tenant = ingest.db.each(scope.clone()).await?;
        let mut known = embeddings::find(&tenant, model, &hashes).await?;
        drop(tenant);
        let missing = hashes.iter().zip(&texts).filter(|(hash, _)| !known.contains_key(*hash));
        let (missing, texts): (Vec<[u8; 32]>, Vec<String>) =
            missing.map(|(hash, text)| (*hash, text.clone())).unzip();
        let attempts = Attempts::default();
        let made = ingest.embeddings.batch(&texts, &attempts).await;
        let booked = attempts.booked();
        if !missing.is_empty() {
            // Kept and booked, or neither: what is known the next time is in the books.
            let tenant = ingest.db.transaction(scope.clone()).await?;
            if let Ok(made) = &made {
                embeddings::keep(&tenant, model, &missing, made).await?;
            }
            if !booked.is_empty() {
                calls::book_for_document(&tenant, lease.id, booked).await?;
            }
            tenant.commit().await?;
        }
        let made = made.map_err(|failure| Error::unavailable("embedder_unavailable", failure))?;
        known.extend(missing.into_iter().zip(made));
        for hash in &hashes {
            let vector = known.get(hash).cloned();
            vectors.push(vector.ok_or_else(|| anyhow::anyhow!("a chunk came back without a vector"))?);
        }
    }
    Ok(vectors)
}
