//! What a process sees change around it: the issuer's keys, its own settings, the schema.

use axum::{Router, http::Method};
use harness::{
    app::request,
    parts::{Database, claims, token},
};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use server::Server;
use shared::{db::migrations, env::Env};
use tower::ServiceExt;

use super::{patient, row, rows, within};
use crate::{
    documents::fixture,
    logs::Server as Process,
    settings::{secret, secrets},
    tokens::{
        forge::{ANOTHERS, OURS, jwk, key_set, signed_by},
        key_sets::{Behaviour, Issuer},
    },
};

/// A good token that names a key.
fn naming(kid: &str) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid });
    signed_by(&OURS, Algorithm::RS256, header.to_string(), claims("alice", None).to_string())
}

#[tokio::test]
async fn other_signing_keys_are_told_once_by_their_names() {
    let (issuer, _) = Issuer::start(Behaviour::Set(key_set(&[jwk(&OURS, "old"), jwk(&OURS, "gone")]))).await;
    let app = patient(&[("CLERK_JWT_KEY", ""), ("CLERK_JWKS_URL", &issuer.url)]).await;
    assert_eq!(app.get("/v1/documents", &naming("old")).await.status, 200);
    assert_eq!(rows(&app, "signing_keys_changed").await, [Value::Null; 0], "the first set is no other one");

    let odd = "k\u{0}y of \"mine\"";
    let set = [jwk(&ANOTHERS, "old"), jwk(&OURS, "new"), jwk(&OURS, odd)];
    issuer.becomes(Behaviour::Set(key_set(&set)));
    let served = app.get("/v1/documents", &naming("new")).await;
    assert_eq!((served.status.as_u16(), issuer.asked()), (200, 2));
    let told = rows(&app, "signing_keys_changed").await;
    let subject = told[0]["subject"].as_str().unwrap();
    assert!(subject.len() == 16 && subject.bytes().all(|byte| byte.is_ascii_hexdigit()), "{subject}");
    let detail = json!({ "added": ["k?y?of?\"mine\"", "new"], "removed": ["gone"], "replaced": ["old"] });
    assert_eq!(told, [within(&served, row("signing_keys_changed", None, None, subject, detail))]);

    for _ in 0..3 {
        assert_eq!(app.get("/v1/documents", &naming("new")).await.status, 200);
    }
    assert_eq!(rows(&app, "signing_keys_changed").await.len(), 1);
}

async fn list(router: &Router) -> u16 {
    let listed = request(Method::GET, "/v1/documents", &token("alice", None));
    let listed = listed.body(axum::body::Body::empty()).unwrap();
    router.clone().oneshot(listed).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn other_settings_are_told_once_by_their_names_and_not_by_what_they_say() {
    let app = patient(&[]).await;
    let first = json!({ "GROQ_API_KEY": "giraffe", "OPENAI_API_KEY": "ocelot", "TOP_K": "9", "LOG_LEVEL": "info", "UNKNOWN": "x" });
    let id = secret(&first.to_string()).await;
    let settings = app.settings.iter().cloned();
    let own = [("SECRETS_ID", id.clone()), ("TOP_K", "3".to_owned())];
    let env = Env::of(settings.chain(own));
    env.fetch_secret().await.unwrap();
    let server = Server::connect(&env).await.unwrap();
    let router = shared::http::finish(server::routes(server), &env).unwrap();
    assert_eq!(list(&router).await, 200);
    assert_eq!(rows(&app, "settings_changed").await, [Value::Null; 0], "the first version changes nothing");

    // One is another, one is new, one went; what the environment says, what nobody reads and what is the same, did not change.
    let second = json!({ "GROQ_API_KEY": "walrus", "MATCH_THRESHOLD": "0.5", "TOP_K": "8", "LOG_LEVEL": "info", "UNKNOWN": "y" });
    let put = secrets().await.put_secret_value().secret_id(&id).secret_string(second.to_string());
    let version = put.send().await.unwrap().version_id.unwrap();
    env.fetch_secret().await.unwrap();
    for _ in 0..3 {
        assert_eq!(list(&router).await, 200);
    }
    let detail = json!({ "names": ["GROQ_API_KEY", "MATCH_THRESHOLD", "OPENAI_API_KEY"] });
    assert_eq!(rows(&app, "settings_changed").await, [row("settings_changed", None, None, &version, detail)]);
}

#[tokio::test]
async fn the_same_secret_fetched_again_is_no_change() {
    let app = patient(&[]).await;
    let id = secret(r#"{"GROQ_API_KEY":"giraffe"}"#).await;
    let env = Env::of(app.settings.iter().cloned().chain([("SECRETS_ID", id)]));
    for _ in 0..2 {
        env.fetch_secret().await.unwrap();
    }
    let server = Server::connect(&env).await.unwrap();
    let router = shared::http::finish(server::routes(server), &env).unwrap();
    assert_eq!(list(&router).await, 200);
    assert_eq!(rows(&app, "settings_changed").await, [Value::Null; 0]);
}

#[tokio::test]
async fn each_migration_from_the_audit_logs_own_on_is_told_once() {
    let database = Database::empty().await;
    let env = Env::of([("DATABASE_DIRECT_URL", database.url(Some("footnote_owner")))]);
    let applied = migrations::apply(&env).await.unwrap();
    assert_eq!(migrations::apply(&env).await.unwrap(), [""; 0]);
    let superuser = database.connect(None).await;
    let sql = "SELECT subject, actor IS NULL AND workspace_id IS NULL AND request_id IS NULL AND detail = '{}' \
                 FROM audit_logs ORDER BY at, id";
    let told = superuser.query(sql, &[]).await.unwrap();
    assert!(told.iter().all(|row| row.get::<_, bool>(1)));
    let told: Vec<&str> = told.iter().map(|row| row.get(0)).collect();
    let from = applied.iter().position(|name| name.ends_with("-audit")).unwrap();
    assert_eq!(told, applied[from..]);
}

#[tokio::test]
async fn log_lines_and_rows_name_the_same_request_and_the_same_person() {
    let app = patient(&[]).await;
    let server = Process::start(&app).await;
    let http = shared::tls::http_client().unwrap();
    let documents = format!("{}/v1/documents", server.url);
    let upload =
        http.post(&documents).bearer_auth(token("alice", None)).header("content-type", "application/pdf");
    assert_eq!(upload.body(fixture("two-pages")).send().await.unwrap().status(), 202);
    assert_eq!(http.get(&documents).bearer_auth("garbage").send().await.unwrap().status(), 401);
    let said = server.end().await;
    let lines: Vec<Value> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let span = |status: u64| {
        let line = lines.iter().find(|line| line["event"] == "request" && line["status"] == status);
        &line.unwrap_or_else(|| panic!("{said:#?}"))["span"]
    };
    let uploaded = &rows(&app, "document_uploaded").await[0];
    assert_eq!((&uploaded["request_id"], &uploaded["actor"]), (&span(202)["request_id"], &span(202)["user"]));
    assert!(uploaded["actor"].is_string());
    let failed = &rows(&app, "sign_in_failed").await[0];
    assert_eq!(failed["request_id"], span(401)["request_id"]);
    let turned_away = lines.iter().find(|line| line["reason"] == failed["detail"]["reason"]);
    assert_eq!(
        turned_away.expect("the reason is in the log too")["span"]["request_id"],
        failed["request_id"]
    );
    // The socket's address is known here, and is none to read.
    assert!(failed["address_hash"].is_string());
}
