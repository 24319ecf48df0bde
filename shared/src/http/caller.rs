//! The caller, from the session token of a request.

use axum::extract::{FromRef, FromRequestParts};
use http::{header, request::Parts};
use jiff::Timestamp;

use crate::{Error, auth::Auth, domain::caller::Caller};

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
        let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (headers.next(), headers.next()) else {
            return Err(Error::Unauthenticated("there is no Authorization header, or several"));
        };
        let value = value.to_str().map_err(|_| Error::Unauthenticated("the header is not ASCII"))?;
        let (scheme, token) =
            value.split_once(' ').ok_or(Error::Unauthenticated("the header holds no token"))?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::Unauthenticated("the scheme is not Bearer"));
        }
        #[expect(clippy::disallowed_methods, reason = "a request's time is read where the request comes in")]
        let now = Timestamp::now();
        let caller = Auth::from_ref(state).caller(token.trim(), now).await?;
        tracing::Span::current().record("user", caller.user.hashed());
        parts.extensions.insert(Self(caller.clone()));
        Ok(Self(caller))
    }
}
