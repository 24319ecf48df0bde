//! Until when the host waits for a response.

use std::{convert::Infallible, time::Instant};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// When the host gives a request up; none where it waits. A host that knows puts it into the request's extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Deadline(pub Option<Instant>);

impl<S: Send + Sync> FromRequestParts<S> for Deadline {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}
