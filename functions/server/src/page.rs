//! The page of a development stack: one static file that uploads, asks and shows citations in place.

use std::sync::LazyLock;

use axum::{
    Router,
    response::{Html, IntoResponse},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use shared::domain::hash::sha256;

const PAGE: &str = include_str!("page.html");

/// Nothing may run or style the page but its own two elements, known by their hashes. It may talk to this server and, for
/// uploads, to wherever the object store is.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash_of = |open: &str, close: &str| {
        let (_, rest) = PAGE.split_once(open)?;
        let (inside, _) = rest.split_once(close)?;
        Some(STANDARD.encode(sha256(inside.as_bytes())))
    };
    let (script, style) = (hash_of("<script>", "</script>")?, hash_of("<style>", "</style>")?);
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; connect-src 'self' http: https:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

pub fn routes() -> Router {
    Router::new().route("/", get(page))
}

async fn page() -> impl IntoResponse {
    let mut response = Html(PAGE).into_response();
    if let Some(policy) = POLICY.clone() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
