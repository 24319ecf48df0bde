//! A collection in a fresh database, written as ingestion writes documents: one chunk an item.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use harness::parts::Database;
use shared::{
    db::{
        Pool, Scope,
        documents::{self, Finished, Index, Lease},
        pages,
    },
    domain::{
        analysis,
        caller::{UserId, Workspace},
        chunking::Chunk,
        ids::DocumentId,
        language::Language,
        passage::PageSpan,
    },
    env::Env,
    pdf,
};

use super::{collection::Item, vectors::Vectors};

/// Items in one document, as many as a standard has chunks.
const ITEMS: usize = 50;

/// A filled database.
pub struct Shelf {
    pub database: Database,
    /// Whose the documents are.
    pub workspace: Workspace,
    /// Which item each chunk is.
    pub items: HashMap<(DocumentId, u32), String>,
}

impl Shelf {
    /// Writes the items as ready documents of one workspace.
    pub async fn fill(items: &[Item], vectors: &mut Vectors) -> Result<Self> {
        let database = Database::create().await;
        let env = Env::of([("DATABASE_URL", database.url(Some("footnote_jobs")))]);
        let pool = Pool::new(&env, "DATABASE_URL")?;
        let workspace = Workspace::of_person(&UserId::parse("eval").context("an id")?);
        let superuser = database.connect(None).await;
        let insert = "INSERT INTO workspaces (id, kind, external_id) VALUES ($1, 'personal', 'eval')";
        superuser.execute(insert, &[&workspace.id.0]).await?;
        let mut ids = HashMap::new();
        for (number, items) in (0_u64..).zip(items.chunks(ITEMS)) {
            let texts: Vec<String> = items.iter().map(|item| item.text.clone()).collect();
            let embedded = vectors.of(&texts).await?;
            let lease = announce(&superuser, &workspace).await?;
            let (mut chunks, mut spans, mut papers, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0);
            for (ordinal, item) in (0..).zip(items) {
                let (text, end) = (item.text.clone(), start + u32::try_from(item.text.chars().count())?);
                ids.insert((lease.id, start), item.id.clone());
                chunks.push(Chunk { ordinal, start, end, text: text.clone() });
                spans.push(PageSpan { number: ordinal + 1, start, end });
                papers.push(pdf::Page { page: ordinal + 1, text, hidden: 0, layout: None });
                start = end + 1;
            }
            let count = u32::try_from(items.len())?;
            let mut sha256 = [0; 32];
            sha256[..8].copy_from_slice(&number.to_be_bytes());
            let language = Language::of(&texts.join("\n"));
            let index = Index { language, model: vectors.model() };
            let finished =
                Finished { pages: count, chunks: count, hidden_characters: 0, size_bytes: 1, sha256, index };
            let tenant = pool.transaction(Scope::of_workspace(workspace.id)).await?;
            ensure!(documents::ready(&tenant, &lease, &finished).await?, "the document becomes ready");
            pages::insert(&tenant, &lease, &papers, &spans).await?;
            pages::insert_chunks(&tenant, &lease, &chunks, &embedded).await?;
            let postings = analysis::postings("", language, texts.iter().map(String::as_str));
            pages::insert_postings(&tenant, &lease, &postings).await?;
            tenant.commit().await?;
        }
        superuser.batch_execute("ANALYZE").await?;
        Ok(Self { database, workspace, items: ids })
    }
}

/// A document that ingestion has leased.
pub async fn announce(superuser: &tokio_postgres::Client, workspace: &Workspace) -> Result<Lease> {
    let id = DocumentId::new();
    let insert = "INSERT INTO documents (id, workspace_id, owner_id, title, filename, status, size_bytes, object_key) \
                  VALUES ($1, $2, 'eval', 'eval', 'eval.pdf', 'processing', 1, $3) RETURNING number";
    let row = superuser.query_one(insert, &[&id.0, &workspace.id.0, &format!("eval/{id}")]).await?;
    Ok(Lease {
        id,
        generation: 0,
        number: row.get(0),
        title: String::new(),
        about: String::new(),
        attempts: 1,
    })
}
