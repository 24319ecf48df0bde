//! Documents through the public routes: taken in, listed, shown, deleted; and what is refused.

mod delete;
mod fixtures;
mod list;
mod refused;
mod take;
mod too_large;

use axum::{
    body::Body,
    http::{Method, header},
};
use harness::app::{Answered, TestApp, file, request};

/// A PDF of `tests/fixtures/pdf`.
pub fn fixture(name: &str) -> Vec<u8> {
    file(&format!("tests/fixtures/pdf/{name}.pdf"))
}

const BOUNDARY: &str = "a-boundary";

/// A part of a form: its headers' lines and its content.
type Part<'a> = (&'a str, &'a [u8]);

/// A form's bytes.
fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

/// `POST /v1/documents` with any body.
async fn send(
    app: &TestApp,
    token: &str,
    query: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> Answered {
    let request = request(Method::POST, &format!("/v1/documents{query}"), token);
    let request = request.header(header::CONTENT_TYPE, content_type);
    app.send(request.body(body.into()).expect("a request")).await
}

/// `POST /v1/documents` with a form.
async fn send_form(app: &TestApp, token: &str, parts: &[Part<'_>]) -> Answered {
    send(app, token, "", &format!("multipart/form-data; boundary={BOUNDARY}"), form(parts)).await
}
