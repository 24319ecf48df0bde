//! What stands around every route: headers, CORS, methods, the operator's switches.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use harness::{
    app::{TestApp, request, sample},
    parts::token,
};
use serde_json::json;

#[tokio::test]
async fn every_response_carries_the_headers_that_protect_it() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    for (method, path, token) in [
        (Method::GET, "/health", ""),
        (Method::GET, "/nowhere", ""),
        (Method::PUT, "/v1/chat", ""),
        (Method::GET, "/v1/documents", ""),
        (Method::GET, "/v1/documents", alice.as_str()),
        (Method::GET, "/v1/documents/no-id", alice.as_str()),
    ] {
        let answered = app.call(method, path, token).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answered.headers[name], value, "{path}");
        }
        assert!(
            answered.headers.contains_key("permissions-policy")
                && answered.headers.contains_key("x-request-id")
        );
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let app = TestApp::new().await;
    let nowhere = app.get("/nowhere", "").await;
    assert_eq!((nowhere.status.as_u16(), nowhere.json()["code"].as_str()), (404, Some("not_found")));
    let method = app.call(Method::PUT, "/v1/documents", "").await;
    assert_eq!((method.status.as_u16(), method.json()["code"].as_str()), (405, Some("method_not_allowed")));
    let allowed = method.headers[header::ALLOW].to_str().unwrap();
    assert!(allowed.contains("POST") && allowed.contains("GET"), "{allowed}");
    assert_eq!(method.headers[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn a_path_that_is_no_text_is_a_problem_too() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    for (method, path, status, code) in [
        (Method::DELETE, "/v1/users/%ff", 403, "forbidden"),
        (Method::DELETE, "/api/users/%ff", 403, "forbidden"),
        (Method::GET, "/v1/documents/%ff", 404, "not_found"),
        (Method::GET, "/%ff", 404, "not_found"),
    ] {
        let answered = app.call(method, path, &alice).await;
        assert_eq!(answered.headers[header::CONTENT_TYPE], "application/problem+json", "{path}");
        assert_eq!(
            (answered.status.as_u16(), answered.json()["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
    }
}

fn preflight(origin: &str) -> Request<Body> {
    Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/chat")
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization, content-type, idempotency-key")
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_and_no_others() {
    let app = TestApp::with(&[("CORS_ALLOWED_ORIGINS", "https://app.example.com")]).await;
    let allowed = app.send(preflight("https://app.example.com")).await;
    assert!(allowed.status.is_success());
    assert_eq!(allowed.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
    assert!(allowed.headers.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).is_none());
    for stranger in ["https://evil.example", "https://app.example.com.evil.example", "null"] {
        let refused = app.send(preflight(stranger)).await;
        assert!(refused.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none(), "{stranger}");
    }
    // Errors too must be readable by the page that caused them.
    let unauthenticated =
        request(Method::GET, "/v1/documents", "").header(header::ORIGIN, "https://app.example.com");
    let answered = app.send(unauthenticated.body(Body::empty()).unwrap()).await;
    assert_eq!(answered.status, 401);
    assert_eq!(answered.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
}

#[tokio::test]
async fn maintenance_closes_all_doors_but_health() {
    let app = TestApp::with(&[("MAINTENANCE_MODE", "true")]).await;
    let alice = token("alice", None);
    for path in ["/v1/documents", "/v1/documents/0198c0de-0000-7000-8000-000000000000"] {
        let answered = app.get(path, &alice).await;
        assert_eq!(answered.status, 503);
        assert_eq!(answered.headers[header::RETRY_AFTER], "3600");
        assert_eq!(answered.json()["error"], "System under maintenance. Back soon!");
    }
    let chat = app.post("/v1/chat", &alice, &json!({ "message": "Anyone?" })).await;
    assert_eq!((chat.status.as_u16(), chat.json()["code"].as_str()), (503, Some("maintenance")));
    assert_eq!(app.call(Method::DELETE, "/v1/users/alice", &alice).await.status, 503);
    let health = app.get("/health", "").await;
    assert_eq!((health.status.as_u16(), health.json()["status"].as_str()), (200, Some("maintenance")));
}

#[tokio::test]
async fn chat_and_uploads_are_switched_off_alone() {
    let alice = token("alice", None);
    let app = TestApp::with(&[("DISABLE_CHAT", "true")]).await;
    let chat = app.post("/v1/chat", &alice, &json!({ "message": "Anyone?" })).await;
    assert_eq!((chat.status.as_u16(), chat.json()["code"].as_str()), (503, Some("switched_off")));
    for readable in ["/v1/documents", "/v1/conversations"] {
        assert_eq!(app.get(readable, &alice).await.status, 200, "{readable}");
    }

    let app = TestApp::with(&[("DISABLE_UPLOADS", "true")]).await;
    assert_eq!(app.upload(&alice, "a.pdf", sample()).await.status, 503);
    assert_eq!(app.get("/v1/documents", &alice).await.status, 200);
    assert_eq!(app.post("/v1/chat", &alice, &json!({ "message": "Anyone?" })).await.status, 200);
}

#[tokio::test]
async fn identity_headers_of_the_client_mean_nothing() {
    let app = TestApp::new().await;
    let spoofed = request(Method::GET, "/v1/documents", "")
        .header("x-user-id", "alice")
        .header("x-workspace-id", "acme")
        .header("x-amzn-oidc-identity", "alice");
    assert_eq!(app.send(spoofed.body(Body::empty()).unwrap()).await.status, 401);
}
