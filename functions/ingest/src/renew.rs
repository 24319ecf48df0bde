//! Documents whose index is out of date become findable again, one after the other: after another model was chosen for the
//! vectors, or a newer version of the analyser was deployed. Doing it twice is like once; each document changes at once.

use shared::{
    db::{
        Scope,
        documents::Index,
        renewal::{self, Outdated},
    },
    domain::{analysis::postings, caller::WorkspaceId, ids::DocumentId, language::Language},
};

use crate::{Ingest, vectors::vectors};

impl Ingest {
    /// Indexes up to `limit` documents anew; answers how many it was. What fails is tried again later, and keeps nobody
    /// else waiting.
    pub async fn renew(&self, limit: i32) -> anyhow::Result<usize> {
        let mut done = 0;
        for (workspace, id) in renewal::claim(&self.db, self.embeddings.name(), limit).await? {
            match renew(self, workspace, id).await {
                Ok(renewed) => done += usize::from(renewed),
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), document.id = %id, "document {id} keeps its old index for now");
                }
            }
        }
        Ok(done)
    }
}

/// Answers whether it was done; not, where the document went or changed meanwhile.
async fn renew(ingest: &Ingest, workspace: WorkspaceId, id: DocumentId) -> anyhow::Result<bool> {
    let (scope, model) = (Scope::of_workspace(workspace), ingest.embeddings.name());
    let tenant = ingest.db.each(scope.clone()).await?;
    let Some(Outdated { lease, is_strange, chunks }) = renewal::find(&tenant, id, model).await? else {
        return Ok(false);
    };
    drop(tenant);
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let made = if is_strange { Some(vectors(ingest, &scope, &lease, &chunks).await?) } else { None };
    let index = Index { language: Language::of(&chunks.join("\n")), model };
    let postings = postings(&lease.about, index.language, chunks.into_iter());
    let tenant = ingest.db.transaction(scope).await?;
    if !renewal::replace(&tenant, &lease, &index, made.as_deref(), &postings).await? {
        return Ok(false);
    }
    tenant.commit().await?;
    tracing::info!(event = "renewed", document.id = %id, vectors = made.map_or(0, |made| made.len()), "indexed document {id} anew");
    Ok(true)
}
