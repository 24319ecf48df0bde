//! What the real server says while it works: one JSON object a line, and nothing that people wrote or are.

use std::{process::Stdio, time::Duration};

use harness::{
    app::{TestApp, sample},
    parts::{given, program, token},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// The program as it runs in a container.
pub struct Server {
    child: Child,
    pub url: String,
    lines: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Server {
    pub async fn start(app: &TestApp) -> Self {
        let mut command = Command::new(program("server"));
        command.env_clear().envs(app.settings.iter().cloned());
        command.env("LISTEN_ADDR", "127.0.0.1:0").env("LOG_LEVEL", "debug");
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            command.env(name, given(name));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("the server's program");
        let mut ready = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = ready.next_line().await.unwrap().expect("it says that it serves");
        let url = line.strip_prefix("ready ").expect("its address").to_owned();
        Self { child, url, lines, said: Vec::new() }
    }

    /// Reads its log until a line tells of `event`.
    async fn until(&mut self, event: &str) {
        let wanted = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let found = line.contains(&format!("\"event\":\"{event}\""));
                self.said.push(line);
                if found {
                    return;
                }
            }
            panic!("it ended before {event}");
        };
        tokio::time::timeout(Duration::from_secs(180), wanted).await.unwrap_or_else(|_| panic!("no {event}"));
    }

    /// Asks it to end; answers all that it said.
    pub async fn end(mut self) -> Vec<String> {
        let id = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push(line);
        }
        assert!(self.child.wait().await.unwrap().success());
        self.said
    }
}

#[tokio::test]
async fn every_line_is_json_and_none_tells_what_people_wrote_or_who_they_are() {
    let app = TestApp::new().await;
    let mut server = Server::start(&app).await;
    let (user, good) = ("user_wombat7", token("user_wombat7", Some("org_wombat8")));
    let http = shared::tls::http_client().unwrap();
    let at = |path: &str| format!("{}{path}", server.url);
    let question = "For how many zebrafish hours are specimens exposed in the sulfide stress cracking test?";
    let (chat, documents, users) = (at("/v1/chat"), at("/v1/documents"), at("/v1/users/user_other9"));

    let upload = http.post(&documents).bearer_auth(&good).header("content-type", "application/pdf");
    let taken = upload.header("x-filename", "giraffe-plans.pdf").body(sample()).send().await.unwrap();
    assert_eq!(taken.status(), 202);
    let taken: Value = taken.json().await.unwrap();
    let document = taken["document_id"].as_str().unwrap().to_owned();
    server.until("ingested").await;
    let asked =
        http.post(&chat).bearer_auth(&good).json(&json!({ "message": question })).send().await.unwrap();
    assert_eq!(asked.status(), 200);
    let answer: Value = asked.json().await.unwrap();
    let quote = answer["citations"][0]["quote"].as_str().expect("a citation").to_owned();
    let page = format!("{documents}/{document}/pages/1");
    let page: Value = http.get(page).bearer_auth(&good).send().await.unwrap().json().await.unwrap();
    let refused = http.get(&documents).bearer_auth("garbage.walrus.token").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let forbidden = http.delete(&users).bearer_auth(&good).send().await.unwrap();
    assert_eq!(forbidden.status(), 403);
    let invalid =
        http.post(&chat).bearer_auth(&good).json(&json!({ "message": 1, "ocelot": 2 })).send().await.unwrap();
    assert_eq!(invalid.status(), 400);

    let said = server.end().await;
    let lines: Vec<Value> = said
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let requests: Vec<&Value> = lines.iter().filter(|line| line["event"] == "request").collect();
    let served = requests.iter().map(|line| {
        assert!(
            line["duration_ms"].is_u64() && line["timestamp"].is_string() && line["level"] == "INFO",
            "{line}"
        );
        assert!(line["span"]["request_id"].as_str().is_some_and(|id| id.len() == 36), "{line}");
        (line["method"].as_str().unwrap(), line["route"].as_str().unwrap(), line["status"].as_u64().unwrap())
    });
    let expected = [
        ("POST", "/v1/documents", 202),
        ("POST", "/v1/chat", 200),
        ("GET", "/v1/documents/{id}/pages/{n}", 200),
        ("GET", "/v1/documents", 401),
        ("DELETE", "/v1/users/{user_id}", 403),
        ("POST", "/v1/chat", 400),
    ];
    assert_eq!(served.collect::<Vec<_>>(), expected);
    assert!(lines.iter().any(|line| line["event"] == "chat_request" && line["citations"].is_u64()));

    // Pieces of the document: the quote, and every longer line of a page.
    let text = page["text"].as_str().unwrap();
    let mut secrets: Vec<&str> = text.lines().filter(|line| line.len() > 20).collect();
    secrets.extend([
        "zebrafish",
        "giraffe",
        "walrus",
        "ocelot",
        user,
        "org_wombat8",
        "user_other9",
        &quote,
        &good,
    ]);
    secrets.push(answer["answer"].as_str().unwrap());
    secrets.push(good.rsplit_once('.').unwrap().1);
    for secret in secrets {
        let told = said.iter().find(|line| line.contains(secret));
        assert!(told.is_none(), "{secret:?} stands in {told:?}");
    }
}
