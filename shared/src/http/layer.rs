//! The layer around all routes: the request's id, its one log line, problems for errors and panics, headers on every
//! response.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, header};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use super::{
    address::TrustedProxies,
    cors::cors,
    held::held,
    limits::Slot,
    problem::{Pending, body, outline, render},
};
use crate::{Error, env::Env};

/// The id that a response, its log line, its traces and its rows in the audit log share.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same, where the request's extensions hold it.
#[derive(Clone, Copy)]
pub(super) struct RequestId(pub Uuid);

/// Headers of every response. Answers are a person's own and are not to be kept by anyone in between.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains; preload"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Puts the layer around a function's routes (or the server's, which are all of them).
pub fn finish(routes: Router, env: &Env) -> anyhow::Result<Router> {
    let mut routes = routes
        .fallback(async || Error::NotFound("path"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed);
    if let Some(cors) = cors(env)? {
        routes = routes.layer(cors);
    }
    Ok(routes.layer(from_fn_with_state(TrustedProxies::read(env)?, around)))
}

async fn around(State(proxies): State<TrustedProxies>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7();
    request.extensions_mut().insert(RequestId(id));
    let request_id = id.to_string();
    let method = logged(request.method());
    // The pattern, not the path: a path holds ids of people and documents.
    let route =
        request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    // Here, so that it outlives a handler that panics.
    let limited = Slot::default();
    request.extensions_mut().insert(limited.clone());
    let client = proxies.client(request.extensions(), request.headers());
    request.extensions_mut().insert(client);
    let span = tracing::info_span!("request", request_id, user = Empty);
    let mut response = async {
        let mut line = Line { method, route, started, status: GONE, span: Span::current() };
        let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let mut response = outcome.unwrap_or_else(|_| {
            axum::response::IntoResponse::into_response(Error::Internal(anyhow::anyhow!(
                "a handler panicked"
            )))
        });
        if let Some(Pending(error)) = response.extensions_mut().remove::<Pending>() {
            log_error(&error);
            // What others set stays: `Allow` by the router, `Access-Control-…` for the page that caused the error.
            let earlier =
                std::mem::replace(&mut response, render(&error, &request_id)).into_parts().0.headers;
            for (name, value) in earlier.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
                response.headers_mut().entry(name).or_insert_with(|| value.clone());
            }
        }
        if is_stream(&response) {
            // The request goes on as long as its body. Nothing but a success is streamed.
            return response.map(|body| held(body, line, |line| line.status = 200));
        }
        line.status = response.status().as_u16();
        response
    }
    .instrument(span)
    .await;
    let headers = response.headers_mut();
    limited.render(headers);
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// What stands in the log for a request whose caller went away before there was an answer, as in nginx's.
const GONE: u16 = 499;

/// A request's one line. It is written when the request is over, however it ends.
struct Line {
    method: &'static str,
    route: String,
    started: Instant,
    status: u16,
    span: Span,
}

impl Drop for Line {
    fn drop(&mut self) {
        let (method, route, status) = (self.method, &self.route, self.status);
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| {
            tracing::info!(
                event = "request",
                method,
                route,
                status,
                duration_ms,
                "{method} {route} {status}"
            );
        });
    }
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A method of HTTP's own; anybody may write anything else there.
fn logged(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// Logs an error that comes after the response's status was sent, and gives the problem to be told in its place: JSON.
pub fn tell_problem(error: &Error, request_id: &str) -> String {
    log_error(error);
    String::from_utf8(body(error, request_id)).unwrap_or_default()
}

/// Errors are logged here and nowhere else; those that the caller can mend are no one else's business.
fn log_error(error: &Error) {
    let code = outline(error).code;
    match error {
        Error::Internal(cause) => {
            tracing::error!(code, error = format!("{cause:#}"), "a request failed: {code}");
        }
        Error::Unavailable { cause, .. } => {
            tracing::warn!(code, error = format!("{cause:#}"), "a request could not be served: {code}");
        }
        Error::Unauthenticated(reason) => {
            tracing::info!(code, reason = reason.code, "a caller was turned away: {reason}");
        }
        _ => tracing::debug!(code, "a request was refused: {code}"),
    }
}
