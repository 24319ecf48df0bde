//! Lists in pieces: how many, from where on, and where the next piece is (RFC 8288).

use std::str::FromStr;

use axum::response::Response;
use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::{Error, Result, storage::decode_key};

/// Entries in one answer, unless the request asks for fewer or more.
const LIMIT: u32 = 50;
/// The most that a request may ask for.
const LIMIT_MAX: u32 = 200;

/// How long a piece of a list is, for the OpenAPI document. Where it begins is an id of the list's own kind.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Limit {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

const _: () = assert!(LIMIT == 50 && LIMIT_MAX == 200, "a piece's bounds are described as they are checked");

/// Which piece of a list is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece<I> {
    limit: u32,
    /// The last entry of the piece before.
    pub cursor: Option<I>,
}

impl<I: FromStr + Copy + ToString> Piece<I> {
    /// What the request's query asks for.
    pub fn asked(text: Option<&str>) -> Result<Self> {
        let mut piece = Self { limit: LIMIT, cursor: None };
        for (name, value) in query(text.unwrap_or_default())? {
            let value = value.as_str().unwrap_or_default();
            match name.as_str() {
                "limit" => {
                    let number = whole(value).filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    let message = || format!("Must be a whole number from 1 to {LIMIT_MAX}");
                    piece.limit =
                        number.ok_or_else(|| Error::invalid("limit", "invalid_value", message()))?;
                }
                "cursor" => {
                    let invalid = |_| Error::invalid("cursor", "invalid_format", "Invalid cursor");
                    piece.cursor = Some(value.parse().map_err(invalid)?);
                }
                _ => {
                    let message = "The query takes limit and cursor only";
                    return Err(Error::invalid("query", "unrecognized_keys", message));
                }
            }
        }
        Ok(piece)
    }

    /// How many entries to fetch: one more than asked for tells whether there is a next piece.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts what was fetched to what was asked for; answers where the next piece begins, if there is one.
    pub fn cut<T>(&self, fetched: &mut Vec<T>, id: impl Fn(&T) -> I) -> Option<I> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = fetched.len() > limit;
        fetched.truncate(limit);
        fetched.last().map(id).filter(|_| has_more)
    }

    /// Says in the response's `Link` header where the next piece is.
    pub fn link(&self, response: &mut Response, path: &str, next: Option<I>) -> Result<()> {
        let Some(next) = next.map(|next| next.to_string()) else { return Ok(()) };
        let link = format!("<{path}?limit={}&cursor={next}>; rel=\"next\"", self.limit);
        let link = HeaderValue::from_str(&link).map_err(anyhow::Error::from)?;
        response.headers_mut().insert(header::LINK, link);
        Ok(())
    }
}

/// A whole number that is written with digits and nothing else.
pub fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The query's members, decoded (WHATWG URL, "application/x-www-form-urlencoded"), each once.
pub fn query(text: &str) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let undecodable = || Error::malformed("invalid_query", "The query is not percent-encoded UTF-8.");
        let name = decode_key(name).map_err(|_| undecodable())?;
        let value = decode_key(value).map_err(|_| undecodable())?;
        if members.insert(name.clone(), value.into()).is_some() {
            return Err(Error::invalid(&name, "custom", "This member comes twice"));
        }
    }
    Ok(members)
}
