//! The search that Postgres brings, beside the bundle's own on the same rows: `tsvector`, GIN, `ts_rank_cd`, under the same
//! guard and as the same role.

use anyhow::Result;
use harness::parts::Database;
use shared::domain::{caller::Workspace, ids::DocumentId};
use tokio_postgres::{
    Client,
    types::{ToSql, Type},
};

/// A row per chunk, as a textbook would have it.
const TABLE: &str = "
CREATE TABLE plain_chunks (workspace_id uuid NOT NULL, document_id uuid NOT NULL, start_offset integer NOT NULL,
                           words tsvector NOT NULL);
CALL guard_table('plain_chunks', 'workspace_id', false);
GRANT SELECT ON plain_chunks TO footnote_app;
INSERT INTO plain_chunks SELECT workspace_id, document_id, start_offset, to_tsvector('english', content)
  FROM document_chunks ORDER BY id;
CREATE INDEX ON plain_chunks USING gin (words);
CREATE INDEX ON plain_chunks (workspace_id);
ANALYZE plain_chunks";

/// Chunks that hold all words of the question, or any of them.
const SEARCH: &str = "
WITH asked AS (
    SELECT CASE WHEN $2 THEN replace(plainto_tsquery('english', $1)::text, '&', '|')::tsquery
                ELSE plainto_tsquery('english', $1) END AS words
)
SELECT document_id, start_offset FROM plain_chunks, asked
 WHERE plain_chunks.words @@ asked.words AND workspace_id = $3
 ORDER BY ts_rank_cd(plain_chunks.words, asked.words) DESC, document_id, start_offset LIMIT $4";

/// A connection of the application's role to the textbook's table.
pub struct Plain {
    client: Client,
    workspace: uuid::Uuid,
}

impl Plain {
    /// Fills the table from the chunks that are there.
    pub async fn fill(database: &Database) -> Result<()> {
        Ok(database.connect(None).await.batch_execute(TABLE).await?)
    }

    /// Bound to one workspace.
    pub async fn connect(database: &Database, workspace: &Workspace) -> Result<Self> {
        let client = database.connect(Some("footnote_app")).await;
        let bind = "SELECT set_config('app.workspace_id', $1, false)";
        client.execute(bind, &[&workspace.id.0.to_string()]).await?;
        Ok(Self { client, workspace: workspace.id.0 })
    }

    /// The server's process.
    pub async fn process(&self) -> Result<i32> {
        Ok(self.client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0))
    }

    /// The chunks found, best first; `any` word of the question, or all.
    pub async fn places(&self, question: &str, any: bool, limit: u32) -> Result<Vec<(DocumentId, u32)>> {
        let params: [(&(dyn ToSql + Sync), Type); 4] = [
            (&question, Type::TEXT),
            (&any, Type::BOOL),
            (&self.workspace, Type::UUID),
            (&i64::from(limit), Type::INT8),
        ];
        let rows = self.client.query_typed(SEARCH, &params).await?;
        Ok(rows.iter().map(|row| (DocumentId(row.get(0)), row.get::<_, i32>(1).cast_unsigned())).collect())
    }
}
