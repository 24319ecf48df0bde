//! Questions' vectors that an API computed: paid for once in all processes, while Redis is there.

use std::time::Duration;

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi, vectors},
    parts::{token, unique},
    redis::{Mode, Redis},
};
use serde_json::Value;
use shared::{
    domain::hash::{hex, sha256},
    env::Env,
    redis::upstash::Upstash,
};

use crate::chat::{PIPES, shelve};

/// Waits until Redis has the vector, which is kept in the background.
async fn kept(redis: &Redis, model: &str, question: &str) -> String {
    let upstash = Upstash::connect(&Env::of(redis.settings())).unwrap().unwrap();
    let key = format!("emb:{}", hex(&sha256(format!("{model}\0{question}").as_bytes())));
    let command = ["GET".to_owned(), key];
    let looking = async {
        loop {
            if let Value::String(text) = upstash.command(&command, Duration::from_secs(5)).await.unwrap() {
                return text;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.expect("it is kept")
}

#[tokio::test]
async fn a_vector_is_bought_once_for_all_processes() {
    let Some(redis) = Redis::start().await else { return };
    let provider = OpenAi::answering_both(
        |_| Answer::error(400, "invalid_request_error", None, "no"),
        |request| vectors(request, 384),
    );
    let (url, model, question) = (provider.url(), unique("model"), "How hard may a weld be?");
    let embeddings = format!("openai:{model}");
    let mut own = vec![
        ("EMBEDDINGS", embeddings.as_str()),
        ("OPENAI_BASE_URL", &url),
        ("OPENAI_API_KEY", "sk-test"),
        ("REDIS_TIMEOUT_MS", "5000"),
        // The provider's vectors mean nothing.
        ("MATCH_THRESHOLD", "-1"),
    ];
    let settings = redis.settings();
    own.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let mut app = TestApp::with(&own).await;
    let alice = token("alice", Some(&unique("org")));
    shelve(&app, &alice, "", PIPES).await;
    let embedded =
        || provider.requests().iter().filter(|request| request.path.ends_with("/embeddings")).count();
    let before = embedded();
    assert_eq!(app.ask(&alice, question).await["degraded"], serde_json::json!(["model"]));
    assert_eq!(embedded(), before + 1);
    // 384 numbers of four bytes, in base64.
    assert_eq!(kept(&redis, &model, question).await.len(), 2_048);
    app.restart(&[]).await;
    let answer = app.ask(&alice, question).await;
    assert_eq!(
        (&answer["degraded"], answer["refused"].as_bool()),
        (&serde_json::json!(["model"]), Some(false))
    );
    assert_eq!(embedded(), before + 1, "another process finds it");
    redis.set(Mode::Say(500, "oops")).await;
    app.restart(&[]).await;
    assert_eq!(
        app.ask(&alice, question).await["degraded"],
        serde_json::json!(["model"]),
        "without Redis it is bought again"
    );
    assert_eq!(embedded(), before + 2);
}
