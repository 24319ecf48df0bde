//! One address's part of the one process: so many requests at once, so many an hour; and whose word on an address counts.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{Method, Request, StatusCode},
    response::Response,
};
use futures_util::{StreamExt, stream};
use harness::{
    app::{Answered, TestApp, request},
    parts::token,
};
use tokio::sync::oneshot;
use tower::ServiceExt;

fn from(peer: &str, path: &str, token: &str) -> Request<Body> {
    let mut request = request(Method::GET, path, token).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(format!("{peer}:4711").parse::<SocketAddr>().unwrap()));
    request
}

async fn list(app: &TestApp, peer: &str) -> Answered {
    app.send(from(peer, "/v1/documents", &token("alice", None))).await
}

/// Asks until the address is let in again: the wait is of the clock's seconds.
async fn until_in(app: &TestApp, peer: &str) {
    let asked = async {
        while list(app, peer).await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.expect("it is let in again");
}

#[tokio::test]
async fn a_request_is_inside_until_its_body_has_come_and_its_answer_gone() {
    let app = TestApp::with(&[("ADDRESS_REQUESTS_AT_ONCE", "2")]).await;
    // One waits for the rest of its body, one for its reader.
    let (inside, is_inside) = oneshot::channel();
    let (_rest, comes) = oneshot::channel::<Bytes>();
    let first = stream::once(async {
        inside.send(()).ok();
        Ok::<_, std::io::Error>(Bytes::from_static(b"%PDF-1.7"))
    });
    let body =
        Body::from_stream(first.chain(stream::once(async { comes.await.map_err(std::io::Error::other) })));
    let mut slow = request(Method::POST, "/v1/documents", &token("alice", None))
        .header("content-type", "application/pdf")
        .body(body)
        .unwrap();
    slow.extensions_mut().insert(ConnectInfo("192.0.2.1:1".parse::<SocketAddr>().unwrap()));
    let slow = tokio::spawn(app.router.clone().oneshot(slow));
    is_inside.await.unwrap();
    let unread: Response =
        app.router.clone().oneshot(from("192.0.2.1", "/v1/documents", &token("alice", None))).await.unwrap();
    assert_eq!(unread.status(), StatusCode::OK);

    let refused = list(&app, "192.0.2.1").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "1");
    let said = refused.json();
    assert_eq!((said["code"].as_str(), said["retryAfter"].as_u64()), (Some("rate_limited"), Some(1)));
    // Another address, and whoever watches over the process.
    assert_eq!(list(&app, "192.0.2.2").await.status, 200);
    assert_eq!(app.send(from("192.0.2.1", "/health", "")).await.status, 200);

    drop(unread);
    until_in(&app, "192.0.2.1").await;
    // A caller who goes away leaves room as well.
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    let both = tokio::join!(list(&app, "192.0.2.1"), list(&app, "192.0.2.1"));
    assert_eq!([both.0.status, both.1.status], [StatusCode::OK; 2]);
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_blocked_whoever_it_says_it_is() {
    let app = TestApp::with(&[("RATE_LIMITS", "requests.ip=3/1d; documents.user=1000000/1s")]).await;
    for _ in 0..3 {
        assert_eq!(list(&app, "192.0.2.1").await.status, 200);
    }
    let refused = list(&app, "192.0.2.1").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["ratelimit-policy"], "\"requests.ip:1d\";q=3;w=86400");
    assert_eq!(refused.headers["x-ratelimit-remaining"], "0");
    for other in ["bob", "carol"] {
        assert_eq!(app.send(from("192.0.2.1", "/v1/documents", &token(other, None))).await.status, 429);
    }
    assert_eq!(list(&app, "192.0.2.2").await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_counts_and_not_what_it_claims() {
    let own = [("RATE_LIMITS", "anonymous.ip=1/1d"), ("TRUSTED_PROXIES", "10.0.0.0/8")];
    let app = TestApp::with(&own).await;
    let stranger = async |peer: &str, forwarded_for: &str| {
        let mut request = from(peer, "/v1/documents", "no.good.token");
        request.headers_mut().insert("x-forwarded-for", forwarded_for.parse().unwrap());
        app.send(request).await.status.as_u16()
    };
    assert_eq!(stranger("10.0.0.1", "198.51.100.1").await, 401);
    assert_eq!(stranger("10.0.0.1", "198.51.100.2").await, 401);
    assert_eq!(stranger("10.0.0.2", "203.0.113.9, 198.51.100.1").await, 429);
    // A peer that is no proxy of ours speaks for itself only.
    assert_eq!(stranger("192.0.2.1", "198.51.100.3").await, 401);
    assert_eq!(stranger("192.0.2.1", "198.51.100.4").await, 429);
    assert_eq!(stranger("10.0.0.1", "198.51.100.3").await, 401);
}
