//! One object, from the event to a document that answers questions. Doing it twice is like once.

use std::{path::PathBuf, time::Instant};

use anyhow::Context;
use shared::{
    Error,
    db::{
        Scope,
        documents::{self, Lease, Leased, Try},
        jobs::{self, Place},
    },
    domain::document::{Failure, SIZE_BYTES_MAX, document_of},
    pdf,
    storage::looks_like_pdf,
};
use tokio::io::AsyncReadExt;

use crate::{
    Ingest,
    arrival::{Arrival, Outcome},
    become_ready::become_ready,
};

/// After so many tries a document that always breaks the world is given up.
const ATTEMPTS_MAX: i32 = 8;

/// Ingests an object. An error is a fault of the world: the same call may succeed later.
pub async fn ingest(ingest: &Ingest, arrival: &Arrival) -> anyhow::Result<Outcome> {
    let Some(id) = document_of(&arrival.key) else { return Ok(Outcome::Ignored) };
    let workspace = match jobs::locate(&ingest.db, id).await? {
        Place::In(workspace) => workspace,
        Place::Nowhere => return Ok(Outcome::Ignored),
        Place::Erased => {
            ingest.storage.erase(&arrival.key).await?;
            return Ok(Outcome::Erased);
        }
    };
    let scope = Scope::of_workspace(workspace);
    let sequencer = arrival.sequencer.as_deref().map(comparable);
    let tenant = ingest.db.each(scope.clone()).await?;
    let lease = match documents::lease(&tenant, id, &arrival.key, sequencer.as_deref(), &arrival.etag).await?
    {
        Leased::Taken(lease) => lease,
        Leased::Held => return Ok(Outcome::Held),
        Leased::Nothing => return Ok(Outcome::Ignored),
    };
    drop(tenant);
    let outcome = work(ingest, &scope, &lease, arrival).await;
    match &outcome {
        Err(error) => {
            let tenant = ingest.db.each(scope).await?;
            documents::release(&tenant, &lease, counts(error)).await?;
        }
        // The document was deleted meanwhile, and whoever deleted it may have looked for the object before it came.
        Ok(Outcome::Ignored) if jobs::locate(&ingest.db, id).await? == Place::Erased => {
            ingest.storage.erase(&arrival.key).await?;
            return Ok(Outcome::Erased);
        }
        Ok(_) => {}
    }
    outcome
}

/// However long a database, a bucket or an embedder is down, no document is given up for it.
fn counts(error: &anyhow::Error) -> Try {
    match error.downcast_ref() {
        Some(Error::Unavailable { .. }) => Try::CountsNot,
        _ => Try::Counts,
    }
}

async fn work(ingest: &Ingest, scope: &Scope, lease: &Lease, arrival: &Arrival) -> anyhow::Result<Outcome> {
    let size = arrival.size_bytes;
    if lease.attempts > ATTEMPTS_MAX {
        let detail = "Reading it failed again and again on our side. Tell the operator the document's id.";
        return fail(ingest, scope, lease, failure("processing_failed", detail), size).await;
    }
    if size > SIZE_BYTES_MAX {
        return fail(ingest, scope, lease, too_large(), size).await;
    }
    let file = TemporaryFile::for_lease(lease);
    let Some(downloaded) = ingest.storage.download(&arrival.key, &file.0, SIZE_BYTES_MAX).await? else {
        // It went away, or grew past the limit, since the bucket told us.
        return match ingest.storage.head(&arrival.key).await? {
            Some(object) if object.size_bytes > SIZE_BYTES_MAX => {
                fail(ingest, scope, lease, too_large(), object.size_bytes).await
            }
            _ => anyhow::bail!("the object is not there any more"),
        };
    };
    if !begins_like_pdf(&file).await? {
        let reason = failure("not_pdf", "The file is not a PDF. Upload it as PDF.");
        return fail(ingest, scope, lease, reason, downloaded.size_bytes).await;
    }
    let tenant = ingest.db.each(scope.clone()).await?;
    if documents::duplicate(&tenant, lease, &downloaded.sha256, downloaded.size_bytes).await? {
        return Ok(Outcome::Duplicate);
    }
    drop(tenant);
    let reading = Instant::now();
    let pages = match ingest.reader.read(&file.0).await? {
        Ok(pages) => pages,
        Err(pdf::Failure { code, detail }) => {
            let code = serde_json::to_value(code)?.as_str().unwrap_or("malformed").to_owned();
            return fail(ingest, scope, lease, Failure { code, detail }, downloaded.size_bytes).await;
        }
    };
    become_ready(ingest, scope, lease, &pages, &downloaded, reading.elapsed()).await
}

async fn fail(
    ingest: &Ingest,
    scope: &Scope,
    lease: &Lease,
    failure: Failure,
    size: u64,
) -> anyhow::Result<Outcome> {
    let tenant = ingest.db.each(scope.clone()).await?;
    let ours = documents::fail(&tenant, lease, &failure, size).await?;
    tracing::info!(event = "ingest_failed", document.id = %lease.id, code = failure.code, "cannot read document {}", lease.id);
    Ok(if ours { Outcome::Failed } else { Outcome::Ignored })
}

fn failure(code: &str, detail: &str) -> Failure {
    Failure { code: code.to_owned(), detail: detail.to_owned() }
}

fn too_large() -> Failure {
    failure("too_large", "The file has more than 50 MiB. Split it and upload the parts.")
}

/// S3 compares sequencers after padding the shorter one on the right with zeros; a fixed length makes text order event
/// order.
fn comparable(sequencer: &str) -> String {
    format!("{sequencer:0<64}")
}

async fn begins_like_pdf(file: &TemporaryFile) -> anyhow::Result<bool> {
    let mut head = Vec::new();
    let opened = tokio::fs::File::open(&file.0).await.context("open a document's file")?;
    opened.take(1_024).read_to_end(&mut head).await.context("read a document's file")?;
    Ok(looks_like_pdf(&head))
}

/// A file that goes when its work ends, however it ends.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn for_lease(lease: &Lease) -> Self {
        Self(std::env::temp_dir().join(format!("footnote-{}-{}.pdf", lease.id, lease.generation)))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_sequencer_is_not_always_a_later_one() {
        assert!(comparable("0055AED6DCD90281E6") > comparable("0055AED6DCD90281E5FF"));
        assert!(comparable("0055AED6DCD90281E501") > comparable("0055AED6DCD90281E5"));
    }
}
