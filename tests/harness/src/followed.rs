//! A streamed answer, event by event, as its reader gets it.

use std::{collections::VecDeque, pin::pin};

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Method, StatusCode, header};
use futures_util::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::app::{TestApp, request};

/// A response that may still be coming. Dropping it goes away.
pub struct Followed {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: BodyDataStream,
    /// What has come and makes no event yet.
    rest: String,
    events: VecDeque<Event>,
}

/// One event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its data; text where it is no JSON.
    pub data: Value,
}

impl TestApp {
    /// `POST /v1/chat` with these headers; answers as soon as the response begins.
    ///
    /// # Panics
    /// Never: the router does not fail.
    pub async fn follow(&self, token: &str, headers: &[(&str, &str)], body: &Value) -> Followed {
        let mut request =
            request(Method::POST, "/v1/chat", token).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        Followed {
            status: parts.status,
            headers: parts.headers,
            body: body.into_data_stream(),
            rest: String::new(),
            events: VecDeque::new(),
        }
    }
}

impl Followed {
    /// The next event; none after the last.
    ///
    /// # Panics
    /// Where the body breaks off or is no text.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let Some(piece) = pin!(self.body.next()).await else {
                assert_eq!(self.rest, "", "an event has no end");
                return None;
            };
            self.rest.push_str(std::str::from_utf8(&piece.expect("a whole body")).expect("text"));
            while let Some((block, rest)) = self.rest.split_once("\n\n") {
                self.events.extend(event(block));
                self.rest = rest.to_owned();
            }
        }
    }

    /// All that still comes.
    ///
    /// # Panics
    /// Likewise.
    pub async fn all(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// An event's block; none of a comment.
fn event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data")?;
    let name = field("event").unwrap_or_default().to_owned();
    Some(Event { name, data: serde_json::from_str(data).unwrap_or_else(|_| data.into()) })
}

/// The data of the events of that name.
pub fn named<'a>(events: &'a [Event], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event.name == name).map(|event| &event.data).collect()
}

/// The texts of all tokens, put together.
///
/// # Panics
/// Where a token has no text.
pub fn text(events: &[Event]) -> String {
    named(events, "token").iter().map(|token| token["text"].as_str().expect("a text")).collect()
}
