//! How Postgres goes about a search as the application's role: by indexes, although row-level security stands before every row.

use harness::parts::Database;
use shared::db::{STATEMENTS, Statement};
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// Two tenants beside one that holds most of the rows: chunks, and postings of so many terms in each of ten documents.
const TENANTS: [(&str, i32, i32); 3] = [("small", 60, 200), ("middle", 200, 400), ("rest", 3_000, 3_000)];

async fn fill(client: &Client, owner: &str, chunks: i32, terms: i32) -> Uuid {
    let workspace = Uuid::now_v7();
    client
        .execute(
            "INSERT INTO workspaces (id, kind, external_id, chunks) VALUES ($1, 'personal', $2, $3)",
            &[&workspace, &owner, &i64::from(chunks)],
        )
        .await
        .unwrap();
    client
        .execute(
            "INSERT INTO documents (id, workspace_id, owner_id, title, filename, status, size_bytes, object_key, chunks) \
             SELECT uuidv7(), $1, $2, $2, 'x.pdf', 'ready', 1, $2 || n, $3 / 10 FROM generate_series(1, 10) n",
            &[&workspace, &owner, &chunks],
        )
        .await
        .unwrap();
    client
        .execute(
            "INSERT INTO document_chunks (id, workspace_id, document_id, ordinal, start_offset, end_offset, content, embedding) \
             SELECT d.number * (1 << 20) + i, $1, d.id, i, i, i + 1, 'x', \
                    (SELECT array_agg(random())::real[]::halfvec(384) FROM generate_series(1, 384 + 0 * i)) \
               FROM documents d, generate_series(0, $2 / 10 - 1) i WHERE d.workspace_id = $1",
            &[&workspace, &chunks],
        )
        .await
        .unwrap();
    client
        .execute(
            "INSERT INTO postings (workspace_id, term_hash, document_id, chunk_ids, weights) \
             SELECT $1, term, d.id, ARRAY[d.number * (1 << 20)], ARRAY[1.0] \
               FROM documents d, generate_series(1, $2) term WHERE d.workspace_id = $1",
            &[&workspace, &terms],
        )
        .await
        .unwrap();
    workspace
}

#[tokio::test]
async fn a_search_under_row_level_security_goes_by_the_indexes() {
    let database = Database::create().await;
    let superuser = database.connect(None).await;
    let mut tenants = Vec::new();
    for (owner, chunks, terms) in TENANTS {
        tenants.push(fill(&superuser, owner, chunks, terms).await);
    }
    superuser.batch_execute("ANALYZE").await.unwrap();
    let search = STATEMENTS.iter().flat_map(|of_module| of_module.iter());
    let Statement { sql, .. } = search.into_iter().find(|one| one.sql.contains("FROM postings p")).unwrap();
    let app = database.connect(Some("footnote_app")).await;
    app.batch_execute(&format!(
        "PREPARE search (uuid, bigint[], real[], bigint, bigint, text, date, uuid[], boolean, text[], bigint[], text) AS {sql}"
    ))
    .await
    .unwrap();
    // Whoever holds nearly all rows is read without an index, and rightly.
    for workspace in &tenants[..2] {
        app.execute("SELECT set_config('app.workspace_id', $1, false)", &[&workspace.to_string()])
            .await
            .unwrap();
        let plan = app
            .simple_query(&format!(
                "EXPLAIN EXECUTE search('{workspace}', '{{3,5,8,13}}', array_fill(0.5::real, ARRAY[384]), \
                 200, 8, NULL, NULL, NULL, false, '{{}}', '{{}}', 'model')"
            ))
            .await
            .unwrap();
        let lines = plan.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let plan = lines.collect::<Vec<_>>().join("\n");
        assert!(plan.contains(" postings_term_idx"), "{plan}");
        assert!(plan.contains(" document_chunks_workspace_idx"), "{plan}");
        for table in ["postings", "document_chunks"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{table}: {plan}");
        }
        // The index finds the rows; the guard looks at them once more, and is not what finds them.
        assert!(plan.contains("Index Cond: ((workspace_id = "), "{plan}");
    }
}
