//! The catalogue: no table without its guard, no role with more than it needs, no function that anybody may bend.

use harness::parts::Database;
use tokio_postgres::Client;

/// The rows of a query that looks for what must not be, as text.
async fn offenders(client: &Client, sql: &str) -> Vec<String> {
    let rows = client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

async fn none(sql: &str) {
    let database = Database::create().await;
    let client = database.connect(None).await;
    assert_eq!(offenders(&client, sql).await, [""; 0]);
}

#[tokio::test]
async fn every_table_is_under_row_level_security_that_binds_its_owner_too() {
    none(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f', 'm') \
         AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    .await;
}

#[tokio::test]
async fn every_role_with_privileges_on_a_table_has_a_policy_there() {
    none(
        "SELECT format('%s on %s', role, c.relname) \
           FROM pg_class c, unnest(ARRAY['footnote_app', 'footnote_jobs']) AS role \
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
            AND (has_table_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, DELETE') \
                 OR has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE')) \
            AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid \
                             AND role::regrole = ANY (p.polroles) AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL)",
    )
    .await;
}

#[tokio::test]
async fn every_policy_of_the_application_names_the_tenant_and_of_personal_tables_the_person() {
    none(
        "SELECT format('%s on %s', p.polname, c.relname) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid \
          WHERE (0 = ANY (p.polroles) OR 'footnote_app'::regrole = ANY (p.polroles) \
                 OR 'footnote_jobs'::regrole = ANY (p.polroles)) \
            AND EXISTS (SELECT FROM unnest(ARRAY[pg_get_expr(p.polqual, p.polrelid), \
                                                 pg_get_expr(p.polwithcheck, p.polrelid)]) AS rule \
                         WHERE rule NOT LIKE '%current_workspace()%' \
                            OR (rule NOT LIKE '%current_person()%' \
                                AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id')))",
    )
    .await;
}

#[tokio::test]
async fn every_view_runs_as_its_caller() {
    none(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' \
         AND NOT COALESCE('security_invoker=true' = ANY (reloptions), false)",
    )
    .await;
}

#[tokio::test]
async fn the_applications_roles_own_nothing_and_may_grow_into_nothing() {
    let database = Database::create().await;
    let client = database.connect(None).await;
    let roles = offenders(
        &client,
        "SELECT rolname::text FROM pg_roles WHERE rolname IN ('footnote_app', 'footnote_jobs') AND NOT rolsuper \
         AND NOT rolbypassrls AND NOT rolcreaterole AND NOT rolcreatedb AND NOT rolreplication ORDER BY 1",
    )
    .await;
    assert_eq!(roles, ["footnote_app", "footnote_jobs"]);
    let ours = "ARRAY['footnote_app'::regrole::oid, 'footnote_jobs'::regrole::oid]";
    for (what, sql) in [
        ("owned", format!("SELECT relname::text FROM pg_class WHERE relowner = ANY ({ours})")),
        ("owned", format!("SELECT proname::text FROM pg_proc WHERE proowner = ANY ({ours})")),
        ("owned", format!("SELECT nspname::text FROM pg_namespace WHERE nspowner = ANY ({ours})")),
        ("owned", format!("SELECT datname::text FROM pg_database WHERE datdba = ANY ({ours})")),
        ("member", format!("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = ANY ({ours})")),
        (
            "create",
            format!(
                "SELECT nspname::text FROM pg_namespace, unnest({ours}) AS role \
                 WHERE nspname !~ '^pg_(toast_)?temp' AND has_schema_privilege(role, pg_namespace.oid, 'CREATE')"
            ),
        ),
        (
            "create",
            format!(
                "SELECT datname::text FROM pg_database, unnest({ours}) AS role \
                 WHERE datname = current_database() AND has_database_privilege(role, pg_database.oid, 'CREATE')"
            ),
        ),
        (
            "more than rows",
            format!(
                "SELECT relname::text FROM pg_class, unnest({ours}) AS role \
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') \
                   AND (has_table_privilege(role, pg_class.oid, 'TRUNCATE, REFERENCES, TRIGGER, MAINTAIN') \
                        OR has_any_column_privilege(role, pg_class.oid, 'REFERENCES'))"
            ),
        ),
        (
            "may pass on",
            format!(
                "SELECT relname::text FROM pg_class, aclexplode(relacl) AS granted \
                 WHERE granted.grantee = ANY ({ours}) AND granted.is_grantable"
            ),
        ),
        (
            "public",
            "SELECT relname::text FROM pg_class, aclexplode(relacl) AS granted \
                    WHERE relnamespace = 'public'::regnamespace AND granted.grantee = 0"
                .to_owned(),
        ),
    ] {
        assert_eq!(offenders(&client, &sql).await, [""; 0], "{what}");
    }
}

#[tokio::test]
async fn functions_with_their_owners_rights_are_pinned_and_not_public() {
    none(
        "SELECT p.oid::regprocedure::text FROM pg_proc p \
          WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef \
            AND (NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting \
                              WHERE setting = 'search_path=pg_catalog, public, pg_temp') \
                 OR p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS granted WHERE granted.grantee = 0))",
    )
    .await;
}

#[tokio::test]
async fn each_role_may_call_what_it_needs_and_nothing_else() {
    let database = Database::create().await;
    let client = database.connect(None).await;
    let callable = async |role: &str| {
        // What an extension brings (operators of vectors) is for everybody.
        let sql = format!(
            "SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace \
             AND has_function_privilege('{role}', p.oid, 'EXECUTE') AND p.prorettype <> 'trigger'::regtype \
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1"
        );
        offenders(&client, &sql).await
    };
    let both = ["current_person", "current_workspace"];
    assert_eq!(
        callable("footnote_app").await,
        [
            &["audit_append", "budget_reserve", "budget_settle", "citations_hold"],
            &both[..],
            &["person_delete", "person_object_keys", "person_workspaces", "search_chunks"]
        ]
        .concat()
    );
    let jobs = [
        "job_book_calls",
        "job_claim",
        "job_claim_outdated",
        "job_expire_answers",
        "job_expire_audit_logs",
        "job_expire_budgets",
        "job_expire_embeddings",
        "job_expire_idempotency_keys",
        "job_expire_query_logs",
        "job_locate",
    ];
    assert_eq!(callable("footnote_jobs").await, [&["audit_append"], &both[..], &jobs].concat());
}
