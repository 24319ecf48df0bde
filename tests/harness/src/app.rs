//! The whole bundle in memory, over real parts: what most tests talk to.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use serde_json::Value;
use server::Server;
use shared::env::Env;
use tower::ServiceExt;

use crate::parts::{self, Database};

/// More than any test sends.
const UNLIMITED: &str = "chat.user=1000000/1s; upload.user=1000000/1s; documents.user=1000000/1s; \
                         conversations.user=1000000/1s; \
                         delete.user=1000000/1s; anonymous.ip=1000000/1s; requests.ip=1000000/1s";

/// Headers that count requests: two responses never agree on them.
pub const COUNTING: [&str; 3] = ["x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"];

/// The bundle with a database and a bucket of its own.
pub struct TestApp {
    /// All routes.
    pub router: Router,
    /// The functions behind them.
    pub server: Server,
    /// Its database.
    pub database: Database,
    /// Its settings, as pairs: what a Lambda binary would be started with.
    pub settings: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answered {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All that it tells, without the request's id and what counts requests: status, headers, body.
    ///
    /// # Panics
    /// Where it has no id.
    pub fn told(&self) -> (StatusCode, Vec<(String, String)>, String) {
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        let id = text(&self.headers["x-request-id"]);
        let differs = |name: &str| name == "x-request-id" || COUNTING.contains(&name);
        let headers = self.headers.iter().filter(|(name, _)| !differs(name.as_str()));
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        (self.status, headers, self.text().replace(&id, "…"))
    }
}

impl TestApp {
    /// With the usual settings.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With some settings of one's own, which win.
    ///
    /// # Panics
    /// Where the bundle does not start.
    pub async fn with(own: &[(&'static str, &str)]) -> Self {
        let database = Database::create().await;
        let mut settings = vec![
            ("DATABASE_URL", database.url(Some("footnote_app"))),
            ("DATABASE_JOBS_URL", database.url(Some("footnote_jobs"))),
            ("DATABASE_MAX_CONNECTIONS", "4".to_owned()),
            ("BUCKET", parts::bucket().await),
            ("AWS_ENDPOINT_URL", parts::given("TEST_S3_ENDPOINT")),
            ("CLERK_ISSUER", parts::ISSUER.to_owned()),
            ("CLERK_JWT_KEY", parts::public_key()),
            ("EMBEDDER_DIR", parts::given("FOOTNOTE_MODEL_DIR")),
            ("PDFIUM_LIBRARY", parts::given("TEST_PDFIUM_LIBRARY")),
            // Tests are in a hurry; those of the limits set their own.
            ("RATE_LIMITS", UNLIMITED.to_owned()),
            ("PAGES_PROGRAM", parts::program("pages").display().to_string()),
        ];
        let (server, router) = start(&mut settings, own).await;
        Self { router, server, database, settings }
    }

    /// Starts the bundle again on the same database and bucket, with some settings changed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn restart(&mut self, own: &[(&'static str, &str)]) {
        (self.server, self.router) = start(&mut self.settings, own).await;
    }

    /// Another process on the same database and bucket.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn twin(&self, own: &[(&'static str, &str)]) -> Router {
        start(&mut self.settings.clone(), own).await.1
    }

    /// Sends any request.
    ///
    /// # Panics
    /// Where the body breaks off.
    pub async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    /// A request without a body.
    pub async fn call(&self, method: Method, path: &str, token: &str) -> Answered {
        self.send(request(method, path, token).body(Body::empty()).expect("a request")).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str, token: &str) -> Answered {
        self.call(Method::GET, path, token).await
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answered {
        let request = request(Method::POST, path, token).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// `POST /v1/documents` with the file itself.
    pub async fn upload(&self, token: &str, name: &str, bytes: Vec<u8>) -> Answered {
        self.upload_to("/v1/documents", token, name, bytes).await
    }

    /// The same with a title.
    pub async fn upload_titled(&self, token: &str, name: &str, title: &str, bytes: Vec<u8>) -> Answered {
        let escape = |byte: u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let title: String = title.bytes().map(escape).collect();
        self.upload_to(&format!("/v1/documents?title={title}"), token, name, bytes).await
    }

    async fn upload_to(&self, path: &str, token: &str, name: &str, bytes: Vec<u8>) -> Answered {
        let request = request(Method::POST, path, token)
            .header(header::CONTENT_TYPE, "application/pdf")
            .header("x-filename", name);
        self.send(request.body(Body::from(bytes)).expect("a request")).await
    }

    /// Ingests all that waits, as the server's loop would.
    ///
    /// # Panics
    /// Where ingestion meets a fault of the world.
    pub async fn ingest(&self) {
        while self.server.ingest.heal(10).await.expect("ingestion works") > 0 {}
    }

    /// Uploads a file and waits until it is ready; answers its id.
    ///
    /// # Panics
    /// Where it does not become ready.
    pub async fn ready(&self, token: &str, name: &str, bytes: Vec<u8>) -> String {
        let taken = self.upload(token, name, bytes).await;
        assert_eq!(taken.status, 202, "{}", taken.text());
        self.ingest().await;
        let id = taken.json()["document_id"].as_str().expect("an id").to_owned();
        let document = self.get(&format!("/v1/documents/{id}"), token).await.json();
        assert_eq!(document["status"], "ready", "{document}");
        id
    }

    /// Asks a question; answers the answer object.
    ///
    /// # Panics
    /// Where there is none, or a citation of it is not true.
    pub async fn ask(&self, token: &str, message: &str) -> Value {
        self.ask_with(token, &serde_json::json!({ "message": message })).await
    }

    /// As [`TestApp::ask`], with the whole body.
    ///
    /// # Panics
    /// Likewise.
    pub async fn ask_with(&self, token: &str, body: &Value) -> Value {
        let answered = self.post("/v1/chat", token, body).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let answer = answered.json();
        self.prove(token, &answer).await;
        answer
    }

    /// Holds every citation against the page it names: the slice equals the quote. And every `[n]` has its citation.
    ///
    /// # Panics
    /// Where one is not true.
    pub async fn prove(&self, token: &str, answer: &Value) {
        let known: Vec<u64> = answer["citations"]
            .as_array()
            .expect("citations")
            .iter()
            .map(|citation| citation["marker"].as_u64().expect("a marker"))
            .collect();
        assert_eq!(known, (1..=known.len() as u64).collect::<Vec<_>>(), "{answer}");
        for piece in answer["answer"].as_str().expect("an answer").split('[').skip(1) {
            let number = piece.split(']').next().and_then(|number| number.parse().ok());
            assert!(number.is_none_or(|number| known.contains(&number)), "[{piece}: {answer}");
        }
        for citation in answer["citations"].as_array().expect("citations") {
            let (document, page) = (citation["document_id"].as_str().expect("an id"), &citation["page"]);
            let page = self.get(&format!("/v1/documents/{document}/pages/{page}"), token).await;
            assert_eq!(page.status, 200, "{citation}");
            let page = page.json();
            let text: Vec<char> = page["text"].as_str().expect("text").chars().collect();
            let at =
                |name: &str| usize::try_from(citation[name].as_u64().expect("an offset")).expect("an offset");
            let slice: String = text[at("char_start")..at("char_end")].iter().collect();
            assert_eq!(slice, citation["quote"].as_str().expect("a quote"), "{citation}");
            let marker = format!("[{}]", citation["marker"]);
            assert!(answer["answer"].as_str().expect("an answer").contains(&marker), "{answer}");
        }
    }
}

async fn start(settings: &mut Vec<(&'static str, String)>, own: &[(&'static str, &str)]) -> (Server, Router) {
    for (name, value) in own {
        settings.retain(|(known, _)| known != name);
        settings.push((name, (*value).to_owned()));
    }
    let env = Env::of(settings.iter().map(|(name, value)| (*name, value.clone())));
    let server = Server::connect(&env).await.expect("the bundle starts");
    let router = shared::http::finish(server::routes(server.clone()), &env).expect("the settings are right");
    (server, router)
}

/// A request with a session token; an empty one is left out.
pub fn request(method: Method, path: &str, token: &str) -> axum::http::request::Builder {
    let builder = Request::builder().method(method).uri(path);
    if token.is_empty() { builder } else { builder.header(header::AUTHORIZATION, format!("Bearer {token}")) }
}

/// A file of the repository.
///
/// # Panics
/// Where there is none.
pub fn file(path: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in a folder of the repository, sorted.
///
/// # Panics
/// Where there is none.
pub fn folder(path: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

/// The sample standard.
pub fn sample() -> Vec<u8> {
    file("samples/fn-1175-sour-service-piping.pdf")
}
