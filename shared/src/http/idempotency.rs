//! `Idempotency-Key` on requests that make something: the same key and request replays the first answer byte for byte, the
//! same key with another request is refused, and while the first is being worked on the second has to wait.

use std::time::Duration;

use aws_lc_rs::digest;
use axum::{
    body::Body,
    extract::{FromRef, FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use uuid::Uuid;

use super::{Authenticated, read_bounded};
use crate::{
    Error, Result,
    auth::Auth,
    db::{
        self,
        idempotency::{self, Claim, Kept},
    },
    domain::caller::Caller,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const FILENAME: HeaderName = HeaderName::from_static("x-filename");
/// Says that a response was replayed.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The most characters of a key.
pub(super) const KEY_CHARACTERS_MAX: usize = 255;
/// What an invocation may take: the HTTP API gives up after 29 s, and a killed one must not hold the key for longer.
const WORK_MAX: Duration = Duration::from_secs(29);
/// The most bytes of a response that is kept.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// What the middleware needs.
#[derive(Clone)]
pub struct Idempotency {
    /// Checks session tokens: a key is its owner's own.
    pub auth: Auth,
    /// Holds the keys.
    pub db: db::Pool,
    /// The most bytes of a body that the routes take.
    pub body_bytes_max: usize,
}

impl FromRef<Idempotency> for Auth {
    fn from_ref(state: &Idempotency) -> Self {
        state.auth.clone()
    }
}

/// The middleware, for `from_fn_with_state`. Requests without the header pass untouched.
pub async fn once(State(state): State<Idempotency>, request: Request, next: Next) -> Result<Response> {
    let Some(key) = key_of(request.headers())? else { return Ok(next.run(request).await) };
    let (mut parts, body) = request.into_parts();
    let Authenticated(caller) = Authenticated::from_request_parts(&mut parts, &state).await?;
    let mut request = Request::from_parts(parts, body);
    let head = [request.method().as_str(), request.uri().path(), request.uri().query().unwrap_or_default()]
        .join("\n");
    // What in the headers is part of what is asked.
    let said = [header::CONTENT_TYPE, FILENAME].map(|name| request.headers().get(name).cloned());
    let (parts, body) = request.into_parts();
    let bytes = read_bounded(Request::from_parts(parts.clone(), body), state.body_bytes_max).await?;
    let hash = hash(&head, &said, &bytes);
    request = Request::from_parts(parts, Body::from(bytes));

    let tenant = state.db.each((&caller).into()).await?;
    let claimed = idempotency::claim(&tenant, &caller, &key, &hash, WORK_MAX).await?;
    drop(tenant);
    match claimed {
        Claim::Ours(claim) => {
            let response = next.run(request).await;
            settle(&state, &caller, &key, claim, response).await
        }
        Claim::Other => Err(Error::KeyReused),
        Claim::InFlight(retry_after) => Err(Error::InFlight { retry_after }),
        Claim::Done(kept) => Ok(replay(kept)),
    }
}

/// Keeps a success; anything else is let go, so that the caller may mend the request or try again.
async fn settle(
    state: &Idempotency,
    caller: &Caller,
    key: &str,
    claim: Uuid,
    response: Response,
) -> Result<Response> {
    let (parts, body) = response.into_parts();
    let streamed = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event"));
    if !parts.status.is_success() || streamed {
        let tenant = state.db.each(caller.into()).await?;
        idempotency::release(&tenant, key, claim).await?;
        return Ok(Response::from_parts(parts, body));
    }
    let body = body.collect().await.map_err(|error| Error::Internal(error.into()))?.to_bytes();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kept = Kept {
        status: parts.status.as_u16(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: body.to_vec(),
    };
    let tenant = state.db.each(caller.into()).await?;
    if kept.body.len() <= KEPT_BYTES_MAX {
        idempotency::keep(&tenant, key, claim, &kept).await?;
    } else {
        idempotency::release(&tenant, key, claim).await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(kept: Kept) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, kept.body).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&kept.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The key: 1 to 255 visible ASCII characters, given once.
fn key_of(headers: &HeaderMap) -> Result<Option<String>> {
    let mut given = headers.get_all(KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| {
        given.next().is_none()
            && (1..=KEY_CHARACTERS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let refusal = || {
        Error::invalid("Idempotency-Key", "invalid_format", "Must be 1 to 255 visible ASCII characters, once")
    };
    text.map(|text| Some(text.to_owned())).ok_or_else(refusal)
}

fn hash(head: &str, said: &[Option<HeaderValue>], body: &Bytes) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let said = said.iter().map(|value| value.as_ref().map(HeaderValue::as_bytes).unwrap_or_default());
    for part in [head.as_bytes(), body].into_iter().chain(said) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
