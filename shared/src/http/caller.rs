//! The caller, from the session token of a request.

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, header, request::Parts};
use jiff::Timestamp;

use super::layer::RequestId;
use crate::{Error, auth::Auth, domain::caller::Caller, error::Reason};

/// Someone whose session token was checked; a handler that takes this is not run for anyone else.
#[derive(Clone)]
pub struct Authenticated(pub Caller);

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Auth: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        // A layer may have asked before the handler does: the limits, the idempotency keys.
        if let Some(Self(caller)) = parts.extensions.get::<Self>() {
            return Ok(Self(caller.clone()));
        }
        let token = token(&parts.headers).map_err(Error::Unauthenticated)?;
        #[expect(clippy::disallowed_methods, reason = "a request's time is read where the request comes in")]
        let now = Timestamp::now();
        let mut caller = Auth::from_ref(state).caller(token, now).await?;
        caller.request = parts.extensions.get::<RequestId>().map(|RequestId(id)| *id);
        tracing::Span::current().record("user", caller.user.hashed());
        parts.extensions.insert(Self(caller.clone()));
        Ok(Self(caller))
    }
}

/// The session token of the one `Authorization: Bearer` header.
fn token(headers: &HeaderMap) -> Result<&str, Reason> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Reason::MISSING)?;
    if values.next().is_some() {
        return Err(Reason::new("several", "there are several Authorization headers"));
    }
    let value = value.to_str().map_err(|_| Reason::new("not_ascii", "the header is not ASCII"))?;
    let (scheme, token) =
        value.split_once(' ').ok_or(Reason::new("no_token", "the header holds no token"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Reason::new("not_bearer", "the scheme is not Bearer"));
    }
    Ok(token.trim())
}
