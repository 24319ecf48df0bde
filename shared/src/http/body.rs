//! JSON bodies: size, media type, schema, then the value itself; and ids in paths.

use axum::{
    extract::{FromRequest, FromRequestParts, RawPathParams, Request as HttpRequest},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::schema::{self, Schema};
use crate::{Error, domain::strict_json, error::Issue};

/// The most bytes of a JSON body; the longest question takes 8,000.
pub const JSON_BYTES_MAX: usize = 64 * 1024;

/// A body that requests may have.
pub trait Request: DeserializeOwned {
    /// What it must look like.
    fn schema() -> &'static Schema;

    /// Other names under which members are accepted: (other, ours).
    const ALIASES: &'static [(&'static str, &'static str)] = &[];
}

/// JSON: a request's body that kept every rule, or a response's.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: Request> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: HttpRequest, _: &S) -> Result<Self, Error> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(Error::UnsupportedMediaType(
                "Send JSON, with `Content-Type: application/json`.".to_owned(),
            ));
        }
        Self::of(read_json(request).await?)
    }
}

/// A body of JSON whose media type was looked at already; nothing else of it was.
pub async fn read_json(request: HttpRequest) -> Result<Value, Error> {
    let bytes = read_bounded(request, JSON_BYTES_MAX).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::malformed("invalid_json", "The body is not UTF-8."))?;
    strict_json::value(text).map_err(|error| {
        let what = if error.is_data() { "has a member twice" } else { "is not JSON" };
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::malformed("invalid_json", format!("The body {what} ({place})."))
    })
}

impl<T: Request> Body<T> {
    /// What a JSON value says, or every rule that it breaks.
    pub fn of(mut value: Value) -> Result<Self, Error> {
        schema::rename(&mut value, T::ALIASES);
        schema::write_whole_numbers_alike(&mut value);
        schema::check(T::schema(), &value)?;
        serde_path_to_error::deserialize(value).map(Self).map_err(|error| {
            let path = error.path().iter().map(ToString::to_string).collect();
            Error::Invalid(vec![Issue { path, code: "custom", message: error.inner().to_string() }])
        })
    }
}

impl<T: Serialize> IntoResponse for Body<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
                (StatusCode::OK, kind, body).into_response()
            }
            Err(error) => Error::Internal(error.into()).into_response(),
        }
    }
}

/// A request's whole body, if it has at most `bytes_max` bytes; a longer one is refused before it is read, where it says
/// how long it is.
pub async fn read_bounded(request: HttpRequest, bytes_max: usize) -> Result<Bytes, Error> {
    let too_large = || Error::TooLarge { limit_bytes: bytes_max as u64 };
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > bytes_max as u64) {
        return Err(too_large());
    }
    match Limited::new(request.into_body(), bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Error::malformed("incomplete_body", "The body ended before it was complete.")),
    }
}

/// The media type in lower case, without its parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// The last parameter-like part of a path named `id`, parsed; what is no id is a broken rule, not a missing thing.
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for PathId<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::NotFound("path"))?;
        let id = params.iter().find(|(name, _)| *name == "id").and_then(|(_, value)| value.parse().ok());
        id.map(Self).ok_or_else(|| Error::invalid("id", "invalid_format", "Invalid UUID"))
    }
}
