//! Failed sign-ins: the caller is told the same for every reason, the audit log has the reason.

use std::time::{Duration, Instant};

use axum::http::Method;
use futures_util::future::join_all;
use harness::{
    app::{Answered, TestApp, file},
    holdings::hold,
    parts::{ISSUER, claims, now_s, sign, token},
    routes,
};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use shared::auth::Rejection;
use tokio::net::TcpListener;

use super::{id_of, knock, patient, rows};
use crate::{
    logs::Server,
    tokens::forge::{ANOTHERS, HEADER, base64url, signed_by},
};

const PATH: &str = "/v1/documents";
const GARBAGE: &str = "Bearer garbage";

async fn from(app: &TestApp, peer: &str) -> Answered {
    knock(app, Method::GET, PATH, &[GARBAGE], Some(peer)).await
}

/// All that is told, without the request's id.
fn told(answered: &Answered) -> String {
    answered.text().replace(id_of(answered), "…")
}

/// A good token but for some claims.
fn but(changes: Value) -> String {
    let mut changed = claims("alice", None);
    for (name, value) in changes.as_object().unwrap() {
        changed[name] = value.clone();
    }
    sign(&Header::new(Algorithm::RS256), &changed)
}

/// A token that is refused for its header, before anything is checked against a key.
fn headed(header: &str) -> String {
    format!("{}.{}.{}", base64url(header), base64url("{}"), base64url("none"))
}

/// A token for every reason.
fn rejected() -> Vec<(Rejection, String)> {
    let forged = signed_by(&ANOTHERS, Algorithm::RS256, HEADER, claims("alice", None).to_string());
    vec![
        (Rejection::TooLong, "a".repeat(9_000)),
        (Rejection::Encoding, "garbage".to_owned()),
        (Rejection::Json, headed("[]")),
        (Rejection::Type, headed(r#"{"alg":"RS256","typ":"at+jwt"}"#)),
        (Rejection::Algorithm, headed(r#"{"alg":"none"}"#)),
        (Rejection::Critical, headed(r#"{"alg":"RS256","crit":["b64"]}"#)),
        (Rejection::UnknownKey, headed(r#"{"alg":"RS256","kid":1}"#)),
        (Rejection::Signature, forged),
        (Rejection::Claim, but(json!({ "exp": "soon" }))),
        (Rejection::Time, but(json!({ "exp": -1 }))),
        (Rejection::Expired, but(json!({ "exp": now_s() - 60, "iat": now_s() - 120 }))),
        (Rejection::NotYet, but(json!({ "nbf": now_s() + 60 }))),
        (Rejection::Issuer, but(json!({ "iss": format!("{ISSUER}/") }))),
        (Rejection::AuthorizedParty, but(json!({ "azp": "https://evil.example.com" }))),
        (Rejection::Audience, but(json!({ "aud": "https://other.example.com" }))),
        (Rejection::Pending, but(json!({ "sts": "pending" }))),
        (Rejection::Subject, but(json!({ "sub": "a b" }))),
        (Rejection::Organization, but(json!({ "o": { "id": "a/b" } }))),
    ]
}

#[tokio::test]
async fn every_reason_has_its_row_and_one_and_the_same_answer() {
    let app = patient(&[("CLERK_AUTHORIZED_PARTIES", "https://app.example.com")]).await;
    let good = token("alice", None);
    let bearer = |token: &str| format!("Bearer {token}");
    let mut cases: Vec<(&str, Vec<String>)> = rejected()
        .into_iter()
        .map(|(rejection, token)| (rejection.reason().code, vec![bearer(&token)]))
        .collect();
    let source = String::from_utf8(file("shared/src/auth/verify.rs")).unwrap();
    let (_, variants) = source.split_once("pub enum Rejection {").unwrap();
    let variants = variants.split_once('}').unwrap().0.matches(',').count();
    assert_eq!(cases.len(), variants, "a token for every reason");
    cases.extend([
        ("several", vec![bearer(&good), bearer(&good)]),
        ("not_ascii", vec!["Bearer é".to_owned()]),
        ("no_token", vec!["Bearer".to_owned()]),
        ("not_bearer", vec!["Basic YWxpY2U6cGFzc3dvcmQ=".to_owned()]),
    ]);
    let codes: std::collections::BTreeSet<&str> = cases.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), cases.len(), "no two reasons have the same code");

    let (mut expected, mut answers) = (Vec::new(), Vec::new());
    for (code, authorization) in &cases {
        let authorization: Vec<&str> = authorization.iter().map(String::as_str).collect();
        let answered = knock(&app, Method::GET, PATH, &authorization, None).await;
        assert_eq!(answered.status, 401, "{code}: {}", answered.text());
        answers.push(told(&answered));
        // Whoever it says it is from: nothing of an unproven token is kept.
        expected.push(
            json!({ "event": "sign_in_failed", "detail": { "reason": code }, "request_id": id_of(&answered),
            "workspace_id": null, "actor": null, "subject": null, "address_hash": null }),
        );
    }
    assert_eq!(rows(&app, "sign_in_failed").await, expected);
    // Nobody tried to sign in.
    let stranger = knock(&app, Method::GET, PATH, &[], None).await;
    assert_eq!((stranger.status.as_u16(), rows(&app, "sign_in_failed").await.len()), (401, expected.len()));
    answers.push(told(&stranger));
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    // Nor do those who could, and may not.
    let forbidden = app.call(Method::DELETE, "/v1/users/bob", &good).await;
    assert_eq!((forbidden.status.as_u16(), rows(&app, "sign_in_failed").await.len()), (403, expected.len()));
}

#[tokio::test]
async fn every_route_that_asks_for_a_token_takes_down_who_was_turned_away() {
    let app = patient(&[]).await;
    let (mut expected, id) = (Vec::new(), uuid::Uuid::now_v7().to_string());
    for route in routes::all(&app).await.iter().filter(|route| !route.is_public()) {
        let path = route.path.replace("{id}", &id).replace("{n}", "1").replace("{user_id}", "alice");
        let answered = knock(&app, route.method.clone(), &path, &[GARBAGE], None).await;
        assert_eq!(answered.status, 401, "{route:?}");
        expected.push(Value::from(id_of(&answered)));
    }
    let rows = rows(&app, "sign_in_failed").await;
    assert_eq!(rows.iter().map(|row| row["request_id"].clone()).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_flood_of_bad_tokens_leaves_as_many_rows_as_the_limit_lets_through() {
    let own = [("RATE_LIMITS", "anonymous.ip=30/1d"), ("ADDRESS_REQUESTS_AT_ONCE", "1000")];
    let app = patient(&own).await;
    let flood = join_all((0..200).map(|_| from(&app, "198.51.100.77"))).await;
    let mut seen: Vec<u16> = flood.iter().map(|answered| answered.status.as_u16()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [vec![401; 30], vec![429; 170]].concat());
    let flooded = rows(&app, "sign_in_failed").await;
    assert_eq!(flooded.len(), 30);

    // One stranger is one hash, of an IPv6 network too, and another is another.
    for peer in ["198.51.100.78", "[2001:db8::1]", "[2001:db8::2]", "[2001:db8:0:1::1]"] {
        assert_eq!(from(&app, peer).await.status, 401, "{peer}");
    }
    let all = rows(&app, "sign_in_failed").await;
    let hash = |row: &Value| row["address_hash"].as_str().expect("a hash").to_owned();
    let strangers: Vec<String> = all[30..].iter().map(hash).collect();
    assert!(flooded.iter().all(|row| hash(row) == hash(&flooded[0]) && hash(row).len() == 16));
    assert_eq!(strangers[1], strangers[2]);
    let distinct: std::collections::BTreeSet<String> = all.iter().map(hash).collect();
    assert_eq!(distinct.len(), 4);
    // Without the database's own key a hash could be found by trying all addresses.
    let plain = app.superuser().await;
    let guessed = "SELECT count(*) FROM audit_logs WHERE address_hash IN ( \
                   SELECT left(encode(sha256(guess), 'hex'), 16) \
                     FROM (SELECT convert_to('198.51.100.77', 'UTF8') AS guess) g \
                   UNION ALL SELECT left(encode(sha256(sha256(convert_to('198.51.100.77', 'UTF8'))), 'hex'), 16))";
    assert_eq!(plain.query_one(guessed, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_ne!(distinct, other_databases_hashes().await, "another database has another key");
}

/// What the same strangers are called elsewhere.
async fn other_databases_hashes() -> std::collections::BTreeSet<String> {
    let database = harness::parts::Database::empty().await;
    let owner = database.url(Some("footnote_owner"));
    let env = shared::env::Env::of([("DATABASE_DIRECT_URL", owner)]);
    shared::db::migrations::apply(&env).await.unwrap();
    let client = database.connect(Some("footnote_app")).await;
    for stranger in ["198.51.100.77", "198.51.100.78", "2001:db8::/64", "2001:db8:0:1::/64"] {
        let sql = "SELECT audit_append('sign_in_failed', NULL, '{}', sha256(convert_to($1, 'UTF8')))";
        client.query(sql, &[&stranger]).await.unwrap();
    }
    let superuser = database.connect(None).await;
    let sql = "SELECT address_hash FROM audit_logs WHERE event = 'sign_in_failed'";
    superuser.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// More than a 401 may take where the audit log cannot be written, for a machine that does other things too.
const PROMPTLY: Duration = Duration::from_secs(2);

#[tokio::test]
async fn without_a_database_strangers_are_turned_away_all_the_same_and_the_log_says_what_is_missing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = |address: &str| format!("postgres://footnote_app:x@{address}/nowhere?sslmode=disable");
    let hangs = nowhere(&silent.local_addr().unwrap().to_string());
    let expected = {
        let app = TestApp::new().await;
        told(&knock(&app, Method::GET, PATH, &[GARBAGE], None).await)
    };
    for url in [nowhere("127.0.0.1:1"), hangs] {
        let app = TestApp::with(&[("DATABASE_URL", &url)]).await;
        let server = Server::start(&app).await;
        let http = shared::tls::http_client().unwrap();
        for _ in 0..3 {
            let began = Instant::now();
            let asked =
                http.get(format!("{}{PATH}", server.url)).bearer_auth("garbage").send().await.unwrap();
            assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
            assert_eq!(asked.status(), 401);
            let id = asked.headers()["x-request-id"].to_str().unwrap().to_owned();
            assert_eq!(asked.text().await.unwrap().replace(&id, "…"), expected);
        }
        let said = server.end().await;
        let failures = said.iter().filter(|line| line.contains("could not be written to the audit log"));
        let failures: Vec<&String> = failures.collect();
        assert!(
            failures.len() == 3 && failures.iter().all(|line| line.contains("\"WARN\"")),
            "{failures:#?}"
        );
    }
}

#[tokio::test]
async fn a_stranger_who_cannot_be_taken_down_holds_no_connection() {
    let app = TestApp::with(&[("DATABASE_MAX_CONNECTIONS", "1")]).await;
    let superuser = app.superuser().await;
    let alice = hold(&superuser, "alice", None, 1).await;
    assert_eq!(app.get(PATH, &alice.token).await.status, 200);
    let blocker = app.superuser().await;
    blocker.batch_execute("BEGIN; LOCK TABLE audit_logs IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(from(&app, "192.0.2.1").await.status, 401);
        assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
    }
    // The one connection is free for those who are known, and Postgres has stopped waiting too.
    assert_eq!(app.get(PATH, &alice.token).await.status, 200);
    let deadline = Instant::now() + Duration::from_secs(5);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while app.count(waiting).await > 0 {
        assert!(Instant::now() < deadline, "statements are left waiting");
        tokio::task::yield_now().await;
    }
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(rows(&app, "sign_in_failed").await.len(), 0);
}
