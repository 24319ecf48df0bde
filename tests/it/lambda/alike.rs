//! The same request gets the same answer from the Lambda binary, from the server on its socket and from the router in
//! memory: status, headers and body. Ids, times and timings of one request differ from another's, and nothing else may.

use std::collections::{BTreeMap, HashMap};

use axum::{
    body::Body,
    http::{HeaderMap, Method},
};
use harness::{
    app::{TestApp, request, sample},
    parts::{s3, token},
    runtime_api::Function,
    served::Served,
};
use serde_json::{Value, json};

use super::{bearer, process_settings, settings, start, through_api};

/// One request, and the binary that answers it on Lambda.
#[derive(Clone)]
struct Asked {
    function: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Members of the answer that no two answers share, besides the request's id.
    varies: &'static [&'static str],
}

/// What came back, without what no two answers share.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: BTreeMap<String, Vec<String>>,
    body: Value,
    /// The members that were taken out.
    varied: Vec<Value>,
}

/// The three hosts over one database and one bucket.
struct Hosts {
    app: TestApp,
    served: Served,
    functions: HashMap<&'static str, Function>,
    client: reqwest::Client,
}

impl Hosts {
    async fn start(app: TestApp, functions: &[&'static str]) -> Self {
        let settings = settings(&app);
        let functions = functions.iter().map(|name| (*name, start(name, &settings))).collect();
        let served = Served::start(&process_settings(&app)).await;
        let client = shared::tls::http_client().expect("a client");
        Self { app, served, functions, client }
    }

    async fn each(&self, asked: [&Asked; 3]) -> [Seen; 3] {
        let [lambda, socket, memory] = asked;
        [self.on_lambda(lambda).await, self.on_socket(socket).await, self.in_memory(memory).await]
    }

    /// The one answer that all three hosts give.
    async fn alike(&self, asked: &Asked) -> Seen {
        same(self.each([asked; 3]).await, asked)
    }

    async fn on_lambda(&self, asked: &Asked) -> Seen {
        let headers: Vec<(&str, &str)> =
            asked.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let function = &self.functions[asked.function];
        let (status, headers, body) =
            through_api(function, asked.method.as_str(), &asked.path, &headers, &asked.body).await;
        Seen::new(status, &headers, &body, asked)
    }

    async fn on_socket(&self, asked: &Asked) -> Seen {
        let url = format!("{}{}", self.served.url, asked.path);
        let mut request = self.client.request(asked.method.clone(), url);
        for (name, value) in &asked.headers {
            request = request.header(*name, value);
        }
        if !asked.body.is_empty() {
            request = request.body(asked.body.clone());
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Seen::new(status, &headers, &response.bytes().await.expect("a whole body"), asked)
    }

    async fn in_memory(&self, asked: &Asked) -> Seen {
        let mut request = request(asked.method.clone(), &asked.path, "");
        for (name, value) in &asked.headers {
            request = request.header(*name, value);
        }
        let answered = self.app.send(request.body(Body::from(asked.body.clone())).expect("a request")).await;
        Seen::new(answered.status.as_u16(), &answered.headers, &answered.body, asked)
    }
}

fn same(seen: [Seen; 3], asked: &Asked) -> Seen {
    let [lambda, socket, memory] = seen.map(|mut seen| {
        seen.varied.clear();
        seen
    });
    let what = format!("{} {}", asked.method, asked.path);
    assert_eq!(lambda, memory, "{what}: Lambda and memory");
    assert_eq!(socket, memory, "{what}: socket and memory");
    memory
}

impl Seen {
    fn new(status: u16, headers: &HeaderMap, body: &[u8], asked: &Asked) -> Self {
        let id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).expect("a request id");
        assert!(uuid::Uuid::try_parse(id).is_ok(), "{id}");
        let mut kept = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in headers {
            // These belong to the connection, and that one to the request.
            let of_transport = ["connection", "content-length", "date", "transfer-encoding", "x-request-id"];
            if !of_transport.contains(&name.as_str()) {
                // What is left differs from one request to the next; that it is told does not.
                let counts = harness::app::COUNTING.contains(&name.as_str());
                let value = if counts { "counted" } else { value.to_str().expect("text") }.to_owned();
                kept.entry(name.to_string()).or_default().push(value);
            }
        }
        let mut body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8(body.to_vec()).expect("text")));
        let mut varied = Vec::new();
        if let Some(members) = body.as_object_mut() {
            if let Some(told) = members.remove("request_id") {
                assert_eq!(told, id, "the body tells the header's id");
            }
            varied.extend(asked.varies.iter().map(|name| {
                let told = members.insert((*name).to_owned(), json!("different each time"));
                told.unwrap_or_else(|| panic!("no {name}: {members:?}"))
            }));
        }
        Self { status, headers: kept, body, varied }
    }
}

impl Asked {
    fn new(function: &'static str, method: Method, path: &str) -> Self {
        let (path, headers, body) = (path.to_owned(), Vec::new(), Vec::new());
        Self { function, method, path, headers, body, varies: &[] }
    }

    fn get(function: &'static str, path: &str) -> Self {
        Self::new(function, Method::GET, path)
    }

    fn question(token: &str, body: &Value) -> Self {
        Self::new("chat", Method::POST, "/v1/chat").by(token).json(body.to_string())
    }

    fn by(self, token: &str) -> Self {
        self.header("authorization", bearer(token))
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn json(self, body: impl Into<String>) -> Self {
        self.header("content-type", "application/json").body(body.into())
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn varying(mut self, members: &'static [&'static str]) -> Self {
        self.varies = members;
        self
    }
}

#[tokio::test]
async fn public_answers_are_alike_on_every_host() {
    let hosts = Hosts::start(TestApp::new().await, &["health"]).await;
    for path in ["/health", "/api/health", "/ready", "/v1/status", "/api/ai-agent/chat"] {
        let seen = hosts.alike(&Asked::get("health", path)).await;
        assert_eq!(seen.status, 200, "{path}: {seen:?}");
        assert_eq!(seen.headers["content-type"], ["application/json"]);
        assert_eq!(seen.headers["cache-control"], ["no-store"]);
    }
    assert_eq!(hosts.alike(&Asked::get("health", "/ready")).await.body["checks"]["storage"], "ok");
    assert_eq!(hosts.alike(&Asked::get("health", "/nothing")).await.status, 404);
}

#[tokio::test]
async fn documents_and_pages_are_alike_on_every_host() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let id = app.ready(&alice, "fn-1175.pdf", sample()).await;
    let announced = json!({ "filename": "Öl & Gas.pdf", "size_bytes": 9, "content_type": "application/pdf" });
    assert_eq!(app.post("/v1/documents", &alice, &announced).await.status, 201);
    let hosts = Hosts::start(app, &["upload"]).await;
    let get = async |path: &str| hosts.alike(&Asked::get("upload", path).by(&alice)).await;

    let listing = get("/v1/documents").await;
    assert_eq!(listing.body["documents"].as_array().map(Vec::len), Some(2), "{listing:?}");
    let first = get("/v1/documents?limit=1").await;
    assert!(first.headers["link"][0].ends_with("rel=\"next\""), "{first:?}");
    let document = get(&format!("/v1/documents/{id}")).await;
    assert_eq!((document.status, document.body["id"].as_str()), (200, Some(id.as_str())));
    let page = get(&format!("/v1/documents/{id}/pages/19")).await;
    assert!(page.body["text"].as_str().expect("text").contains("720 h"), "{page:?}");

    let stranger = Asked::get("upload", &format!("/v1/documents/{id}")).by(&token("bob", None));
    assert_eq!(hosts.alike(&stranger).await.status, 404);
    let expected = [
        (format!("/v1/documents/{}", uuid::Uuid::now_v7()), 404),
        (format!("/v1/documents/{id}/pages/9999"), 404),
        (format!("/v1/documents/{id}/pages/zero"), 400),
        ("/v1/documents/not-an-id".into(), 400),
        ("/v1/documents/a%20b%C3%BC".into(), 400),
        ("/v1/documents?limit=many".into(), 400),
        ("/v1/documents?limit=1&more=%20".into(), 400),
        ("/v1/nothing".into(), 404),
    ];
    for (path, status) in expected {
        let seen = get(&path).await;
        assert_eq!(seen.status, status, "{path}: {seen:?}");
        assert_eq!(seen.headers["content-type"], ["application/problem+json"], "{path}");
    }
    let other_method = hosts.alike(&Asked::new("upload", Method::PUT, "/v1/documents").by(&alice)).await;
    assert_eq!((other_method.status, &other_method.headers["allow"][0][..]), (405, "POST,GET,HEAD"));
}

#[tokio::test]
async fn callers_without_a_good_token_are_turned_away_alike_on_every_host() {
    let hosts = Hosts::start(TestApp::new().await, &["upload"]).await;
    let path = "/v1/documents";
    let forged = format!("{}x", token("alice", None));
    let twice = Asked::get("upload", path).by(&token("alice", None)).by(&token("alice", None));
    let basic = Asked::get("upload", path).header("authorization", "Basic YTpi");
    for asked in [Asked::get("upload", path), Asked::get("upload", path).by(&forged), basic, twice] {
        let seen = hosts.alike(&asked).await;
        assert_eq!(seen.status, 401, "{seen:?}");
        assert_eq!(seen.headers["www-authenticate"], ["Bearer"]);
    }
}

#[tokio::test]
async fn questions_are_answered_alike_on_every_host() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let hosts = Hosts::start(app, &["chat"]).await;
    let ask = async |body: &Value| {
        let varies = &["id", "conversation_id", "timings_ms"];
        hosts.alike(&Asked::question(&alice, body).varying(varies)).await
    };
    let question =
        json!({ "message": "For how many hours are specimens exposed in the sulfide stress cracking test?" });
    let answer = ask(&question).await;
    assert_eq!((answer.status, answer.body["citations"][0]["page"].as_u64()), (200, Some(19)), "{answer:?}");
    let refusal = ask(&json!({ "query": "Who won the football match in Paris yesterday?" })).await;
    assert_eq!((refusal.status, &refusal.body["refused"]), (200, &json!(true)), "{refusal:?}");

    let refused = [
        (400, json!({ "message": "x".repeat(2_001) }).to_string()),
        (400, json!({ "message": "Hardness?", "unknown": 1, "top_k": "many" }).to_string()),
        (400, json!({ "message": "Hardness?", "filters": { "document_ids": ["x"] } }).to_string()),
        (400, "{\"message\": ".to_owned()),
        (404, json!({ "message": "Hardness?", "conversation_id": uuid::Uuid::now_v7() }).to_string()),
        (413, json!({ "message": "x".repeat(65 * 1_024) }).to_string()),
    ];
    for (status, body) in refused {
        let asked = Asked::new("chat", Method::POST, "/v1/chat").by(&alice).json(body);
        assert_eq!(hosts.alike(&asked).await.status, status);
    }
    let text = Asked::new("chat", Method::POST, "/v1/chat").by(&alice).header("content-type", "text/plain");
    assert_eq!(hosts.alike(&text.body("Hardness?")).await.status, 415);
    let untyped = Asked::new("chat", Method::POST, "/api/chat").by(&alice).body(question.to_string());
    assert_eq!(hosts.alike(&untyped).await.status, 415);
}

#[tokio::test]
async fn bytes_are_taken_in_alike_on_every_host() {
    let hosts = Hosts::start(TestApp::new().await, &["upload"]).await;
    let alice = token("alice", None);
    let post = || Asked::new("upload", Method::POST, "/v1/documents").by(&alice).varying(&["document_id"]);
    // Every byte there is, line ends and NUL among them.
    let file: Vec<u8> = b"%PDF-1.7\n".iter().copied().chain(0..=255).collect();
    let form = [
        &b"--edge\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\nPr\xc3\xbcfung\r\n--edge\r\n\
           content-disposition: form-data; name=\"file\"; filename=\"a b.pdf\"\r\ncontent-type: application/pdf\r\n\r\n"[..],
        &file,
        b"\r\n--edge--\r\n",
    ]
    .concat();
    let multipart = post().header("content-type", "multipart/form-data; boundary=edge").body(form);
    let direct = post().header("content-type", "application/pdf").body(file.clone());
    let named = Asked { path: "/v1/documents?title=Pr%C3%BCfung+1".into(), ..direct.clone() };
    for asked in [multipart, direct, named.header("x-filename", "%C3%84.pdf")] {
        let seen = hosts.each([&asked; 3]).await;
        for seen in &seen {
            let id = seen.varied[0].as_str().expect("an id");
            let object = s3().await.get_object().bucket(bucket(&hosts)).key(format!("alice/{id}")).send();
            let stored = object.await.expect("the object").body.collect().await.expect("its bytes");
            assert_eq!(stored.to_vec(), file);
        }
        assert_eq!(same(seen, &asked).status, 202);
    }

    let pdf = |bytes: usize| {
        let mut file = b"%PDF-1.7\n".to_vec();
        file.resize(bytes, b' ');
        post().varying(&[]).header("content-type", "application/pdf").body(file)
    };
    // The most that is taken still fits into an event.
    let most = 4 * 1_024 * 1_024;
    assert_eq!(hosts.alike(&pdf(most).varying(&["document_id"])).await.status, 202);
    assert_eq!(hosts.alike(&pdf(most + 1)).await.status, 413);
    let other = |kind: &'static str, body: &str| post().varying(&[]).header("content-type", kind).body(body);
    assert_eq!(hosts.alike(&other("application/pdf", "no PDF")).await.status, 400);
    assert_eq!(hosts.alike(&other("multipart/form-data; boundary=edge", "--edge\r\n")).await.status, 400);
    assert_eq!(hosts.alike(&other("text/plain", "%PDF-1.7")).await.status, 415);
}

#[tokio::test]
async fn documents_and_people_are_deleted_alike_on_every_host() {
    let app = TestApp::new().await;
    let people = ["lambda", "socket", "memory"].map(|user| (user, token(user, None)));
    let announced = json!({ "filename": "a.pdf", "size_bytes": 9, "content_type": "application/pdf" });
    let mut ids = Vec::new();
    for (_, token) in &people {
        let taken = app.post("/v1/documents", token, &announced).await.json();
        ids.push(taken["document_id"].as_str().expect("an id").to_owned());
        assert_eq!(app.post("/v1/documents", token, &announced).await.status, 201);
    }
    let hosts = Hosts::start(app, &["upload", "delete-user"]).await;
    let delete = |function, path: String, index: usize| {
        Asked::new(function, Method::DELETE, &path).by(&people[index].1)
    };
    let documents = [0, 1, 2].map(|index| delete("upload", format!("/v1/documents/{}", ids[index]), index));
    for (status, body) in [(204, Some("")), (404, None)] {
        let seen = same(hosts.each(documents.each_ref()).await, &documents[0]);
        assert_eq!(seen.status, status);
        assert!(body.is_none_or(|body| seen.body == body), "{seen:?}");
    }
    let stranger = delete("delete-user", "/v1/users/somebody".into(), 0);
    assert_eq!(hosts.alike(&stranger).await.status, 403);
    let accounts = [0, 1, 2].map(|index| {
        let path = format!("/v1/users/{}", people[index].0);
        delete("delete-user", path, index).varying(&["user_id", "at"])
    });
    let seen = same(hosts.each(accounts.each_ref()).await, &accounts[0]);
    assert_eq!((seen.status, &seen.body["rows"]["documents"]), (200, &json!(1)), "{seen:?}");
}

fn bucket(hosts: &Hosts) -> &str {
    let bucket = hosts.app.settings.iter().find(|(name, _)| *name == "BUCKET");
    &bucket.expect("a bucket").1
}
