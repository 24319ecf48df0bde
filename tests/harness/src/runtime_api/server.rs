//! The server side of the Lambda Runtime API: hands events to the process that asks, and passes on what it answers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::extract::{self, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::FunctionError;

// AWS's own odd limit: 6 MiB and 100 bytes.
const RESPONSE_MAX_BYTES: usize = 6_291_556;

/// An event on its way to the process, and where its answer goes.
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) event: String,
    pub(super) deadline: Duration,
    pub(super) parts: mpsc::UnboundedSender<Part>,
}

/// What the process says about the event it took.
pub(super) enum Part {
    Delivered,
    Begun,
    Prelude(Value),
    Chunk(Vec<u8>),
    End(Option<FunctionError>),
}

struct RuntimeApi {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Delivery>>,
    taken: Mutex<Option<Delivery>>,
    init_error: Arc<OnceLock<FunctionError>>,
}

/// Serves the Runtime API until `stopped`, and tells where.
pub(super) fn serve(
    waiting: mpsc::UnboundedReceiver<Delivery>,
    init_error: Arc<OnceLock<FunctionError>>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?.to_string();
    // Otherwise an answer waits for the other side's delayed acknowledgement.
    let listener =
        tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| drop(stream.set_nodelay(true)));
    let api = Arc::new(RuntimeApi {
        waiting: tokio::sync::Mutex::new(waiting),
        taken: Mutex::default(),
        init_error,
    });
    let routes = axum::Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{request_id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_failed))
        .with_state(api);
    let serving = axum::serve(listener, routes).with_graceful_shutdown(async move { drop(stopped.await) });
    tokio::spawn(serving.into_future());
    Ok(address)
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response<Body> {
    let Some(delivery) = api.waiting.lock().await.recv().await else {
        return reply(StatusCode::INTERNAL_SERVER_ERROR, "Container.Stopped");
    };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + delivery.deadline;
    let trace = "Root=1-69b30ffe-1a2b3c4d5e6f708192a3b4c5;Parent=53995c3f42cd8ad8;Sampled=0";
    delivery.parts.send(Part::Delivered).ok();
    let answer = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &delivery.request_id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", &delivery.function_arn)
        .header("lambda-runtime-trace-id", trace)
        .body(Body::from(delivery.event.clone()));
    *api.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivery);
    answer.expect("headers made of plain words")
}

async fn response(
    State(api): State<Arc<RuntimeApi>>,
    extract::Path(request_id): extract::Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let Some(parts) = api.settle(&request_id) else {
        return reply(StatusCode::BAD_REQUEST, "InvalidRequestID");
    };
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    parts.send(Part::Begun).ok();
    if is("lambda-runtime-function-response-mode", "streaming") {
        let http = is("content-type", "application/vnd.awslambda.http-integration-response");
        if let Some(end) = relay(body, http, &parts).await {
            parts.send(end).ok();
        }
        return reply(StatusCode::ACCEPTED, "OK");
    }
    match to_bytes(body, usize::MAX).await {
        Err(_) => None,
        Ok(body) if body.len() > RESPONSE_MAX_BYTES => {
            let cause = format!(
                "Response payload size exceeded maximum allowed payload size ({RESPONSE_MAX_BYTES} bytes)."
            );
            let error =
                FunctionError { error_type: "Function.ResponseSizeTooLarge".into(), error_message: cause };
            parts.send(Part::End(Some(error))).ok();
            return reply(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge");
        }
        Ok(body) => {
            parts.send(Part::Chunk(body.into())).ok();
            parts.send(Part::End(None)).ok()
        }
    };
    reply(StatusCode::ACCEPTED, "OK")
}

/// Passes a stream on as it arrives; returns how it ended, which its trailers say, or none if it broke off.
async fn relay(mut body: Body, http: bool, parts: &mpsc::UnboundedSender<Part>) -> Option<Part> {
    const SEPARATOR: [u8; 8] = [0; 8];
    let mut head = http.then(Vec::new);
    if !http {
        parts.send(Part::Prelude(Value::Null)).ok();
    }
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return None };
        let mut chunk = match frame.into_data() {
            Ok(data) => Vec::from(data),
            Err(frame) => {
                trailers.extend(frame.into_trailers().unwrap_or_default());
                continue;
            }
        };
        if let Some(mut prelude) = head.take() {
            prelude.append(&mut chunk);
            let Some(end) = prelude.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) else {
                head = Some(prelude);
                continue;
            };
            chunk = prelude.split_off(end + SEPARATOR.len());
            prelude.truncate(end);
            parts.send(Part::Prelude(serde_json::from_slice(&prelude).unwrap_or_default())).ok();
        }
        if !chunk.is_empty() {
            parts.send(Part::Chunk(chunk)).ok();
        }
    }
    let trailer = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    Some(Part::End(trailer("lambda-runtime-function-error-type").map(|error_type| {
        let report = BASE64.decode(trailer("lambda-runtime-function-error-body").unwrap_or_default());
        FunctionError::from_report(Some(error_type), &report.unwrap_or_default())
    })))
}

async fn error(
    State(api): State<Arc<RuntimeApi>>,
    extract::Path(request_id): extract::Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let Some(parts) = api.settle(&request_id) else {
        return reply(StatusCode::BAD_REQUEST, "InvalidRequestID");
    };
    parts.send(Part::Begun).ok();
    parts.send(Part::End(Some(reported(&headers, body).await))).ok();
    reply(StatusCode::ACCEPTED, "OK")
}

async fn init_failed(State(api): State<Arc<RuntimeApi>>, headers: HeaderMap, body: Body) -> Response<Body> {
    // Every event from now on fails so, once the process has ended.
    api.init_error.set(reported(&headers, body).await).ok();
    reply(StatusCode::ACCEPTED, "OK")
}

async fn reported(headers: &HeaderMap, body: Body) -> FunctionError {
    let error_type = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let report = to_bytes(body, usize::MAX).await.unwrap_or_default();
    FunctionError::from_report(error_type, &report)
}

fn reply(status: StatusCode, what: &str) -> Response<Body> {
    let body = if status.is_success() { json!({ "status": what }) } else { json!({ "errorType": what }) };
    let mut reply = Response::new(Body::from(body.to_string()));
    *reply.status_mut() = status;
    reply
}

impl RuntimeApi {
    /// An event is answered once, and only the one that was taken.
    fn settle(&self, request_id: &str) -> Option<mpsc::UnboundedSender<Part>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let delivery = taken.take_if(|taken| taken.request_id == request_id)?;
        Some(delivery.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEADLINE;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const BASE: &str = "/2018-06-01/runtime";

    async fn send(address: &str, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{body}");
        stream.write_all(request.replace('|', "\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn delivery(request_id: &str) -> (Delivery, mpsc::UnboundedReceiver<Part>) {
        let (parts, arriving) = mpsc::unbounded_channel();
        let (request_id, function_arn) = (request_id.to_owned(), "arn:aws:lambda:x".to_owned());
        (Delivery { request_id, function_arn, event: "{}".into(), deadline: DEADLINE, parts }, arriving)
    }

    #[tokio::test]
    async fn an_event_is_answered_once_and_by_its_id() {
        let (events, waiting) = mpsc::unbounded_channel();
        let (_serving, stopped) = oneshot::channel();
        let address = serve(waiting, Arc::default(), stopped).unwrap();
        let (event, mut arriving) = delivery("one");
        events.send(event).ok().unwrap();
        let next = send(&address, &format!("GET {BASE}/invocation/next"), "|").await;
        for header in
            ["aws-request-id: one", "deadline-ms: 1", "invoked-function-arn: arn:", "trace-id: Root=1-"]
        {
            assert!(next.contains(&format!("lambda-runtime-{header}")), "{next}");
        }
        let answers = [("two", "400 Bad"), ("one", "202 Accepted"), ("one", "400 Bad")];
        for (request_id, status) in answers {
            let head = format!("POST {BASE}/invocation/{request_id}/response");
            let answer = send(&address, &head, "content-length: 2||{}").await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request_id}: {answer}");
        }
        let parts =
            [arriving.recv().await, arriving.recv().await, arriving.recv().await, arriving.recv().await];
        let expected = matches!(
            &parts,
            [Some(Part::Delivered), Some(Part::Begun), Some(Part::Chunk(body)), Some(Part::End(None))] if body == b"{}"
        );
        assert!(expected);
    }

    #[tokio::test]
    async fn a_failed_start_is_remembered() {
        let (_events, waiting) = mpsc::unbounded_channel();
        let (_serving, stopped) = oneshot::channel();
        let init_error: Arc<OnceLock<FunctionError>> = Arc::default();
        let address = serve(waiting, Arc::clone(&init_error), stopped).unwrap();
        let body = r#"content-length: 24||{"errorMessage":"no db"}"#;
        let head = "lambda-runtime-function-error-type: Runtime.InitError";
        let answer = send(&address, &format!("POST {BASE}/init/error"), &format!("{head}|{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        let (error_type, error_message) = ("Runtime.InitError".to_owned(), "no db".to_owned());
        assert_eq!(init_error.get(), Some(&FunctionError { error_type, error_message }));
    }

    #[tokio::test]
    async fn a_stream_arrives_in_pieces_and_its_trailers_tell_its_error() {
        let (events, waiting) = mpsc::unbounded_channel();
        let (_serving, stopped) = oneshot::channel();
        let address = serve(waiting, Arc::default(), stopped).unwrap();
        let (event, mut arriving) = delivery("one");
        events.send(event).ok().unwrap();
        send(&address, &format!("GET {BASE}/invocation/next"), "|").await;

        // The prelude ends within the second chunk: chunks of HTTP mean nothing.
        let report = BASE64.encode(r#"{"errorType":"Cut","errorMessage":"half way"}"#);
        let body = format!(
            "lambda-runtime-function-response-mode: streaming|transfer-encoding: chunked|\
             content-type: application/vnd.awslambda.http-integration-response|\
             trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body||\
             10|{{\"statusCode\":20|a|0}}\0\0\0\0\0\0\0\0|3|one|3|two|0|\
             Lambda-Runtime-Function-Error-Type: Other|Lambda-Runtime-Function-Error-Body: {report}||"
        );
        let answer = send(&address, &format!("POST {BASE}/invocation/one/response"), &body).await;
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        let (mut prelude, mut text, mut last) = (Value::Null, Vec::new(), None);
        while let Some(part) = arriving.recv().await {
            match part {
                Part::Prelude(value) => prelude = value,
                Part::Chunk(chunk) => text.extend(chunk),
                Part::End(error) => last = error,
                Part::Delivered | Part::Begun => {}
            }
        }
        assert_eq!((prelude["statusCode"].as_u64(), &text[..]), (Some(200), &b"onetwo"[..]));
        assert_eq!(
            last.unwrap(),
            FunctionError { error_type: "Cut".into(), error_message: "half way".into() }
        );
    }
}
