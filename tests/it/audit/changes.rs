//! What changes rows: its row in the audit log is written with it, or neither is.

use axum::http::Method;
use harness::{
    app::TestApp,
    holdings::{fingerprint, hold},
    parts::token,
};
use serde_json::{Value, json};
use shared::domain::caller::{UserId, Workspace};

use super::{row, rows, within};
use crate::documents::fixture;

const USER: &str = "user_wombat7";

/// The person as log lines have them.
fn hashed(user: &str) -> Option<String> {
    UserId::parse(user).map(|user| user.hashed())
}

fn organization(id: &str) -> Option<String> {
    Some(Workspace::of_organization(id).id.0.to_string())
}

fn personal(user: &str) -> Option<String> {
    Some(Workspace::of_person(&UserId::parse(user).unwrap()).id.0.to_string())
}

#[tokio::test]
async fn a_documents_way_is_a_row_each_time_with_who_did_it_in_which_request() {
    let app = TestApp::new().await;
    let alice = token(USER, Some("org_1"));
    let file = fixture("two-pages");
    let size = file.len();
    let taken = app.upload(&alice, "giraffe-plans.pdf", file).await;
    let id = taken.json()["document_id"].as_str().unwrap().to_owned();
    let (org, actor) = (organization("org_1"), hashed(USER));
    let uploaded = row("document_uploaded", org.clone(), actor.clone(), &id, json!({ "size_bytes": size }));
    assert_eq!(rows(&app, "document_uploaded").await, [within(&taken, uploaded)]);
    assert_eq!(rows(&app, "document_ingested").await, [Value::Null; 0]);

    // Nobody ingests it: a job does, in no request.
    app.ingest().await;
    let chunks = app.get(&format!("/v1/documents/{id}"), &alice).await.json()["chunks"].clone();
    let outcome = json!({ "status": "ready", "pages": 2, "chunks": chunks });
    let ingested = row("document_ingested", org.clone(), None, &id, outcome);
    assert_eq!(rows(&app, "document_ingested").await, [ingested]);

    // A colleague deletes it; a second try finds nothing to delete.
    let (path, bob) = (format!("/v1/documents/{id}"), token("bob", Some("org_1")));
    let gone = app.call(Method::DELETE, &path, &bob).await;
    assert_eq!(gone.status, 204);
    assert_eq!(app.call(Method::DELETE, &path, &bob).await.status, 404);
    let deleted = row("document_deleted", org, hashed("bob"), &id, json!({}));
    assert_eq!(rows(&app, "document_deleted").await, [within(&gone, deleted)]);
}

#[tokio::test]
async fn forms_unreadable_files_and_copies_have_their_rows_too() {
    let (app, alice) = (TestApp::new().await, token(USER, None));
    let outcome = async |id: &str| {
        let rows = rows(&app, "document_ingested").await;
        let own: Vec<&Value> = rows.iter().filter(|row| row["subject"] == id).collect();
        own.iter().map(|row| row["detail"].clone()).collect::<Vec<_>>()
    };
    let announced = app.announce(&alice, "never.pdf", 100).await.0;
    let unreadable = app.arrive(&alice, "b.pdf", &fixture("not-a-pdf")).await.id;
    let original = app.ready(&alice, "c.pdf", fixture("two-pages")).await;
    let copy = app.arrive(&alice, "d.pdf", &fixture("two-pages")).await.id;
    app.ingest().await;
    let uploads = rows(&app, "document_uploaded").await;
    let subjects: Vec<&str> = uploads.iter().map(|row| row["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, [&announced, &unreadable, &original, &copy]);
    assert!(uploads.iter().all(|row| row["workspace_id"] == personal(USER).unwrap()));
    assert_eq!(outcome(&announced).await, [Value::Null; 0]);
    assert_eq!(outcome(&unreadable).await, [json!({ "status": "failed", "code": "not_pdf" })]);
    assert_eq!(outcome(&copy).await, [json!({ "status": "duplicate" })]);
    let ready = outcome(&original).await;
    // The copy's turn comes when the original goes.
    assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{original}"), &alice).await.status, 204);
    app.ingest().await;
    assert_eq!(outcome(&copy).await, [json!({ "status": "duplicate" }), ready[0].clone()]);
    // An upload that is refused is none.
    let refused = app.upload(&alice, "e.pdf", b"no PDF".to_vec()).await;
    assert_eq!((refused.status.as_u16(), rows(&app, "document_uploaded").await.len()), (400, 4));
}

#[tokio::test]
async fn a_deleted_account_leaves_its_rows_and_nothing_that_names_it() {
    let app = TestApp::new().await;
    let superuser = app.superuser().await;
    let own = hold(&superuser, USER, None, 1).await;
    let team = hold(&superuser, USER, Some("org_wombat8"), 2).await;
    let colleague = hold(&superuser, "carol", Some("org_wombat8"), 3).await;
    let uploaded = app.upload(&team.token, "giraffe-plans.pdf", fixture("rotated")).await;
    assert_eq!(uploaded.status, 202, "{}", uploaded.text());

    let path = format!("/v1/users/{USER}");
    let gone = app.call(Method::DELETE, &path, &own.token).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["rows"]["documents"]), (200, &json!(3)));
    let hash = hashed(USER).unwrap();
    let user_deleted = |workspace: &str| {
        within(&gone, row("user_deleted", Some(workspace.to_owned()), Some(hash.clone()), &hash, json!({})))
    };
    let by_workspace = |mut rows: Vec<Value>| {
        rows.sort_by_key(|row| row["workspace_id"].to_string());
        rows
    };
    // In each of their workspaces, whichever of them the session was for.
    let expected = by_workspace([&own, &team].map(|holding| user_deleted(&holding.workspace)).into());
    assert_eq!(by_workspace(rows(&app, "user_deleted").await), expected);
    let uploaded = uploaded.json()["document_id"].as_str().unwrap().to_owned();
    let documents = [(&own, &own.document), (&team, &team.document), (&team, &uploaded)];
    let mut expected: Vec<Value> = documents
        .map(|(holding, id)| {
            let workspace = Some(holding.workspace.clone());
            within(&gone, row("document_deleted", workspace, Some(hash.clone()), id, json!({})))
        })
        .into();
    expected.sort_by_key(|row| row["subject"].to_string());
    let mut deleted = rows(&app, "document_deleted").await;
    deleted.sort_by_key(|row| row["subject"].to_string());
    assert_eq!(deleted, expected);

    // Once more deletes nothing, and says nothing.
    assert_eq!(app.call(Method::DELETE, &path, &own.token).await.status, 200);
    assert_eq!(rows(&app, "user_deleted").await.len(), 2);
    let all = superuser.query("SELECT a::text FROM audit_logs a", &[]).await.unwrap();
    for told in all.iter().map(|row| row.get::<_, &str>(0)) {
        for secret in [USER, "org_wombat8", "giraffe", &own.secret, &own.subject, &colleague.user] {
            assert!(!told.contains(secret), "{secret} stands in {told}");
        }
    }
}

/// Fails the transaction at its very end, when all of its statements went well.
const FAILS_AT_COMMIT: &str = "
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'at the very end'; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR DELETE ON documents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fail();
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON users DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fail();";

/// Takes no row of these events.
const REFUSES_ROWS: &str = "
ALTER TABLE audit_logs ADD CHECK (event NOT IN ('document_uploaded', 'document_deleted', 'user_deleted')) NOT VALID;";

#[tokio::test]
async fn neither_the_change_nor_its_row_is_there_without_the_other() {
    for broken in [FAILS_AT_COMMIT, REFUSES_ROWS] {
        let app = TestApp::new().await;
        let superuser = app.superuser().await;
        let alice = hold(&superuser, USER, None, 1).await;
        let before = fingerprint(&superuser, &alice.workspace).await;
        superuser.batch_execute(broken).await.unwrap();
        let announced = json!({ "filename": "a.pdf", "size_bytes": 1, "content_type": "application/pdf" });
        let tries = [
            app.post("/v1/documents", &alice.token, &announced).await,
            app.upload(&alice.token, "b.pdf", fixture("two-pages")).await,
            app.call(Method::DELETE, &format!("/v1/documents/{}", alice.document), &alice.token).await,
            app.call(Method::DELETE, &format!("/v1/users/{USER}"), &alice.token).await,
        ];
        for answered in tries {
            assert_eq!(answered.status, 500, "{}", answered.text());
        }
        assert_eq!(fingerprint(&superuser, &alice.workspace).await, before, "{broken}");
    }
}
