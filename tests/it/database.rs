//! The schema and the statements against it: a wrong column or a missing privilege fails here and not in production.

use std::collections::BTreeMap;

use harness::{
    app::{TestApp, folder},
    holdings::hold,
    parts::Database,
};
use serde_json::json;
use shared::{
    db::{STATEMENTS, Statement, migrations},
    env::Env,
};
use tokio_postgres::{Client, error::SqlState, types::Type};

fn statements() -> impl Iterator<Item = &'static Statement> {
    STATEMENTS.iter().flat_map(|of_module| of_module.iter().copied())
}

#[tokio::test]
async fn every_statement_means_what_its_types_say() {
    let database = Database::create().await;
    let app = database.connect(Some("footnote_app")).await;
    for Statement { sql, types } in statements() {
        let declared = app.prepare_typed(sql, types).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(declared.params(), *types, "{sql}");
        // What Postgres takes the parameters for by itself; where it cannot tell, the declaration decides.
        match app.prepare(sql).await {
            Ok(inferred) => assert_eq!(inferred.params(), *types, "{sql}"),
            Err(error) => {
                let unclear = [
                    SqlState::INDETERMINATE_DATATYPE,
                    SqlState::AMBIGUOUS_FUNCTION,
                    SqlState::AMBIGUOUS_PARAMETER,
                ];
                assert!(error.code().is_some_and(|code| unclear.contains(code)), "{sql}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_statement_may_be_run_by_one_of_the_two_roles() {
    let database = Database::create().await;
    let roles = [database.connect(Some("footnote_app")).await, database.connect(Some("footnote_jobs")).await];
    for (number, statement) in statements().enumerate() {
        let mut refusals = Vec::new();
        for client in &roles {
            refusals.extend(explain(client, number, statement).await.err());
        }
        assert!(refusals.len() < roles.len(), "{}: {refusals:?}", statement.sql);
    }
}

/// Plans the statement, which checks privileges and runs nothing.
async fn explain(client: &Client, number: usize, statement: &Statement) -> Result<(), tokio_postgres::Error> {
    let Statement { sql, types } = statement;
    let list =
        |items: Vec<String>| if items.is_empty() { String::new() } else { format!("({})", items.join(", ")) };
    let name = |kind: &Type| {
        kind.name().strip_prefix('_').map_or_else(|| kind.name().to_owned(), |of| format!("{of}[]"))
    };
    let (kinds, nulls) = (list(types.iter().map(name).collect()), list(vec!["NULL".to_owned(); types.len()]));
    client.batch_execute(&format!("PREPARE s{number}{kinds} AS {sql}")).await?;
    client.batch_execute(&format!("EXPLAIN EXECUTE s{number}{nulls}")).await
}

#[test]
fn every_migration_file_is_in_the_list_and_in_order() {
    let listed: Vec<String> = migrations::MIGRATIONS.iter().map(|(name, _)| format!("{name}.sql")).collect();
    assert_eq!(listed, folder("shared/migrations"));
}

#[tokio::test]
async fn migrating_twice_is_like_once_and_what_was_applied_stays_as_it_was() {
    let database = Database::empty().await;
    let env = Env::of([("DATABASE_DIRECT_URL", database.url(Some("footnote_owner")))]);
    // Two deployments at once: one applies all, the other waits and finds nothing to do.
    let (one, other) = tokio::join!(migrations::apply(&env), migrations::apply(&env));
    let mut applied = [one.unwrap(), other.unwrap()];
    applied.sort_by_key(Vec::len);
    let all: Vec<&str> = migrations::MIGRATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(applied, [vec![], all.clone()]);
    assert_eq!(migrations::apply(&env).await.unwrap(), [""; 0]);

    let superuser = database.connect(None).await;
    let last = all[all.len() - 1];
    superuser
        .execute("UPDATE schema_migrations SET sha256 = 'another' WHERE name = $1", &[&last])
        .await
        .unwrap();
    let error = migrations::apply(&env).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("the migration {last} was edited after it was applied; write a new one instead")
    );
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself() {
    let database = Database::empty().await;
    let superuser = database.connect(None).await;
    // In the way of the third file's first table.
    superuser.batch_execute("CREATE TABLE conversations (id int)").await.unwrap();
    let env = Env::of([("DATABASE_DIRECT_URL", database.url(Some("footnote_owner")))]);
    let error = migrations::apply(&env).await.unwrap_err();
    assert!(format!("{error:#}").contains("03-conversations"), "{error:#}");
    superuser.batch_execute("DROP TABLE conversations").await.unwrap();
    let rest = migrations::apply(&env).await.unwrap();
    assert_eq!(rest.len(), migrations::MIGRATIONS.len() - 2);
}

#[tokio::test]
async fn the_indexes_that_were_asked_for_are_there() {
    let database = Database::create().await;
    let client = database.connect(None).await;
    let rows = client
        .query("SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'", &[])
        .await;
    let rows = rows.unwrap();
    let index = |name: &str| {
        let row = rows.iter().find(|row| row.get::<_, &str>(0) == name);
        row.unwrap_or_else(|| panic!("{name} is missing")).get::<_, &str>(1).to_owned()
    };
    let vectors = index("document_chunks_embedding_idx");
    assert!(
        vectors.contains("USING hnsw (embedding halfvec_cosine_ops) WITH (m='16', ef_construction='64')"),
        "{vectors}"
    );
    let dates = index("documents_standard_date_idx");
    assert!(dates.contains("(standard, effective_date DESC)"), "{dates}");
    assert!(index("messages_conversation_idx").contains("(conversation_id, created_at DESC)"));
    assert!(index("postings_term_idx").contains("(workspace_id, term_hash)"));
    let version: String = client
        .query_one("SELECT extversion FROM pg_extension WHERE extname = 'vector'", &[])
        .await
        .unwrap()
        .get(0);
    let version: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version >= vec![0, 8], "{version:?}");
}

/// All that the application may do: a grant that slips in shows as a difference.
const PRIVILEGES: [(&str, &str, &str); 27] = [
    ("footnote_app", "agent_telemetry", "DELETE INSERT SELECT"),
    ("footnote_app", "ai_cost_summary", "SELECT"),
    ("footnote_app", "conversations", "DELETE INSERT SELECT"),
    ("footnote_app", "document_chunks", "SELECT"),
    ("footnote_app", "documents", "DELETE INSERT SELECT UPDATE"),
    ("footnote_app", "erasures", "INSERT SELECT"),
    ("footnote_app", "idempotency_keys", "DELETE INSERT SELECT UPDATE"),
    ("footnote_app", "messages", "DELETE INSERT SELECT"),
    ("footnote_app", "pages", "SELECT"),
    ("footnote_app", "postings", "SELECT"),
    ("footnote_app", "query_cache", "DELETE INSERT SELECT UPDATE"),
    ("footnote_app", "query_logs", "DELETE INSERT SELECT"),
    ("footnote_app", "users", "DELETE INSERT SELECT"),
    ("footnote_app", "workspaces", "INSERT SELECT"),
    ("footnote_app", "workspaces.chunks", "UPDATE"),
    ("footnote_app", "workspaces.corpus_version", "UPDATE"),
    ("footnote_jobs", "document_chunks", "DELETE INSERT SELECT"),
    ("footnote_jobs", "document_chunks.embedding", "UPDATE"),
    ("footnote_jobs", "documents", "DELETE INSERT SELECT UPDATE"),
    ("footnote_jobs", "embedding_cache", "DELETE INSERT SELECT"),
    ("footnote_jobs", "erasures", "INSERT SELECT"),
    ("footnote_jobs", "pages", "DELETE INSERT SELECT"),
    ("footnote_jobs", "postings", "DELETE INSERT SELECT"),
    ("footnote_jobs", "workspaces", "INSERT SELECT"),
    ("footnote_jobs", "workspaces.chunks", "UPDATE"),
    ("footnote_jobs", "workspaces.corpus_version", "UPDATE"),
    ("footnote_jobs", "workspaces.languages", "UPDATE"),
];

#[tokio::test]
async fn the_roles_have_these_privileges_and_no_others() {
    let database = Database::create().await;
    let client = database.connect(None).await;
    let sql = "SELECT grantee::text, place, privilege::text FROM ( \
          SELECT g.grantee::regrole AS grantee, c.relname::text AS place, g.privilege_type AS privilege \
            FROM pg_class c, aclexplode(c.relacl) g WHERE c.relnamespace = 'public'::regnamespace \
          UNION ALL \
          SELECT g.grantee::regrole, c.relname || '.' || a.attname, g.privilege_type \
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) g \
           WHERE c.relnamespace = 'public'::regnamespace) granted \
         WHERE grantee::text LIKE 'footnote%' AND grantee::text <> 'footnote_owner' ORDER BY 1, 2, 3";
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in client.query(sql, &[]).await.unwrap() {
        found.entry((row.get(0), row.get(1))).or_default().push(row.get(2));
    }
    let found: Vec<(String, String, String)> =
        found.into_iter().map(|((role, place), granted)| (role, place, granted.join(" "))).collect();
    let expected =
        PRIVILEGES.map(|(role, place, granted)| (role.to_owned(), place.to_owned(), granted.to_owned()));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn inside_a_tenant_a_statement_may_take_at_most_thirty_seconds() {
    let app = TestApp::new().await;
    let superuser = app.database.connect(None).await;
    // Says what the application's own transaction is set to while it inserts.
    superuser
        .batch_execute(
            "CREATE TABLE seen (timeout_ms int, candidates int); \
             CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
             INSERT INTO seen VALUES (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000, \
                                      current_setting('hnsw.ef_search')::int); \
             RETURN NULL; END $$; \
             CREATE TRIGGER look AFTER INSERT ON documents FOR EACH ROW EXECUTE FUNCTION look()",
        )
        .await
        .unwrap();
    let announced = json!({ "filename": "a.pdf", "size_bytes": 1, "content_type": "application/pdf" });
    let taken = app.post("/v1/documents", &harness::parts::token("alice", None), &announced).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let seen = superuser.query_one("SELECT timeout_ms, candidates FROM seen", &[]).await.unwrap();
    let (timeout_ms, candidates): (i32, i32) = (seen.get(0), seen.get(1));
    assert!((1..=30_000).contains(&timeout_ms) && candidates >= 200, "{timeout_ms} {candidates}");
}

#[tokio::test]
async fn when_no_connection_is_free_the_caller_is_told_when_to_come_back() {
    let app = TestApp::with(&[("DATABASE_MAX_CONNECTIONS", "1")]).await;
    let superuser = app.database.connect(None).await;
    let alice = hold(&superuser, "alice", None, 1).await;
    let blocker = app.database.connect(None).await;
    blocker.batch_execute("BEGIN; LOCK TABLE documents IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting = app.get("/v1/documents", &alice.token);
    let second = async {
        until_one_waits_for_a_lock(&superuser).await;
        let refused = app.get("/v1/documents", &alice.token).await;
        blocker.batch_execute("ROLLBACK").await.unwrap();
        refused
    };
    let (served, refused) = tokio::join!(waiting, second);
    assert_eq!(served.status, 200, "{}", served.text());
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (503, &json!("overloaded")),
        "{}",
        refused.text()
    );
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after));
    assert_eq!(app.get("/v1/documents", &alice.token).await.status, 200);
}

async fn until_one_waits_for_a_lock(superuser: &Client) {
    loop {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        if superuser.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            return;
        }
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_not_mistaken_for_a_defect() {
    let app =
        TestApp::with(&[("DATABASE_URL", "postgres://footnote_app:x@127.0.0.1:1/nowhere?sslmode=disable")])
            .await;
    let answered = app.get("/v1/documents", &harness::parts::token("alice", None)).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (503, &json!("database_unavailable")));
    assert!(answered.headers.contains_key("retry-after"));
}
