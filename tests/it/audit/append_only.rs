//! Rows are added and stay: for the application, for another tenant, for the owner; and how long.

use std::time::Duration;

use harness::{app::TestApp, holdings::hold, parts::Database};
use jiff::Timestamp;
use retention::{Report, Retention, Task, run};
use shared::env::Env;
use tokio_postgres::{Client, error::SqlState};

async fn refused(client: &Client, sql: &str) -> SqlState {
    let outcome = client.batch_execute(sql).await;
    let error = outcome.err().unwrap_or_else(|| panic!("{sql} went through"));
    error.code().cloned().unwrap_or_else(|| panic!("{sql}: {error:?}"))
}

async fn all(superuser: &Client) -> Vec<String> {
    let rows = superuser.query("SELECT a::text FROM audit_logs a ORDER BY 1", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_applications_roles_neither_read_change_remove_nor_add_a_row() {
    let database = Database::create().await;
    let superuser = database.connect(None).await;
    let alice = hold(&superuser, "alice", Some("org_1"), 1).await;
    hold(&superuser, "bob", Some("org_2"), 2).await;
    let before = all(&superuser).await;
    assert!(before.len() >= 2, "{before:?}");
    for role in ["footnote_app", "footnote_jobs"] {
        let client = database.connect(Some(role)).await;
        let bound = format!("SET app.workspace_id = '{}'; SET app.user_id = 'alice'", alice.workspace);
        // As the tenant whose rows they are, and as nobody.
        for tenant in ["RESET app.workspace_id; RESET app.user_id", bound.as_str()] {
            client.batch_execute(tenant).await.unwrap();
            for sql in [
                "SELECT FROM audit_logs",
                "SELECT count(*) FROM audit_logs",
                "TABLE audit_logs",
                "COPY audit_logs TO STDOUT",
                "UPDATE audit_logs SET actor = NULL",
                "DELETE FROM audit_logs",
                "TRUNCATE audit_logs",
                "TRUNCATE audit_logs CASCADE",
                "DROP TABLE audit_logs",
                "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
                "INSERT INTO audit_logs (event) VALUES ('settings_changed')",
                "INSERT INTO audit_logs SELECT * FROM audit_logs",
                "MERGE INTO audit_logs a USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
                "SELECT key FROM audit_keys",
                "UPDATE audit_keys SET key = sha256('x')",
                "INSERT INTO audit_keys VALUES (sha256('x'))",
                // What changes rows is written by the change alone.
                "SELECT audit_append('document_deleted', 'x', '{}', NULL)",
                "SELECT audit_append('user_deleted', 'x', '{}', NULL)",
                "SELECT audit_append('migration_applied', 'x', '{}', NULL)",
                "SELECT refuse_change()",
            ] {
                assert_eq!(refused(&client, sql).await, SqlState::INSUFFICIENT_PRIVILEGE, "{role}: {sql}");
            }
        }
    }
    assert_eq!(all(&superuser).await, before);
}

#[tokio::test]
async fn the_one_way_in_takes_workspace_and_person_from_the_transaction() {
    let database = Database::create().await;
    let superuser = database.connect(None).await;
    let alice = hold(&superuser, "alice", Some("org_1"), 1).await;
    let app = database.connect(Some("footnote_app")).await;
    let bind = format!("SET app.workspace_id = '{}'; SET app.user_id = 'alice'", alice.workspace);
    app.batch_execute(&bind).await.unwrap();
    // A namesake of a table or an operator in a schema of one's own does not get between.
    app.batch_execute("CREATE TEMP TABLE audit_logs (a int); CREATE TEMP TABLE audit_keys (key bytea)")
        .await
        .unwrap();
    app.batch_execute("SELECT audit_append('settings_changed', 'x', '{}', NULL)").await.unwrap();
    let sql = "SELECT workspace_id::text, actor FROM audit_logs WHERE event = 'settings_changed'";
    let row = superuser.query_one(sql, &[]).await.unwrap();
    let person = shared::domain::caller::UserId::parse("alice").unwrap().hashed();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (alice.workspace.as_str(), person.as_str()));
}

#[tokio::test]
async fn not_even_the_owner_changes_a_row_or_deletes_a_young_one() {
    let database = Database::create().await;
    let owner = database.connect(Some("footnote_owner")).await;
    owner
        .batch_execute(
            "INSERT INTO audit_logs (event, at) VALUES ('settings_changed', now() - interval '31 days')",
        )
        .await
        .unwrap();
    let before = all(&owner).await;
    for sql in [
        "UPDATE audit_logs SET detail = '{}'",
        "UPDATE audit_logs SET detail = '{}' WHERE false",
        "TRUNCATE audit_logs",
        "DELETE FROM audit_logs",
        "DELETE FROM audit_logs WHERE event = 'migration_applied'",
    ] {
        assert_eq!(refused(&owner, sql).await, SqlState::INSUFFICIENT_PRIVILEGE, "{sql}");
        assert_eq!(all(&owner).await, before, "{sql}");
    }
    // What is old goes.
    assert_eq!(
        owner.execute("DELETE FROM audit_logs WHERE at < now() - interval '30 days'", &[]).await.unwrap(),
        1
    );
}

#[tokio::test]
async fn a_row_holds_no_words_and_no_person() {
    let database = Database::create().await;
    let owner = database.connect(Some("footnote_owner")).await;
    let long = format!("{{\"x\": \"{}\"}}", "x".repeat(4_000));
    for (columns, values) in [
        ("event", "'something_else'".to_owned()),
        ("event, actor", "'sign_in_failed', 'user_2abC'".to_owned()),
        ("event, subject", "'sign_in_failed', 'two words'".to_owned()),
        ("event, subject", "'sign_in_failed', 'alice@example.com'".to_owned()),
        ("event, subject", format!("'sign_in_failed', '{}'", "x".repeat(101))),
        ("event, detail", "'sign_in_failed', '[]'".to_owned()),
        ("event, detail", "'sign_in_failed', '\"text\"'".to_owned()),
        ("event, detail", format!("'sign_in_failed', '{long}'")),
        ("event, address_hash", "'sign_in_failed', '192.0.2.1'".to_owned()),
    ] {
        let sql = format!("INSERT INTO audit_logs ({columns}) VALUES ({values})");
        assert_eq!(refused(&owner, &sql).await, SqlState::CHECK_VIOLATION, "{sql}");
    }
}

/// Rows of two workspaces and of none, from before `moment` and from after it.
async fn aged(app: &TestApp, moment: &str, old: usize, young: usize) {
    app.sql(&format!(
        "INSERT INTO audit_logs (event, workspace_id, at) \
         SELECT 'settings_changed', (ARRAY[gen_random_uuid(), gen_random_uuid(), NULL])[n % 3 + 1], {moment} - n * interval '1 second' \
           FROM generate_series(1, {old}) n \
         UNION ALL SELECT 'settings_changed', NULL, {moment} + n * interval '1 hour' FROM generate_series(1, {young}) n"
    ))
    .await;
}

async fn retention(app: &TestApp, days: Option<&str>) -> anyhow::Result<Retention> {
    let days = days.map(|days| ("AUDIT_RETENTION_DAYS", days.to_owned()));
    let env = Env::of(app.settings.iter().cloned().chain(days));
    Retention::connect(&env, "DATABASE_JOBS_URL").await
}

const AGED: &str = "SELECT count(*) FROM audit_logs WHERE event = 'settings_changed'";

#[tokio::test]
async fn rows_go_in_batches_once_they_are_as_old_as_the_setting_says() {
    let app = TestApp::new().await;
    let now = Timestamp::from_second(harness::parts::now_s()).unwrap();
    let moment = |days: u32| format!("timestamptz '{now}' - interval '{days} days'");
    aged(&app, &moment(365), 10_050, 3).await;
    let by_default = retention(&app, None).await.unwrap();
    let report = run(&by_default, Task::Retain, now).await.unwrap();
    assert_eq!(report, Report { audit_logs: 10_050, ..Report::default() });
    assert_eq!(app.count(AGED).await, 3);
    assert_eq!(run(&by_default, Task::Retain, now).await.unwrap(), Report::default());
    assert_eq!(run(&by_default, Task::Heal, now).await.unwrap(), Report::default());

    aged(&app, &moment(90), 5, 2).await;
    let report = run(&retention(&app, Some("90")).await.unwrap(), Task::All, now).await.unwrap();
    assert_eq!((report.audit_logs, app.count(AGED).await), (8, 2));
}

#[tokio::test]
async fn the_last_thirty_days_are_nobodys_to_delete() {
    let app = TestApp::new().await;
    aged(&app, "now() - interval '30 days'", 4, 3).await;
    // Neither by a job that says it is tomorrow, or the end of time,
    let jobs = app.database.connect(Some("footnote_jobs")).await;
    for before in ["now() + interval '1 day'", "'infinity'"] {
        let sql = format!("SELECT job_expire_audit_logs({before}, 1000)");
        jobs.batch_execute(&sql).await.unwrap();
        assert_eq!(app.count(AGED).await, 3, "{before}");
    }
    // nor by a clock that is wrong, nor by a setting.
    let wrong = Timestamp::from_second(harness::parts::now_s()).unwrap() + Duration::from_hours(24 * 400);
    let report = run(&retention(&app, Some("30")).await.unwrap(), Task::Retain, wrong).await.unwrap();
    assert_eq!((report.audit_logs, app.count(AGED).await), (0, 3));
    for days in ["29", "0", "-1", "3651", "many"] {
        let error =
            retention(&app, Some(days)).await.err().unwrap_or_else(|| panic!("{days} days are taken"));
        assert!(error.to_string().starts_with("AUDIT_RETENTION_DAYS must be"), "{error}");
    }
}
