//! Sizes: what is just small enough, what is too large, and what lies about it.

use axum::{
    body::Body,
    http::{Method, header},
};
use harness::{
    app::{Answered, TestApp, request},
    parts::token,
};
use serde_json::json;

use super::{fixture, send, send_form};

const LIMIT: usize = 4 * 1024 * 1024;

fn padded(size: usize) -> Vec<u8> {
    let mut bytes = fixture("two-pages");
    bytes.resize(size, b'\n');
    bytes
}

/// A body of pieces, of which nobody says how long it will be.
fn pieces(bytes: &[u8]) -> Body {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        bytes.chunks(64 * 1024).map(|piece| Ok(piece.to_vec())).collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

#[track_caller]
fn assert_too_large(answered: &Answered, limit: usize) {
    assert_eq!(answered.status, 413, "{}", answered.text());
    let problem = answered.json();
    assert_eq!((&problem["code"], &problem["error"]), (&json!("too_large"), &json!("Payload too large")));
    assert_eq!(problem["detail"], format!("the body may have at most {limit} bytes"));
}

#[tokio::test]
async fn four_mebibytes_are_taken_and_a_byte_more_is_not() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let kind = "application/pdf";
    let taken = send(&app, &alice, "", kind, padded(LIMIT)).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    assert_too_large(&send(&app, &alice, "", kind, padded(LIMIT + 1)).await, LIMIT);
    assert_too_large(&send(&app, &alice, "", kind, pieces(&padded(LIMIT + 1))).await, LIMIT);

    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"";
    assert_eq!(send_form(&app, &alice, &[(head, &padded(LIMIT))]).await.status, 202);
    assert_too_large(&send_form(&app, &alice, &[(head, &padded(LIMIT + 1))]).await, LIMIT);
    let form = LIMIT + 64 * 1024;
    assert_too_large(&send_form(&app, &alice, &[(head, &padded(form))]).await, form);

    let long = json!({ "filename": "a".repeat(70_000) }).to_string();
    assert_too_large(&send(&app, &alice, "", "application/json", long).await, 64 * 1024);
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 2);
    assert_eq!(app.versions("").await, 2);
}

#[tokio::test]
async fn a_length_that_lies_changes_nothing() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let send = async |length: &str, body: Body| {
        let request = request(Method::POST, "/v1/documents", &alice);
        let request =
            request.header(header::CONTENT_TYPE, "application/pdf").header(header::CONTENT_LENGTH, length);
        app.send(request.body(body).unwrap()).await
    };
    // Refused before a byte is read, or as soon as there are too many.
    assert_too_large(&send("4194305", Body::from(fixture("two-pages"))).await, LIMIT);
    assert_too_large(&send("18446744073709551615", Body::from(fixture("two-pages"))).await, LIMIT);
    assert_too_large(&send("5", pieces(&padded(LIMIT + 1))).await, LIMIT);
    assert_too_large(&send("soon", pieces(&padded(LIMIT + 1))).await, LIMIT);
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 0);
    assert_eq!(app.versions("").await, 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    for kind in ["application/pdf", "application/json", "multipart/form-data; boundary=a-boundary"] {
        let pieces =
            [Ok(fixture("two-pages")), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
        let refused =
            send(&app, &alice, "", kind, Body::from_stream(futures_util::stream::iter(pieces))).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("incomplete_body")),
            "{kind}"
        );
    }
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 0);
    assert_eq!(app.versions("").await, 0);
}
