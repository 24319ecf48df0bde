//! What a caller without a good token is told: always the same, and nothing happens.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use harness::{
    app::{Answered, TestApp},
    holdings::{fingerprint, hold},
    parts::{claims, sign, token},
    routes,
};
use jsonwebtoken::{Algorithm, Header};

use super::forge;

const ID: &str = "01890000-0000-7000-8000-000000000000";

/// All that is told, without the request's id.
fn told(answered: &Answered) -> String {
    let id = answered.headers["x-request-id"].to_str().unwrap();
    answered.text().replace(id, "…")
}

async fn call(app: &TestApp, method: Method, path: &str, authorization: &[&str]) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    let body = r#"{"message":"How long is the exposure?"}"#;
    app.send(request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn every_reason_gets_the_same_answer_and_nothing_is_stored() {
    let app = TestApp::new().await;
    let superuser = app.database.connect(None).await;
    let alice = hold(&superuser, "alice", None, 1).await;
    let before = fingerprint(&superuser, &alice.workspace).await;
    let good = &alice.token;
    let mut expired = claims("alice", None);
    expired["exp"] = 1_000_000.into();
    let expired = sign(&Header::new(Algorithm::RS256), &expired);
    let forged = forge::signed_by(
        &forge::ANOTHERS,
        Algorithm::RS256,
        forge::HEADER,
        claims("alice", None).to_string(),
    );
    let bearer = |token: &str| vec![format!("Bearer {token}")];
    let reasons = [
        vec![],
        vec![format!("Bearer {good}"), format!("Bearer {good}")],
        vec![format!("Basic {good}")],
        vec![format!("Basic {}", forge::base64url("alice:password"))],
        vec![good.clone()],
        vec!["Bearer".to_owned()],
        bearer(""),
        bearer("garbage"),
        bearer(&format!("{good}, Bearer {good}")),
        bearer(&good[..good.len() - 8]),
        bearer(&expired),
        bearer(&forged),
        bearer(&"a".repeat(20_000)),
        vec![format!("Bearer\t{good}")],
        vec![format!("Bearer={good}")],
    ];
    let mut answers = Vec::new();
    for reason in &reasons {
        let values: Vec<&str> = reason.iter().map(String::as_str).collect();
        for (method, path) in [
            (Method::POST, "/v1/chat".to_owned()),
            (Method::POST, "/v1/documents".to_owned()),
            (Method::DELETE, format!("/v1/documents/{}", alice.document)),
            (Method::DELETE, "/v1/users/alice".to_owned()),
        ] {
            let answered = call(&app, method, &path, &values).await;
            assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{path} {reason:?}: {}", answered.text());
            assert!(answered.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
            assert_eq!(answered.headers[header::CONTENT_TYPE], "application/problem+json");
            answers.push(told(&answered));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one body for every reason: {answers:#?}");
    assert_eq!(before, fingerprint(&superuser, &alice.workspace).await);
    let rows: i64 = superuser.query_one("SELECT count(*) FROM workspaces", &[]).await.unwrap().get(0);
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn the_schemes_name_knows_no_case() {
    let app = TestApp::new().await;
    let good = token("alice", None);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let answered = call(&app, Method::GET, "/v1/documents", &[&format!("{scheme} {good}")]).await;
        assert_eq!(answered.status, 200, "{scheme}: {}", answered.text());
    }
}

#[tokio::test]
async fn every_route_but_the_public_ones_turns_strangers_away() {
    let app = TestApp::new().await;
    let mut bodies = Vec::new();
    for route in routes::all(&app).await {
        let path = route.path.replace("{id}", ID).replace("{n}", "1").replace("{user_id}", "alice");
        assert!(!path.contains('{'), "say here what {path} may name");
        let answered = call(&app, route.method.clone(), &path, &[]).await;
        if route.is_public() {
            assert_eq!(answered.status, 200, "{route:?}: {}", answered.text());
            continue;
        }
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{route:?}: {}", answered.text());
        bodies.push(told(&answered));
        // The token comes first: what else is wrong with a stranger's request is not told.
        let broken = call(&app, route.method.clone(), &route.path, &["Bearer x"]).await;
        assert_eq!(broken.status, StatusCode::UNAUTHORIZED, "{route:?}: {}", broken.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
}

#[tokio::test]
async fn a_token_for_someone_else_is_refused_unless_the_operator_named_the_audience() {
    let mut app = TestApp::new().await;
    let of = |audience: serde_json::Value| {
        let mut claims = claims("alice", None);
        claims["aud"] = audience;
        sign(&Header::new(Algorithm::RS256), &claims)
    };
    let (another, ours) = (of("https://db.example.com".into()), of(serde_json::json!(["x", "footnote"])));
    for token in [&another, &ours] {
        assert_eq!(app.get("/v1/documents", token).await.status, 401);
    }
    app.restart(&[("CLERK_AUDIENCES", "footnote, footnote-staging")]).await;
    assert_eq!(app.get("/v1/documents", &another).await.status, 401);
    assert_eq!(app.get("/v1/documents", &ours).await.status, 200);
    assert_eq!(app.get("/v1/documents", &token("alice", None)).await.status, 200);
}
