//! What callers see of the limits.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method},
};
use harness::{
    app::{Answered, TestApp, request},
    parts::{now_s, token, unique},
    redis::Redis,
};
use serde_json::json;

fn number(headers: &HeaderMap, name: &str) -> i64 {
    headers.get(name).unwrap_or_else(|| panic!("{name}: {headers:?}")).to_str().unwrap().parse().unwrap()
}

async fn stranger(app: &TestApp, peer: &str, forwarded_for: &str) -> Answered {
    let mut request = request(Method::GET, "/v1/documents", "no.good.token")
        .header("x-forwarded-for", forwarded_for)
        .header("x-real-ip", forwarded_for)
        .header("forwarded", format!("for={forwarded_for}"))
        .body(Body::empty())
        .unwrap();
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    app.send(request).await
}

#[tokio::test]
async fn every_limited_response_says_what_is_left_and_a_refusal_when_to_return() {
    let app = TestApp::with(&[("RATE_LIMITS", "documents.user=3/1d,1000/1h; chat.user=5/1d")]).await;
    let alice = token("alice", None);
    for left in [2, 1, 0] {
        // An error of the handler is a limited response like any other.
        let path = if left == 1 { "/v1/documents/none" } else { "/v1/documents" };
        let answered = app.get(path, &alice).await;
        assert_eq!(answered.status.as_u16(), if left == 1 { 400 } else { 200 });
        let headers = &answered.headers;
        assert_eq!(number(headers, "x-ratelimit-limit"), 3);
        assert_eq!(number(headers, "x-ratelimit-remaining"), left);
        let ahead_s = number(headers, "x-ratelimit-reset") / 1_000 - now_s();
        assert!((-5..=86_400).contains(&ahead_s), "{ahead_s}");
        let policy = "\"documents.user:1d\";q=3;w=86400, \"documents.user:1h\";q=1000;w=3600";
        assert_eq!(headers["ratelimit-policy"], policy);
        let rest = headers["ratelimit"].to_str().unwrap();
        assert!(rest.starts_with(&format!("\"documents.user:1d\";r={left};t=")), "{rest}");
        assert!(!headers.contains_key("retry-after") && !headers.contains_key("x-ratelimit-state"));
    }
    let refused = app.get("/v1/documents", &alice).await;
    assert_eq!(refused.status, 429);
    assert_eq!(number(&refused.headers, "x-ratelimit-remaining"), 0);
    let retry_after_s = number(&refused.headers, "retry-after");
    assert!((1..=86_400).contains(&retry_after_s));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let body = refused.json();
    assert_eq!(body["error"], "Rate limit exceeded");
    assert_eq!(body["code"], "rate_limited");
    assert_eq!(body["status"], 429);
    assert_eq!(body["retryAfter"], json!(retry_after_s));
    assert_eq!(body["request_id"], refused.headers["x-request-id"].to_str().unwrap());

    // Another route and another person have budgets of their own.
    let answered = app.post("/v1/chat", &alice, &json!({})).await;
    assert_eq!((answered.status.as_u16(), number(&answered.headers, "x-ratelimit-remaining")), (400, 4));
    assert_eq!(app.get("/v1/documents", &token("bob", None)).await.status, 200);
}

#[tokio::test]
async fn the_same_budget_holds_at_two_instances() {
    let Some(redis) = Redis::start().await else { return };
    let key = harness::redis::token();
    let own = [
        ("UPSTASH_REDIS_REST_URL", redis.url.as_str()),
        ("UPSTASH_REDIS_REST_TOKEN", key.as_str()),
        ("RATE_LIMITS", "documents.user=6/1d"),
        ("REDIS_TIMEOUT_MS", "5000"),
    ];
    let apps = [TestApp::with(&own).await, TestApp::with(&own).await];
    let user = token(&unique("user"), None);
    let mut seen = Vec::new();
    for turn in 0..9 {
        seen.push(apps[turn % 2].get("/v1/documents", &user).await.status.as_u16());
    }
    assert_eq!(seen, [200, 200, 200, 200, 200, 200, 429, 429, 429]);
}

#[tokio::test]
async fn strangers_are_counted_by_the_address_that_the_socket_saw() {
    let app = TestApp::with(&[("RATE_LIMITS", "anonymous.ip=2/1d")]).await;
    let mut seen = Vec::new();
    for forwarded_for in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        let answered = stranger(&app, "192.0.2.1", forwarded_for).await;
        assert!(answered.headers.contains_key("x-ratelimit-limit"));
        seen.push(answered.status.as_u16());
    }
    assert_eq!(seen, [401, 401, 429]);
    assert_eq!(stranger(&app, "192.0.2.2", "192.0.2.1").await.status, 401);
    // Of IPv6 the network counts.
    for (peer, status) in [("[2001:db8::1]", 401), ("[2001:db8::2]", 401), ("[2001:db8::3]", 429)] {
        assert_eq!(stranger(&app, peer, "192.0.2.9").await.status, status, "{peer}");
    }
    // Whoever has a good token is no stranger, wherever from.
    let alice = token("alice", None);
    let mut request = request(Method::GET, "/v1/documents", &alice).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo("192.0.2.1:1".parse::<SocketAddr>().unwrap()));
    assert_eq!(app.send(request).await.status, 200);
}

#[tokio::test]
async fn health_and_what_is_no_route_are_not_limited() {
    let app = TestApp::with(&[("RATE_LIMITS", "anonymous.ip=1/1d")]).await;
    for _ in 0..5 {
        for (path, status) in [("/health", 200), ("/v1/status", 200), ("/nowhere", 404)] {
            let answered = app.get(path, "").await;
            assert_eq!(answered.status, status, "{path}");
            assert!(!answered.headers.contains_key("x-ratelimit-limit"), "{path}");
        }
        assert_eq!(app.call(Method::PATCH, "/v1/documents", "").await.status, 405);
    }
}
