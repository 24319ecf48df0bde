//! An answer as server-sent events, each sent as soon as it is certain: which language they are in, and the way of what
//! is told to the reader. The languages are in files of their own.

mod footnote;
mod ui_message;

use std::{convert::Infallible, time::Duration, time::Instant};

use anyhow::anyhow;
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use shared::{
    Error, Result,
    domain::{
        answer::Answer,
        citation::Citation,
        ids::{ConversationId, MessageId},
    },
    http::tell_problem,
};
use tokio::{sync::mpsc::Receiver, task::JoinHandle};
use tracing::{Instrument, Span};

pub use self::footnote::Described;
use self::{footnote::Footnote, ui_message::UiMessage};
use crate::outlet::{Outlet, Told, WAITING_MAX};

/// How often a comment keeps proxies awake while nothing else comes.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const EVENT_STREAM: &str = "text/event-stream";
/// By this header the AI SDK's stream is known, and may be asked for.
const UI_MESSAGE: HeaderName = HeaderName::from_static("x-vercel-ai-ui-message-stream");
const UI_MESSAGE_VERSION: &str = "v1";

/// The language of the events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// `start`, `token`, `citation`, `usage`, `done`, `error`.
    Footnote,
    /// The AI SDK's UI message stream, version 1.
    UiMessage,
}

/// What is known of an answer before it begins.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    /// The message.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The request, as problems name it.
    pub request: uuid::Uuid,
}

/// What an answer's parts are in one language.
trait Language: Send {
    fn start(&mut self, ids: &Ids) -> Vec<Event>;
    fn text(&mut self, text: &str) -> Vec<Event>;
    fn citation(&mut self, citation: &Citation) -> Vec<Event>;
    /// The end of an answer that is whole.
    fn done(&mut self, answer: &Answer) -> Vec<Event>;
    /// The end of one that is not. The problem is a JSON object.
    fn failed(&mut self, problem: String, answer: Option<&Answer>) -> Vec<Event>;
}

/// Whether the answer is followed, and in which language: whether, as the request's body says, else as its headers do.
pub fn protocol(headers: &HeaderMap, stream: Option<bool>) -> Option<Protocol> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut accepted = accepted.flat_map(|value| value.split(',')).filter_map(event_stream);
    let by_accept = accepted.next();
    let by_header = headers.get(UI_MESSAGE).is_some_and(|version| version == UI_MESSAGE_VERSION);
    if !stream.unwrap_or(by_header || by_accept.is_some()) {
        return None;
    }
    Some(if by_header { Protocol::UiMessage } else { by_accept.unwrap_or(Protocol::Footnote) })
}

/// The language that a media range of the Accept header asks for; none where it asks for no events.
fn event_stream(range: &str) -> Option<Protocol> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(EVENT_STREAM) {
        return None;
    }
    let is_ui_message = parts.any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.eq_ignore_ascii_case("protocol") && value.trim_matches('"').eq_ignore_ascii_case("ui-message")
    });
    Some(if is_ui_message { Protocol::UiMessage } else { Protocol::Footnote })
}

/// Begins the work and sends what it tells, then what it answers. A fault before it tells anything is the response's own.
/// The work goes on beside the response, so that it learns of a reader who goes away, and can still record what was
/// written until then.
pub async fn respond<F>(
    protocol: Protocol,
    ids: Ids,
    deadline: Instant,
    work: impl FnOnce(Outlet) -> F,
) -> Result<Response>
where
    F: Future<Output = Result<Answer>> + Send + 'static,
{
    let (outlet, mut told) = Outlet::followed(deadline);
    let work = tokio::spawn(work(outlet).in_current_span());
    let Some(first) = told.recv().await else {
        return Err(match outcome(work).await {
            Err(error) => error,
            Ok(_) => Error::Internal(anyhow!("an answer was written of which nothing was told")),
        });
    };
    let mut language: Box<dyn Language> = match protocol {
        Protocol::Footnote => Box::new(Footnote),
        Protocol::UiMessage => Box::new(UiMessage::default()),
    };
    let mut start = language.start(&ids);
    start.extend(say(&mut *language, vec![first]));
    let following = Following { told, work: Some(work), language, ids, span: Span::current() };
    let events = stream::iter([start]).chain(stream::unfold(following, Following::next));
    let events = events.flat_map(stream::iter).map(Ok::<_, Infallible>);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    // The layer around all routes has a stricter one.
    headers.remove(header::CACHE_CONTROL);
    // Or nginx would collect what is to be seen at once.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if protocol == Protocol::UiMessage {
        headers.insert(UI_MESSAGE, HeaderValue::from_static(UI_MESSAGE_VERSION));
    }
    Ok(response)
}

/// An answer on its way to the reader.
struct Following {
    told: Receiver<Told>,
    /// None once its outcome was told.
    work: Option<JoinHandle<Result<Answer>>>,
    language: Box<dyn Language>,
    ids: Ids,
    span: Span,
}

impl Following {
    /// All that waits, and after the last of it the end.
    async fn next(mut self) -> Option<(Vec<Event>, Self)> {
        let mut waiting = Vec::new();
        if self.told.recv_many(&mut waiting, WAITING_MAX).await > 0 {
            return Some((say(&mut *self.language, waiting), self));
        }
        let outcome = outcome(self.work.take()?).await;
        let problem =
            |error: &Error| self.span.in_scope(|| tell_problem(error, &self.ids.request.to_string()));
        let events = match outcome {
            Ok(answer) if answer.interrupted => {
                self.language.failed(problem(&Error::Interrupted), Some(&answer))
            }
            Ok(answer) => self.language.done(&answer),
            Err(error) => self.language.failed(problem(&error), None),
        };
        Some((events, self))
    }
}

async fn outcome(work: JoinHandle<Result<Answer>>) -> Result<Answer> {
    work.await.unwrap_or_else(|_| Err(Error::Internal(anyhow!("writing an answer panicked"))))
}

/// What was told, as events. Text that a slow reader has kept waiting goes out in one piece.
fn say(language: &mut dyn Language, told: Vec<Told>) -> Vec<Event> {
    let (mut events, mut text) = (Vec::new(), String::new());
    for told in told {
        match told {
            Told::Begun => {}
            Told::Text(more) => text.push_str(&more),
            Told::Citation(citation) => {
                if !text.is_empty() {
                    events.extend(language.text(&std::mem::take(&mut text)));
                }
                events.extend(language.citation(&citation));
            }
        }
    }
    if !text.is_empty() {
        events.extend(language.text(&text));
    }
    events
}

/// Nothing that is sent has a key that is no text, which is all that could fail.
fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Ids {
        Ids { message: MessageId::new(), conversation: ConversationId::new(), request: uuid::Uuid::nil() }
    }

    fn in_an_hour() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_comment_comes_every_ten_seconds_of_silence() {
        let silent = async |outlet: Outlet| {
            outlet.begin().await.ok();
            std::future::pending().await
        };
        let response = respond(Protocol::Footnote, ids(), in_an_hour(), silent).await.unwrap();
        let mut body = response.into_body().into_data_stream();
        let start = body.next().await.unwrap().unwrap();
        assert!(start.starts_with(b"event: start\n"), "{start:?}");
        for seconds in [10, 20, 30] {
            let began = tokio::time::Instant::now();
            assert_eq!(&body.next().await.unwrap().unwrap()[..], b":\n\n");
            assert_eq!(began.elapsed().as_secs(), 10, "at {seconds}");
        }
    }

    #[tokio::test]
    async fn work_that_panics_fails_by_status_or_by_event() {
        let panics = async |_: Outlet| panic!("a defect");
        let error = respond(Protocol::Footnote, ids(), in_an_hour(), panics).await.unwrap_err();
        assert!(matches!(error, Error::Internal(_)));
        let panics = async |outlet: Outlet| {
            outlet.begin().await.ok();
            panic!("a defect")
        };
        for (protocol, says) in
            [(Protocol::Footnote, "event: error\n"), (Protocol::UiMessage, "data: [DONE]\n")]
        {
            let response = respond(protocol, ids(), in_an_hour(), panics).await.unwrap();
            let pieces: Vec<_> = response.into_body().into_data_stream().collect().await;
            let text: String =
                pieces.into_iter().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect();
            assert!(text.contains(says) && text.contains("urn:footnote:problem:internal"), "{text}");
            assert!(!text.contains("a defect"));
        }
    }
}
