//! The big list of oddities in every field, header and path, sent byte by byte to the real server: refused with a problem
//! or taken in unharmed, never a fault, and one line in the log that tells nothing of what was sent.

use std::collections::{HashMap, HashSet};

use harness::{
    app::TestApp,
    oddities::{
        CANARY, Case, Kept,
        places::{self, Cases, Target},
        wire,
    },
    parts::token,
    raw_http::{Connection, Reply},
    routes::{self, Route},
    served::Served,
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_postgres::Client;

/// Connections at once.
const CONNECTIONS: usize = 4;
/// The status in the log of a request whose caller went away.
const GONE: u64 = 499;

#[tokio::test]
async fn odd_bodies() {
    all_well("bodies", places::bodies).await;
}

#[tokio::test]
async fn odd_forms() {
    all_well("forms", places::forms).await;
}

#[tokio::test]
async fn odd_addresses() {
    all_well("addresses", places::addresses).await;
}

#[tokio::test]
async fn odd_headers() {
    all_well("headers", places::headers).await;
}

#[tokio::test]
async fn odd_bytes() {
    all_well("bytes", wire::cases).await;
}

#[tokio::test]
async fn who_goes_away_leaves_one_line_too() {
    let app = TestApp::new().await;
    // A database that takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut settings = app.settings.clone();
    settings.retain(|(name, _)| !name.starts_with("DATABASE_"));
    settings.push(("DATABASE_URL", format!("postgres://footnote_app:a@{address}/a?sslmode=disable")));
    let served = Served::telling(&settings).await;
    // The server's own connection, opened as it starts, and the one that looks for documents.
    let _own = [silent.accept().await.unwrap(), silent.accept().await.unwrap()];
    let mut caller = TcpStream::connect(served.url.trim_start_matches("http://")).await.unwrap();
    caller.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // The request waits for the database, and its caller for nothing more.
    let _asked = silent.accept().await.unwrap();
    drop(caller);
    let log = served.end().await;
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<&Value> = lines.iter().filter(|line| line["event"] == "request").collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    says_nothing(lines[0], &routes::all(&app).await);
    assert_eq!((&lines[0]["status"], &lines[0]["route"]), (&json!(GONE), &json!("/ready")));
}

/// What came of the cases.
#[derive(Default)]
struct Seen {
    /// The id of each answered request.
    answered: Vec<String>,
    accepted: usize,
    refused: usize,
    /// Refused by the HTTP library, without a word of the bundle's.
    at_the_socket: usize,
    wrong: Vec<String>,
}

async fn all_well(what: &str, cases: Cases) {
    let app = TestApp::with(&[("DISABLE_VECTOR_SEARCH", "true"), ("LOG_LEVEL", "debug")]).await;
    let alice = token("alice", None);
    let document = app.announce(&alice, "a.pdf", 1).await.0;
    let mut settings = app.settings.clone();
    // What reads origins and forwarded addresses is there.
    settings.push(("CORS_ALLOWED_ORIGINS", "https://app.example.com".to_owned()));
    settings.push(("TRUSTED_PROXIES", "127.0.0.0/8".to_owned()));
    // Nobody reads the files that come in: the application's own role may not claim them.
    settings.retain(|(name, _)| *name != "DATABASE_JOBS_URL");
    let served = Served::telling(&settings).await;
    let routes = routes::all(&app).await;
    let cases = cases(&Target { token: &alice, document: &document, routes: &routes });

    let superuser = app.superuser().await;
    let next = std::sync::Mutex::new(cases.iter());
    let workers = (0..CONNECTIONS).map(async |_| {
        let (mut connection, mut seen) = (Connection::to(&served.url), Seen::default());
        loop {
            let Some(case) = next.lock().unwrap().next() else { return seen };
            let reply = connection.send(&case.bytes, case.ends).await;
            if case.is_last {
                connection.close();
            }
            seen.judge(case, reply.as_ref());
            if let Some(reply) = reply.filter(|reply| reply.status < 300)
                && let Err(harm) = unharmed(case, &reply, &superuser).await
            {
                seen.wrong.push(format!("{}: {harm}", case.name));
            }
        }
    });
    let seen = futures_util::future::join_all(workers).await;
    let log = served.end().await;
    let seen = seen.into_iter().fold(Seen::default(), Seen::with);
    println!(
        "{what}: {} cases; {} accepted, {} refused with a problem, {} refused by the HTTP library; {} lines logged",
        cases.len(),
        seen.accepted,
        seen.refused,
        seen.at_the_socket,
        log.len()
    );
    let few = &seen.wrong[..seen.wrong.len().min(20)];
    assert!(seen.wrong.is_empty(), "{} wrong: {few:#?}", seen.wrong.len());
    one_line_each(&seen.answered, &log, &routes);
    // Nothing stands still: the server that took all of this still answers, and both ends of the scale were reached.
    assert!(seen.refused > cases.len() / 8 && seen.accepted > 0, "{}", seen.refused);
}

impl Seen {
    fn with(mut self, other: Self) -> Self {
        self.answered.extend(other.answered);
        self.wrong.extend(other.wrong);
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.at_the_socket += other.at_the_socket;
        self
    }

    fn judge(&mut self, case: &Case, reply: Option<&Reply>) {
        let mut wrong = |what: String| self.wrong.push(format!("{}: {what}", case.name));
        let Some(reply) = reply else {
            self.at_the_socket += 1;
            if !case.is_no_http {
                wrong("the connection was closed without an answer".to_owned());
            }
            return;
        };
        let text = String::from_utf8_lossy(&reply.body);
        let text: String = text.chars().take(400).collect();
        let Some(id) = reply.header("x-request-id") else {
            self.at_the_socket += 1;
            if !(case.is_no_http && (400..500).contains(&reply.status) && reply.body.is_empty()) {
                wrong(format!("not the bundle's answer: {} {text}", reply.status));
            }
            return;
        };
        self.answered.push(id.to_owned());
        match reply.status {
            200..=299 => self.accepted += 1,
            400..=499 => {
                self.refused += 1;
                if !is_problem(reply, id) {
                    wrong(format!("no problem: {} {:?} {text}", reply.status, reply.headers));
                }
            }
            other => wrong(format!("{other} {text}")),
        }
    }
}

/// Whether this is a problem (RFC 9457) with all that ours have, and no more.
fn is_problem(reply: &Reply, id: &str) -> bool {
    // An answer to HEAD has no body.
    if reply.body.is_empty() && reply.header("content-length").is_some_and(|length| length != "0") {
        return true;
    }
    let Ok(Value::Object(problem)) = serde_json::from_slice(&reply.body) else { return false };
    let text =
        |member: &str| problem.get(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let members = ["type", "title", "status", "code", "detail", "request_id", "error"];
    let all = members.iter().all(|member| problem.contains_key(*member));
    let known = [&members[..], &["details", "retryAfter"]].concat();
    let issue =
        |issue: &Value| issue["path"].is_array() && issue["code"].is_string() && issue["message"].is_string();
    let details = problem.get("details").is_none_or(|details| {
        details
            .as_array()
            .is_some_and(|issues| !issues.is_empty() && issues.len() <= 50 && issues.iter().all(issue))
    });
    reply.header("content-type") == Some("application/problem+json")
        && all
        && details
        && problem.keys().all(|member| known.contains(&member.as_str()))
        && ["type", "title", "code", "detail", "error"].iter().all(|member| text(member))
        && problem["status"] == reply.status
        && problem["request_id"] == id
}

/// Whether what was accepted is kept as it was sent, but for what docs/api.md says of names.
async fn unharmed(case: &Case, reply: &Reply, superuser: &Client) -> Result<(), String> {
    let (sql, expected) = match &case.kept {
        Kept::Nothing => return Ok(()),
        Kept::Filename(name) => ("SELECT filename FROM documents WHERE id = $1::text::uuid", shown(name)),
        Kept::Title(title) => {
            ("SELECT title FROM documents WHERE id = $1::text::uuid", title.trim().to_owned())
        }
        Kept::Question(question) => {
            ("SELECT question FROM messages WHERE id = $1::text::uuid", question.trim().to_owned())
        }
    };
    let answer: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    let id = answer["document_id"].as_str().or(answer["id"].as_str()).ok_or("no id")?;
    let row = superuser.query_one(sql, &[&id]).await.map_err(|error| format!("{id}: {error}"))?;
    let kept: String = row.get(0);
    if kept == expected { Ok(()) } else { Err(format!("{expected:?} became {kept:?}")) }
}

/// A file's name as it is shown: what follows the last slash, trimmed.
fn shown(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() { "document.pdf".to_owned() } else { name.to_owned() }
}

/// Each answered request has its one line; no line holds what was sent, and the one of a request holds nothing but what it
/// always holds.
fn one_line_each(answered: &[String], log: &[String], routes: &[Route]) {
    let mut lines: HashMap<String, (usize, u64)> = HashMap::new();
    for line in log {
        assert!(!line.contains(CANARY) && !line.contains("alice"), "{line}");
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        if line["event"] == "request" {
            says_nothing(&line, routes);
            let id = line["span"]["request_id"].as_str().unwrap().to_owned();
            let (count, status) = lines.entry(id).or_default();
            (*count, *status) = (*count + 1, line["status"].as_u64().unwrap());
        }
    }
    let not_one: Vec<&String> =
        answered.iter().filter(|id| lines.get(*id).is_none_or(|(count, _)| *count != 1)).collect();
    assert!(not_one.is_empty(), "without their one line: {not_one:?}");
    let answered: HashSet<&String> = answered.iter().collect();
    // A request that was broken off has its line too, and got no answer.
    let others: Vec<_> =
        lines.iter().filter(|(id, line)| !answered.contains(id) && **line != (1, GONE)).collect();
    assert!(others.is_empty(), "lines of requests that nobody sent: {others:?}");
}

/// Every member of a request's line is one of few known values, a number, or a hash.
fn says_nothing(line: &Value, routes: &[Route]) {
    let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "duration_ms",
        "event",
        "level",
        "message",
        "method",
        "route",
        "span",
        "status",
        "target",
        "timestamp",
    ];
    assert_eq!(members, expected, "{line}");
    let (method, route) = (line["method"].as_str().unwrap(), line["route"].as_str().unwrap());
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "other"];
    assert!(methods.contains(&method), "{line}");
    assert!(route.is_empty() || routes.iter().any(|known| known.path == route), "{line}");
    assert_eq!(line["message"], format!("{method} {route} {}", line["status"]), "{line}");
    assert!(line["duration_ms"].is_u64() && line["status"].is_u64() && line["level"] == "INFO", "{line}");
    let span = line["span"].as_object().unwrap();
    let user = span.get("user").unwrap_or(&json!("0")).as_str().unwrap().to_owned();
    assert!(user.bytes().all(|byte| byte.is_ascii_hexdigit()) && span["name"] == "request", "{line}");
    assert!(span.len() <= 3, "{line}");
}
