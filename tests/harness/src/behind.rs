//! Behind the bundle's back: the rows and objects that its answers speak of.

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::{app::TestApp, parts};

/// Everything ingestion writes of a document, as text: equal dumps are equal rows.
const DUMP: &str = "
SELECT 'page ' || to_jsonb(p)::text FROM pages p WHERE document_id = $1::text::uuid
UNION ALL
SELECT 'chunk ' || jsonb_build_object('id', id, 'ordinal', ordinal, 'start', start_offset, 'end', end_offset,
       'content', content, 'embedding', embedding::text)::text
  FROM document_chunks WHERE document_id = $1::text::uuid
UNION ALL
SELECT 'posting ' || to_jsonb(p)::text FROM postings p WHERE document_id = $1::text::uuid
 ORDER BY 1";

/// What must be true at any moment, whatever happened: each row of the answer is a lie.
const LIES: &str = "
SELECT 'workspace ' || w.id || ' says ' || w.chunks || ' chunks and has ' || count(c.id)
  FROM workspaces w LEFT JOIN document_chunks c ON c.workspace_id = w.id
 GROUP BY w.id HAVING w.chunks <> count(c.id)
UNION ALL
SELECT 'document ' || id || ', ' || status || ', says ' || COALESCE(pages, 0) || ' pages and ' || COALESCE(chunks, 0) || ' chunks'
  FROM documents d
 WHERE COALESCE(pages, 0) <> (SELECT count(*) FROM pages p WHERE p.document_id = d.id)
    OR COALESCE(chunks, 0) <> (SELECT count(*) FROM document_chunks c WHERE c.document_id = d.id)
    OR (status = 'ready') <> (ready_at IS NOT NULL AND pages IS NOT NULL AND chunks IS NOT NULL)
    OR (status <> 'ready' AND EXISTS (SELECT FROM postings p WHERE p.document_id = d.id))
    OR (status = 'duplicate') <> (duplicate_of IS NOT NULL)
    OR (status IN ('ready', 'failed', 'duplicate') AND lease_until IS NOT NULL)";

impl TestApp {
    /// One of its settings.
    ///
    /// # Panics
    /// Where it is not set.
    pub fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("{name} is not set")).1
    }

    /// The database as its superuser, whom no tenant guard binds.
    pub async fn superuser(&self) -> Client {
        self.database.connect(None).await
    }

    /// One number that SQL answers.
    ///
    /// # Panics
    /// Where the SQL is wrong.
    pub async fn count(&self, sql: &str) -> i64 {
        let row = self.superuser().await.query_one(sql, &[]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
    }

    /// Changes rows as no route does: time that passed, a worker that died.
    ///
    /// # Panics
    /// Where the SQL is wrong.
    pub async fn sql(&self, sql: &str) {
        self.superuser().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// All rows of a document's pages, chunks and postings.
    ///
    /// # Panics
    /// Where `id` is none.
    pub async fn dump(&self, id: &str) -> Vec<String> {
        let rows = self.superuser().await.query(DUMP, &[&id]).await.expect("a dump");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Holds all counts against what they count, and looks for rows that should have gone.
    ///
    /// # Panics
    /// Where something is not true.
    pub async fn assert_consistent(&self) {
        let rows = self.superuser().await.query(LIES, &[]).await.expect("the check runs");
        let lies: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(lies.is_empty(), "{lies:#?}");
    }

    /// Announces a document and leaves it at that; answers its id, its key and its form.
    ///
    /// # Panics
    /// Where the announcement is refused.
    pub async fn announce(&self, token: &str, name: &str, size: usize) -> (String, String, Value) {
        let body = json!({ "filename": name, "size_bytes": size, "content_type": "application/pdf" });
        let taken = self.post("/v1/documents", token, &body).await;
        assert_eq!(taken.status, 201, "{}", taken.text());
        let taken = taken.json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let upload = taken["upload"].clone();
        (text(&taken["document_id"]), text(&upload["fields"]["key"]), upload)
    }

    /// Announces a document and puts its bytes into the bucket.
    ///
    /// # Panics
    /// Where the announcement is refused.
    pub async fn arrive(&self, token: &str, name: &str, bytes: &[u8]) -> Arrived {
        let (id, key, _) = self.announce(token, name, bytes.len()).await;
        let etag = self.put(&key, bytes).await;
        Arrived { id, key, etag, size: bytes.len() as u64 }
    }

    /// Writes an object; answers its entity tag without quotes.
    ///
    /// # Panics
    /// Where the store is not there.
    pub async fn put(&self, key: &str, bytes: &[u8]) -> String {
        let put = parts::s3().await.put_object().bucket(self.setting("BUCKET")).key(key);
        let answer = put.body(ByteStream::from(bytes.to_vec())).send().await.expect("put an object");
        answer.e_tag().expect("an entity tag").trim_matches('"').to_owned()
    }

    /// Hides an object behind a delete marker, as a plain delete does in a versioned bucket.
    ///
    /// # Panics
    /// Where the store is not there.
    pub async fn hide(&self, key: &str) {
        let delete = parts::s3().await.delete_object().bucket(self.setting("BUCKET")).key(key);
        delete.send().await.expect("delete an object");
    }

    /// How many versions and delete markers the bucket holds under keys that begin so.
    ///
    /// # Panics
    /// Where the store is not there.
    pub async fn versions(&self, prefix: &str) -> usize {
        let list = parts::s3().await.list_object_versions().bucket(self.setting("BUCKET")).prefix(prefix);
        let page = list.send().await.expect("a list of versions");
        page.versions().len() + page.delete_markers().len()
    }
}

/// A document whose bytes are in the bucket, and of which nobody told ingestion.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Its id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
}
