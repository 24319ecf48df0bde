//! Redis behind its REST front, and something between that counts and can fail in every way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::RwLock};

/// The bearer token that this Redis takes.
pub fn token() -> String {
    crate::parts::given("TEST_REDIS_TOKEN")
}

/// What the go-between does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Hands it on.
    Forward,
    /// Never answers.
    Hang,
    /// Answers with this status and text.
    Say(u16, &'static str),
}

/// A go-between on a port of its own.
#[derive(Clone)]
pub struct Redis {
    /// Where it listens.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    behind: String,
    http: reqwest::Client,
    mode: RwLock<Mode>,
    calls: AtomicUsize,
}

impl Redis {
    /// None, with a word about it, where the machine has no Redis.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start() -> Option<Self> {
        let Ok(behind) = std::env::var("TEST_REDIS_URL") else {
            println!("skipped: there is no redis-server on this machine");
            return None;
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let http = shared::tls::http_client().expect("an HTTP client");
        let (mode, calls) = (RwLock::new(Mode::Forward), AtomicUsize::new(0));
        let inner = Arc::new(Inner { behind, http, mode, calls });
        let router = Router::new().fallback(pass).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Some(Self { url, inner })
    }

    /// What it does from now on.
    pub async fn set(&self, mode: Mode) {
        *self.inner.mode.write().await = mode;
    }

    /// How many calls came.
    pub fn calls(&self) -> usize {
        self.inner.calls.load(Ordering::SeqCst)
    }

    /// The settings of a bundle that uses it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("UPSTASH_REDIS_REST_URL", self.url.clone()), ("UPSTASH_REDIS_REST_TOKEN", token())]
    }
}

async fn pass(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    inner.calls.fetch_add(1, Ordering::SeqCst);
    let mode = *inner.mode.read().await;
    match mode {
        Mode::Forward => forward(&inner, request)
            .await
            .unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response()),
        Mode::Hang => std::future::pending().await,
        Mode::Say(status, text) => {
            (StatusCode::from_u16(status).unwrap_or_default(), Body::from(text)).into_response()
        }
    }
}

async fn forward(inner: &Inner, request: Request) -> anyhow::Result<Response> {
    let (parts, body) = request.into_parts();
    let mut headers = HeaderMap::new();
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE, "upstash-encoding".parse()?] {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let url = format!("{}{}", inner.behind, parts.uri.path());
    let body = to_bytes(body, usize::MAX).await?;
    let answer = inner.http.request(parts.method, url).headers(headers).body(body).send().await?;
    let status = answer.status();
    Ok((status, answer.bytes().await?).into_response())
}
