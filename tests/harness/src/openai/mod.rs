//! A provider at the socket: OpenAI's chat completions (buffered and streamed) and embeddings, and Anthropic's messages,
//! with the real wire formats and the real ways to fail. What it answers is a script or a function of the request.

mod answer;
mod messages;

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::serve::ListenerExt;
use futures_util::stream;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;

pub use answer::{Answer, Interruption, Text};
use answer::{Step, embeddings};

const BODY_MAX_BYTES: usize = 16 * 1024 * 1024;
type Answerer = Box<dyn Fn(&Value) -> Answer + Send + Sync>;

/// A running provider; dropping it closes its port and its idle connections.
pub struct OpenAi {
    address: std::net::SocketAddr,
    provider: Arc<Provider>,
    _serving: oneshot::Sender<()>,
}

/// A request as it came; the body is null if it was not JSON.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The path, such as `/v1/chat/completions`.
    pub path: String,
    /// All headers, the API key's too.
    pub headers: HeaderMap,
    /// The JSON body.
    pub body: Value,
}

impl OpenAi {
    /// Answers each chat request with the next of `script`, then with 400. Needs a tokio runtime around it.
    pub fn start(script: Vec<Answer>) -> OpenAi {
        let script = Mutex::new(VecDeque::from(script));
        OpenAi::answering(move |_| {
            let next = script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            next.unwrap_or_else(|| Answer::invalid("The script of this test has no further answer."))
        })
    }

    /// Answers each chat request with a function of its body.
    pub fn answering(chat: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> OpenAi {
        OpenAi::answering_both(chat, |request| vectors(request, 1536))
    }

    /// As [`OpenAi::answering`], with a function for embedding requests too; [`vectors`] is the usual one.
    pub fn answering_both(
        chat: impl Fn(&Value) -> Answer + Send + Sync + 'static,
        embeddings: impl Fn(&Value) -> Answer + Send + Sync + 'static,
    ) -> OpenAi {
        let (requests, abandoned) = (watch::Sender::default(), watch::Sender::default());
        let (chat, embeddings) = (Box::new(chat), Box::new(embeddings));
        let provider = Arc::new(Provider { chat, embeddings, requests, abandoned });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a bound port");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a tokio runtime");
        // Otherwise a piece waits for the client's delayed acknowledgement of the one before.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (serving_until, stopped) = oneshot::channel::<()>();
        let routes = axum::Router::new().fallback(serve).with_state(Arc::clone(&provider));
        let serving =
            axum::serve(listener, routes).with_graceful_shutdown(async move { drop(stopped.await) });
        tokio::spawn(serving.into_future());
        OpenAi { address, provider, _serving: serving_until }
    }

    /// The base URL to configure, ending in `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.provider.requests.borrow().clone()
    }

    /// Waits until `count` requests have come.
    pub async fn requested(&self, count: usize) -> Vec<Recorded> {
        let mut requests = self.provider.requests.subscribe();
        requests.wait_for(|requests| requests.len() >= count).await.expect("it lives as long as we").clone()
    }

    /// Waits until the client has given up `count` hanging or unfinished answers.
    pub async fn abandoned(&self, count: usize) {
        let mut abandoned = self.provider.abandoned.subscribe();
        abandoned.wait_for(|abandoned| *abandoned >= count).await.expect("it lives as long as we");
    }
}

/// An embedding per input of `request`, of its `dimensions` or else `dimensions`: see [`vector`].
pub fn vectors(request: &Value, dimensions: usize) -> Answer {
    let inputs = match &request["input"] {
        Value::String(text) => vec![text.as_str()],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if inputs.is_empty() || inputs.len() > 2048 || inputs.iter().any(|text| text.is_empty()) {
        return Answer::invalid("'$.input' is invalid. Please check the API reference.");
    }
    let dimensions =
        request["dimensions"].as_u64().map_or(dimensions, |given| usize::try_from(given).expect("few"));
    Answer::Vectors(inputs.into_iter().map(|text| vector(text, dimensions)).collect())
}

/// A unit vector made of hashes of the words of `text`: the same text has the same one, shared words bring texts near.
pub fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    let text = text.to_lowercase();
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        // FNV-1a; several places for each word, so that two words rarely cancel out.
        for place in 0..4_u8 {
            let hash =
                [place].into_iter().chain(word.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
                });
            let at = usize::try_from((hash >> 8) % dimensions as u64).expect("less than the dimensions");
            vector[at] += if hash & 0x80 == 0 { 1.0 } else { -1.0 };
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| if length > 0.0 { value / length } else { 0.0 }).collect()
}

struct Provider {
    chat: Answerer,
    embeddings: Answerer,
    requests: watch::Sender<Vec<Recorded>>,
    abandoned: watch::Sender<usize>,
}

/// Lives in an answer that has not ended; if the client gives up, that is counted.
struct Unfinished {
    provider: Arc<Provider>,
    ended: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.ended {
            self.provider.abandoned.send_modify(|count| *count += 1);
        }
    }
}

async fn serve(State(provider): State<Arc<Provider>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX_BYTES).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let authorized =
        head.headers.get("authorization").is_some_and(|key| key.as_bytes().starts_with(b"Bearer "));
    let number = provider.requests.borrow().len();
    let headers = head.headers.clone();
    let recorded = Recorded { path: path.clone(), headers: head.headers, body: body.clone() };
    provider.requests.send_modify(|requests| requests.push(recorded));

    // Other providers' prefixes, such as `/openai/v1`, are as good.
    let is_message = path.ends_with("/messages");
    let answer = if is_message {
        messages::refusal(&headers, &body).unwrap_or_else(|| (provider.chat)(&body))
    } else if !authorized {
        Answer::error(401, "invalid_request_error", None, "You didn't provide an API key.")
    } else if path.ends_with("/chat/completions") && head.method == "POST" {
        match (body["model"].is_string(), body["messages"].is_array()) {
            (false, _) => Answer::invalid("you must provide a model parameter"),
            (_, false) => Answer::invalid("Missing required parameter: 'messages'."),
            _ => (provider.chat)(&body),
        }
    } else if path.ends_with("/embeddings") && head.method == "POST" {
        (provider.embeddings)(&body)
    } else {
        Answer::error(404, "invalid_request_error", None, &format!("Invalid URL ({} {path})", head.method))
    };

    let unfinished = Unfinished { provider, ended: false };
    let streamed = body["stream"] == true;
    let (status, own_headers, steps) = match answer {
        Answer::Hang => pending().await,
        Answer::Error { status, headers, body } => (status, headers, vec![Step::Send(body.to_string())]),
        Answer::Vectors(vectors) => {
            (200, Vec::new(), vec![Step::Send(embeddings(&body, &vectors).to_string())])
        }
        Answer::Text(text) if is_message => (200, Vec::new(), messages::streamed(&text, &body, number)),
        Answer::Text(text) if streamed => (200, Vec::new(), text.streamed(&body, number)),
        Answer::Text(text) => (200, Vec::new(), text.whole(&body, number)),
    };
    let kind =
        if streamed && status == 200 { "text/event-stream; charset=utf-8" } else { "application/json" };
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).expect("an HTTP status"))
        .header("content-type", kind)
        .header("x-request-id", format!("req_{number:032x}"));
    for (name, value) in own_headers {
        response = response.header(name, value);
    }
    let pieces =
        stream::unfold((VecDeque::from(steps), unfinished), |(mut steps, mut unfinished)| async move {
            // Lets the connection send what it has, so that a cut loses nothing before it.
            yield_now().await;
            let piece = advance(&mut steps).await?;
            unfinished.ended = steps.is_empty();
            Some((piece, (steps, unfinished)))
        });
    response.body(Body::from_stream(pieces)).expect("headers made of plain words")
}

async fn advance(steps: &mut VecDeque<Step>) -> Option<io::Result<Bytes>> {
    loop {
        match steps.pop_front()? {
            Step::Send(text) => return Some(Ok(text.into())),
            Step::Wait(until) => until.notified().await,
            Step::Hang => pending().await,
            Step::Cut => return Some(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;

    async fn send(provider: &OpenAi, path: &str, body: Value) -> TcpStream {
        let mut stream = TcpStream::connect(provider.address).await.unwrap();
        let (body, length) = (body.to_string(), body.to_string().len());
        let head = format!(
            "POST /v1/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer k\r\n"
        );
        let request = format!("{head}content-length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(provider: &OpenAi, path: &str, body: Value) -> String {
        let mut answer = Vec::new();
        // A cut may be a reset.
        send(provider, path, body).await.read_to_end(&mut answer).await.ok();
        String::from_utf8(answer).unwrap()
    }

    fn question(stream: bool) -> Value {
        json!({ "model": "m", "messages": [{ "role": "user", "content": "?" }], "stream": stream,
            "stream_options": { "include_usage": true } })
    }

    #[tokio::test]
    async fn the_same_answer_comes_whole_or_streamed() {
        let provider = OpenAi::answering(|_| Answer::text("one two").usage(5, 2));
        let whole = ask(&provider, "chat/completions", question(false)).await;
        assert!(whole.contains(r#""content":"one two""#) && whole.contains(r#""total_tokens":7"#), "{whole}");
        let streamed = ask(&provider, "chat/completions", question(true)).await;
        assert_eq!(streamed.matches("data: {").count(), 5, "{streamed}");
        assert!(streamed.contains(r#""choices":[],"#) && streamed.contains("data: [DONE]"), "{streamed}");
        assert_eq!(provider.requests()[1].body["stream"], true);
        assert_eq!(provider.requests()[1].headers["authorization"], "Bearer k");
    }

    #[tokio::test]
    async fn a_script_fails_in_every_way() {
        let broken = json!({ "error": { "message": "overloaded" } });
        let until = Arc::new(Notify::new());
        let provider = OpenAi::start(vec![
            Answer::rate_limited(2),
            Answer::text("one two three").interrupted(2, Interruption::Cut),
            Answer::text("one two").interrupted(1, Interruption::Error(broken)),
            Answer::text("one").interrupted(0, Interruption::Until(Arc::clone(&until))),
            Answer::Hang,
            Answer::text("one two").interrupted(1, Interruption::Hang),
        ]);
        let limited = ask(&provider, "chat/completions", question(true)).await;
        assert!(limited.starts_with("HTTP/1.1 429") && limited.contains("retry-after: 2\r\n"), "{limited}");
        let cut = ask(&provider, "chat/completions", question(true)).await;
        assert!(cut.contains("two ") && !cut.contains("three") && !cut.ends_with("0\r\n\r\n"), "{cut}");
        let failed = ask(&provider, "chat/completions", question(true)).await;
        assert!(failed.contains("overloaded") && !failed.contains("DONE"), "{failed}");
        until.notify_one();
        assert!(ask(&provider, "chat/completions", question(true)).await.contains("DONE"));
        for count in 1..=2 {
            let mut hanging = send(&provider, "chat/completions", question(true)).await;
            provider.requested(4 + count).await;
            if count == 2 {
                hanging.read_u8().await.unwrap();
            }
            drop(hanging);
            provider.abandoned(count).await;
        }
        assert!(ask(&provider, "chat/completions", question(true)).await.starts_with("HTTP/1.1 400"));
    }

    #[tokio::test]
    async fn vectors_are_near_for_texts_that_share_words() {
        let nearness = |one: &str, other: &str| -> f32 {
            vector(one, 384).iter().zip(vector(other, 384)).map(|(one, other)| one * other).sum()
        };
        assert!(nearness("maximum hardness", "The maximum hardness is 22 HRC") > 0.4);
        assert!(nearness("maximum hardness", "days of leave").abs() < 0.2);
        let provider = OpenAi::start(Vec::new());
        let request =
            json!({ "model": "m", "input": ["a", "b"], "dimensions": 2, "encoding_format": "base64" });
        let answer = ask(&provider, "embeddings", request).await;
        assert_eq!(answer.matches(r#""object":"embedding""#).count(), 2, "{answer}");
        // Two floats are eight bytes.
        assert!(answer.contains(r#"=","index":1"#), "{answer}");
    }
}
