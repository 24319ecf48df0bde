//! The database's own guard, with no handler in between: what the application's roles may do in SQL.

use harness::{
    holdings::{Holding, Table, hold, tables},
    parts::Database,
};
use tokio_postgres::{Client, error::SqlState};

const ROLES: [&str; 2] = ["footnote_app", "footnote_jobs"];

/// A database in which two organisations and two of the first one's people hold rows.
async fn database() -> (Database, Client, [Holding; 3]) {
    let database = Database::create().await;
    let superuser = database.connect(None).await;
    let one = hold(&superuser, "alice", Some("org_1"), 1).await;
    let colleague = hold(&superuser, "carol", Some("org_1"), 2).await;
    let other = hold(&superuser, "bob", Some("org_2"), 3).await;
    (database, superuser, [one, colleague, other])
}

async fn bind(client: &Client, workspace: &str, user: &str) {
    let sql = "SELECT set_config('app.workspace_id', $1, true), set_config('app.user_id', $2, true)";
    client.query(sql, &[&workspace, &user]).await.unwrap();
}

/// Runs one statement as `me` and takes it back; answers the rows it touched, none where it was refused.
async fn touched(client: &Client, me: &Holding, sql: &str) -> Option<u64> {
    client.batch_execute("BEGIN").await.unwrap();
    bind(client, &me.workspace, &me.user).await;
    let outcome = client.execute(sql, &[]).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    match outcome {
        Ok(rows) => Some(rows),
        Err(error) => {
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {error:?}");
            None
        }
    }
}

async fn can_read(client: &Client, table: &Table) -> bool {
    let sql = format!("SELECT has_table_privilege('{}', 'SELECT')", table.name);
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn no_row_of_another_tenant_is_read_changed_or_removed() {
    let (database, superuser, [one, colleague, other]) = database().await;
    let tables = tables(&superuser).await;
    for role in ROLES {
        let client = database.connect(Some(role)).await;
        for table @ Table { name, tenant, personal } in &tables {
            let mut foreign = vec![format!("{tenant} <> '{}'", one.workspace)];
            if *personal {
                foreign.push(format!("user_id = '{}'", colleague.user));
            }
            for whose in foreign {
                let there: i64 = superuser
                    .query_one(&format!("SELECT count(*) FROM {name} WHERE {whose}"), &[])
                    .await
                    .unwrap()
                    .get(0);
                assert!(there > 0, "{name} has rows to steal");
                for sql in [
                    format!("SELECT FROM {name} WHERE {whose}"),
                    format!("SELECT FROM {name} WHERE {whose} FOR UPDATE"),
                    format!("DELETE FROM {name} WHERE {whose}"),
                    format!("UPDATE {name} SET {tenant} = {tenant} WHERE {whose}"),
                    format!("UPDATE {name} SET {tenant} = '{}' WHERE {whose}", one.workspace),
                    format!("TRUNCATE {name} CASCADE"),
                ] {
                    let rows = touched(&client, &one, &sql).await;
                    assert!(matches!(rows, None | Some(0)), "{role}: {sql}: {rows:?}");
                }
            }
            // One's own are there: the guard does not hold by showing nothing to anybody.
            let own = touched(&client, &one, &format!("SELECT FROM {name}")).await;
            assert_eq!(own.is_some_and(|rows| rows > 0), can_read(&client, table).await, "{role}: {name}");
        }
        for sql in [
            format!("UPDATE workspaces SET corpus_version = 9, chunks = 9 WHERE id = '{}'", other.workspace),
            format!("UPDATE documents SET title = '' WHERE id = '{}'", other.document),
            format!(
                "UPDATE documents SET title = (SELECT title FROM documents WHERE id = '{}') WHERE workspace_id <> '{}'",
                other.document, one.workspace
            ),
        ] {
            assert!(matches!(touched(&client, &one, &sql).await, None | Some(0)), "{role}: {sql}");
        }
    }
}

#[tokio::test]
async fn no_row_is_written_into_another_tenant_or_moved_there() {
    let (database, superuser, [one, colleague, other]) = database().await;
    for role in ROLES {
        let client = database.connect(Some(role)).await;
        for Table { name, tenant, personal } in tables(&superuser).await {
            let copy =
                |whose: String| format!("SELECT row_to_json(t)::text FROM {name} t WHERE {whose} LIMIT 1");
            let mut victims = vec![format!("{tenant} = '{}'", other.workspace)];
            if personal {
                victims.push(format!("user_id = '{}'", colleague.user));
            }
            for whose in victims {
                let row: String = superuser.query_one(&copy(whose), &[]).await.unwrap().get(0);
                let row = row.replace('\'', "''");
                let sql = format!(
                    "INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_record(NULL::{name}, '{row}')"
                );
                assert_eq!(touched(&client, &one, &sql).await, None, "{role}: {sql}");
            }
            let moved = format!("UPDATE {name} SET {tenant} = '{}'", other.workspace);
            assert_eq!(touched(&client, &one, &moved).await, None, "{role}: {moved}");
            if personal {
                let given = format!("UPDATE {name} SET user_id = '{}'", colleague.user);
                assert_eq!(touched(&client, &one, &given).await, None, "{role}: {given}");
            }
        }
    }
}

#[tokio::test]
async fn no_row_hangs_on_another_tenants() {
    let (database, _, [one, colleague, other]) = database().await;
    let app = database.connect(Some("footnote_app")).await;
    let jobs = database.connect(Some("footnote_jobs")).await;
    let mine = format!("'{}', '{}'", one.workspace, one.user);
    let message = |conversation: &str| {
        format!(
            "INSERT INTO messages (id, conversation_id, workspace_id, user_id, question, response) \
                 VALUES (gen_random_uuid(), '{conversation}', {mine}, '', '{{}}')"
        )
    };
    let page = |document: &str| {
        format!(
            "INSERT INTO pages (document_id, number, workspace_id, start_offset, end_offset, text, sha256) \
                 VALUES ('{document}', 2, '{}', 0, 0, '', '')",
            one.workspace
        )
    };
    let posting = |document: &str| {
        format!("INSERT INTO postings VALUES ('{}', 1, '{document}', '{{}}', '{{}}')", one.workspace)
    };
    let chunk = |document: &str| {
        format!(
            "INSERT INTO document_chunks SELECT 1, '{}', '{document}', 1, 0, 0, '', \
                 array_fill(1::real, ARRAY[384])::vector::halfvec(384)",
            one.workspace
        )
    };
    for (client, sql, refused) in [
        (&app, message(&one.conversation), false),
        (&app, message(&colleague.conversation), true),
        (&app, message(&other.conversation), true),
        (&jobs, page(&one.document), false),
        (&jobs, page(&other.document), true),
        (&jobs, posting(&one.document), false),
        (&jobs, posting(&other.document), true),
        (&jobs, chunk(&one.document), false),
        (&jobs, chunk(&other.document), true),
    ] {
        client.batch_execute("BEGIN").await.unwrap();
        bind(client, &one.workspace, &one.user).await;
        let code = client.execute(&sql, &[]).await.err().and_then(|error| error.code().cloned());
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(code, refused.then_some(SqlState::FOREIGN_KEY_VIOLATION), "{sql}");
    }
}

#[tokio::test]
async fn without_a_tenant_there_is_nothing_to_see() {
    let (database, superuser, [one, ..]) = database().await;
    let mut tables: Vec<String> = tables(&superuser).await.into_iter().map(|table| table.name).collect();
    tables.push("ai_cost_summary".to_owned());
    for role in ROLES {
        let client = database.connect(Some(role)).await;
        for (workspace, user) in [(None, None), (Some(""), Some("")), (None, Some("alice"))] {
            client.batch_execute("BEGIN").await.unwrap();
            for (name, value) in [("app.workspace_id", workspace), ("app.user_id", user)] {
                if let Some(value) = value {
                    client.query("SELECT set_config($1, $2, true)", &[&name, &value]).await.unwrap();
                }
            }
            nothing_visible(&client, &tables).await;
            client.batch_execute("ROLLBACK").await.unwrap();
        }
        // A transaction's tenant ends with it: the setting is '' then, and not NULL.
        client.batch_execute("BEGIN").await.unwrap();
        bind(&client, &one.workspace, &one.user).await;
        assert!(client.execute("SELECT FROM documents", &[]).await.unwrap() > 0);
        client.batch_execute("COMMIT").await.unwrap();
        let left: Option<String> =
            client.query_one("SELECT current_setting('app.workspace_id', true)", &[]).await.unwrap().get(0);
        assert_eq!(left.as_deref(), Some(""));
        nothing_visible(&client, &tables).await;
    }
}

/// Each in its own subtransaction, so that a missing privilege ends nothing else.
async fn nothing_visible(client: &Client, tables: &[String]) {
    for name in tables {
        let sql = format!(
            "DO $$ BEGIN IF EXISTS (SELECT FROM {name}) THEN RAISE 'rows'; END IF; \
             EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
        );
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[tokio::test]
async fn costs_and_vector_search_are_ones_own() {
    let (database, _, [one, colleague, other]) = database().await;
    let client = database.connect(Some("footnote_app")).await;
    client.batch_execute("BEGIN").await.unwrap();
    bind(&client, &one.workspace, &one.user).await;
    let calls = client.query("SELECT total_calls, total_cost_usd FROM ai_cost_summary", &[]).await.unwrap();
    assert_eq!((calls.len(), calls[0].get::<_, i64>(0), calls[0].get::<_, f64>(1)), (1, 1, 0.5));
    let search = "SELECT document_id::text, content FROM search_chunks( \
                  array_prepend(1::real, array_fill(0::real, ARRAY[383]))::vector(384), -2, 200, $1)";
    for (owner, found) in
        [(None, 2), (Some(&one.user), 1), (Some(&colleague.user), 1), (Some(&other.user), 0)]
    {
        let rows = client.query(search, &[&owner]).await.unwrap();
        assert_eq!(rows.len(), found, "{owner:?}");
        assert!(rows.iter().all(|row| row.get::<_, &str>(0) != other.document && !other.is_in(row.get(1))));
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    assert!(client.query(search, &[&None::<&str>]).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_the_named_functions_cross_tenants_and_only_for_their_role() {
    let (database, superuser, [one, colleague, other]) = database().await;
    superuser.batch_execute("UPDATE documents SET status = 'processing'").await.unwrap();
    let app = database.connect(Some("footnote_app")).await;
    let jobs = database.connect(Some("footnote_jobs")).await;
    let refused = [
        (&app, "job_locate(gen_random_uuid())"),
        (&app, "job_claim(1)"),
        (&app, "job_expire_query_logs(now(), 1)"),
        (&app, "job_expire_embeddings(now(), 1)"),
        (&app, "job_expire_audit_logs(now(), 1)"),
        (&jobs, "person_object_keys()"),
        (&jobs, "person_delete()"),
        (&jobs, "search_chunks(NULL, 0, 1)"),
    ];
    for (client, call) in refused {
        let error = client.execute(&format!("SELECT * FROM {call}"), &[]).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{call}");
    }
    let error = app.batch_execute("CALL guard_table('documents', 'workspace_id', false)").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));

    // The person's functions act for whom the transaction is bound to, in all their workspaces.
    assert!(app.query("SELECT * FROM person_object_keys()", &[]).await.unwrap().is_empty());
    app.batch_execute("BEGIN").await.unwrap();
    bind(&app, &other.workspace, &one.user).await;
    let keys = app.query("SELECT object_key FROM person_object_keys()", &[]).await.unwrap();
    let keys: Vec<&str> = keys.iter().map(|row| row.get(0)).collect();
    assert_eq!(keys, [format!("{}/{}", one.user, one.document)]);
    app.batch_execute("SELECT * FROM person_delete(); COMMIT").await.unwrap();
    let left = superuser.query("SELECT DISTINCT owner_id FROM documents ORDER BY 1", &[]).await.unwrap();
    let left: Vec<&str> = left.iter().map(|row| row.get(0)).collect();
    assert_eq!(left, [other.user.as_str(), &colleague.user]);

    for holding in [&colleague, &other] {
        let found = jobs
            .query_one(
                &format!("SELECT workspace_id::text, erased FROM job_locate('{}')", holding.document),
                &[],
            )
            .await
            .unwrap();
        assert_eq!((found.get::<_, &str>(0), found.get::<_, bool>(1)), (holding.workspace.as_str(), false));
    }
    assert_eq!(jobs.query("SELECT * FROM job_claim(10)", &[]).await.unwrap().len(), 2);
    for call in ["job_expire_query_logs", "job_expire_embeddings"] {
        let gone =
            jobs.query_one(&format!("SELECT {call}(now() + interval '1 day', 10)"), &[]).await.unwrap();
        assert!(gone.get::<_, i64>(0) >= 2, "{call}");
    }
}
