//! No route shows, changes or betrays what another tenant has: with the tenant guard in place, and with it taken away.

use axum::http::{Method, StatusCode};
use harness::{
    app::TestApp,
    holdings::{Holding, fingerprint, hold},
    routes::{self, Route},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Any passage counts as evidence, so that a foreign one would be shown if it were found.
const EVERYTHING_COUNTS: &[(&str, &str)] = &[("MATCH_THRESHOLD", "-1")];

#[tokio::test]
async fn two_persons_share_nothing() {
    let (app, [one, other]) = two([("alice", None), ("bob", None)]).await;
    nothing_crosses(&app, &one, &other).await;
    nothing_crosses(&app, &other, &one).await;
}

#[tokio::test]
async fn a_person_and_an_organisation_of_the_same_name_share_nothing() {
    let (app, [person, organization]) = two([("acme", None), ("bob", Some("acme"))]).await;
    nothing_crosses(&app, &person, &organization).await;
    nothing_crosses(&app, &organization, &person).await;
}

#[tokio::test]
async fn a_person_in_two_organisations_sees_one_at_a_time() {
    let (app, [one, other]) = two([("alice", Some("org_1")), ("alice", Some("org_2"))]).await;
    nothing_crosses(&app, &one, &other).await;
    nothing_crosses(&app, &other, &one).await;
}

#[tokio::test]
async fn without_row_level_security_the_handlers_conditions_hold_alone() {
    let people =
        [("alice", None), ("bob", Some("alice")), ("alice", Some("org_2")), ("carol", Some("org_2"))];
    let app = TestApp::with(EVERYTHING_COUNTS).await;
    let superuser = app.database.connect(None).await;
    let mut holdings = Vec::new();
    for (number, (user, organization)) in people.into_iter().enumerate() {
        holdings.push(hold(&superuser, user, organization, number).await);
    }
    superuser.batch_execute(REMOVE_POLICIES).await.unwrap();
    for (one, other) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1)] {
        nothing_crosses(&app, &holdings[one], &holdings[other]).await;
    }
    // Colleagues share documents, and neither conversations nor what is counted.
    let (alice, carol) = (&holdings[2], &holdings[3]);
    colleagues_share_documents_only(&app, alice, carol).await;
}

#[tokio::test]
async fn colleagues_share_documents_and_no_conversation() {
    let (app, [alice, carol]) = two([("alice", Some("org_1")), ("carol", Some("org_1"))]).await;
    colleagues_share_documents_only(&app, &alice, &carol).await;
    colleagues_share_documents_only(&app, &carol, &alice).await;
}

#[tokio::test]
async fn who_deletes_their_account_deletes_nobody_elses_rows() {
    let app = TestApp::new().await;
    let superuser = app.database.connect(None).await;
    let alice = hold(&superuser, "alice", None, 1).await;
    let in_team = hold(&superuser, "alice", Some("org_1"), 2).await;
    let carol = hold(&superuser, "carol", Some("org_1"), 3).await;
    let namesake = hold(&superuser, "bob", Some("alice"), 4).await;
    let before = fingerprint(&superuser, &namesake.workspace).await;
    let gone = app.call(Method::DELETE, "/v1/users/alice", &alice.token).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(before, fingerprint(&superuser, &namesake.workspace).await);
    for (document, status) in [(&in_team.document, 404), (&carol.document, 200)] {
        let shown = app.get(&format!("/v1/documents/{document}"), &carol.token).await;
        assert_eq!(shown.status, status, "{}", shown.text());
    }
    assert_eq!(app.get(&format!("/v1/documents/{}", alice.document), &alice.token).await.status, 404);
}

/// Row-level security off, on every table: what a botched migration could do.
pub const REMOVE_POLICIES: &str = "
DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity LOOP
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', target);
    END LOOP;
END
$$";

async fn two(people: [(&str, Option<&str>); 2]) -> (TestApp, [Holding; 2]) {
    let app = TestApp::with(EVERYTHING_COUNTS).await;
    let superuser = app.database.connect(None).await;
    let [one, other] = people;
    let one = hold(&superuser, one.0, one.1, 1).await;
    let other = hold(&superuser, other.0, other.1, 2).await;
    (app, [one, other])
}

/// `me` tries everything with what is `other`'s: each answer is the one for what does not exist.
async fn nothing_crosses(app: &TestApp, me: &Holding, other: &Holding) {
    let superuser = app.database.connect(None).await;
    let before = fingerprint(&superuser, &other.workspace).await;
    let mine = app.get(&format!("/v1/documents/{}", me.document), &me.token).await;
    assert_eq!((mine.status, me.is_in(&mine.text())), (StatusCode::OK, true), "{}", mine.text());
    for route in routes::all(app).await.iter().filter(|route| !route.is_public()) {
        if route.names_something() {
            foreign_is_like_unknown(app, route, me, other).await;
        } else if route.method == Method::GET {
            let listed = app.get(&route.path, &me.token).await;
            assert!(!other.is_in(&listed.text()), "{route:?}: {}", listed.text());
        }
    }
    let after = app.get(&format!("/v1/documents?cursor={}", other.document), &me.token).await;
    assert!(!other.is_in(&after.text()), "{}", after.text());
    questions_find_nothing_foreign(app, me, other).await;
    assert_eq!(before, fingerprint(&superuser, &other.workspace).await, "what is another's was changed");
}

async fn foreign_is_like_unknown(app: &TestApp, route: &Route, me: &Holding, other: &Holding) {
    let unknown = Uuid::now_v7().to_string();
    if route.path.contains("/users/") && me.user == other.user {
        return;
    }
    let foreign = route.naming(&other.document, &other.conversation, &other.user);
    let foreign = app.call(route.method.clone(), &foreign, &me.token).await;
    let missing = route.naming(&unknown, &unknown, "nobody");
    let missing = app.call(route.method.clone(), &missing, &me.token).await;
    assert!(foreign.status.is_client_error(), "{route:?}: {}", foreign.text());
    assert_eq!(foreign.told(), missing.told(), "{route:?}");
}

async fn questions_find_nothing_foreign(app: &TestApp, me: &Holding, other: &Holding) {
    let unknown = Uuid::now_v7().to_string();
    let ask = async |body: Value| app.post("/v1/chat", &me.token, &body).await;
    let answered = ask(json!({ "message": other.question() })).await;
    assert_eq!(
        (answered.status, other.is_in(&answered.text())),
        (StatusCode::OK, false),
        "{}",
        answered.text()
    );
    let answered = ask(json!({ "message": me.question() })).await;
    assert!(answered.text().contains(&me.secret), "{}", answered.text());

    let within = async |id: &str| {
        let body = json!({ "message": other.question(), "filters": { "document_ids": [id] } });
        let answered = ask(body).await;
        assert_eq!((answered.status, other.is_in(&answered.text())), (StatusCode::OK, false));
        ["answer", "citations", "refused", "degraded"].map(|member| answered.json()[member].clone())
    };
    assert_eq!(within(&other.document).await, within(&unknown).await);

    let continued = async |id: &str| ask(json!({ "message": other.question(), "conversation_id": id })).await;
    let (foreign, missing) = (continued(&other.conversation).await, continued(&unknown).await);
    assert_eq!((foreign.status, foreign.told()), (StatusCode::NOT_FOUND, missing.told()));
    let own = continued(&me.conversation).await;
    assert_eq!(own.status, 200, "{}", own.text());
}

async fn colleagues_share_documents_only(app: &TestApp, one: &Holding, other: &Holding) {
    let shown = app.get(&format!("/v1/documents/{}", other.document), &one.token).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let unknown = Uuid::now_v7().to_string();
    let continued = async |id: &str| {
        let body = json!({ "message": "How long?", "conversation_id": id });
        app.post("/v1/chat", &one.token, &body).await
    };
    let (theirs, missing) = (continued(&other.conversation).await, continued(&unknown).await);
    assert_eq!((theirs.status, theirs.told()), (StatusCode::NOT_FOUND, missing.told()));
    for route in routes::all(app).await.iter().filter(|route| route.path.contains("/conversations/{")) {
        let call = async |id: &str| {
            let path = route.path.replace("{id}", id);
            app.call(route.method.clone(), &path, &one.token).await
        };
        assert_eq!(call(&other.conversation).await.told(), call(&unknown).await.told(), "{route:?}");
    }
}
