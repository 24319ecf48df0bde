//! Streaming on Lambda: words as they come, the platform's deadline, and a socket that does not wait.

use std::{sync::Arc, time::Duration};

use harness::{
    app::TestApp,
    events::function_url,
    openai::{Answer, Interruption, OpenAi},
    parts::token,
};
use serde_json::json;
use tokio::sync::Notify;

use super::{bearer, settings, sse, start, through_api, through_url};
use crate::{
    chat::{PIPES, shelve},
    models::with_model,
};

const WRITTEN: &str = "Welds are very hard. They reach 22 HRC [1 \"weld is 22 HRC\"].";

async fn shelved(provider: &OpenAi) -> (TestApp, String) {
    let (app, alice) = (with_model(provider, &[]).await, token("alice", None));
    shelve(&app, &alice, "", PIPES).await;
    (app, bearer(&alice))
}

fn headers(authorization: &str) -> [(&str, &str); 3] {
    [("authorization", authorization), ("content-type", "application/json"), ("accept", "text/event-stream")]
}

fn question() -> Vec<u8> {
    json!({ "message": "What is the maximum hardness of a weld?" }).to_string().into_bytes()
}

#[tokio::test]
async fn words_reach_the_platform_while_the_model_writes() {
    let until = Arc::new(Notify::new());
    let told = Arc::clone(&until);
    let provider = OpenAi::answering(move |_| {
        Answer::text(WRITTEN).interrupted(6, Interruption::Until(Arc::clone(&told)))
    });
    let (app, authorization) = shelved(&provider).await;
    let chat = start("chat-stream", &settings(&app));
    let event = function_url("POST", "/v1/chat", &headers(&authorization), &question());
    let (invocation, ()) = tokio::join!(chat.invoke(event), async {
        // The model waits until this has arrived.
        chat.arrived("hard").await;
        let sockets = chat.connections();
        assert!(!sockets.is_empty());
        assert!(
            sockets.iter().all(|socket| socket.nodelay().unwrap()),
            "a piece would wait for the one before"
        );
        until.notify_one();
    });
    let invocation = invocation.unwrap();
    let events = sse(invocation.result.as_ref().expect("a whole stream"));
    let done = &events.last().unwrap().1;
    assert_eq!(done["answer"], "Welds are very hard. They reach 22 HRC [1].");
    let streamed = invocation.streamed.unwrap();
    assert_eq!(streamed.prelude["headers"]["content-type"], "text/event-stream");
    assert!(streamed.chunks.len() >= 2);

    // Behind the API the same events come at once.
    until.notify_one();
    let whole = start("chat", &settings(&app));
    let (status, headers, body) =
        through_api(&whole, "POST", "/v1/chat", &headers(&authorization), &question()).await;
    assert_eq!((status, &headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    assert_eq!(sse(&body).last().unwrap().1["answer"], done["answer"]);
}

#[tokio::test]
async fn the_platforms_deadline_is_kept_where_it_is_earlier_than_ours() {
    for interrupted in [Answer::Hang, Answer::text(WRITTEN).interrupted(6, Interruption::Hang)] {
        let provider = OpenAi::answering(move |_| interrupted.clone());
        let (app, authorization) = shelved(&provider).await;
        let chat = start("chat-stream", &settings(&app));
        // What the process does at its start must not count.
        let health = through_url(&chat, "GET", "/nowhere", &[], b"").await;
        assert_eq!(health.json()["code"], "not_found");
        let event = function_url("POST", "/v1/chat", &headers(&authorization), &question());
        let invocation = chat.invoke_within(event, Duration::from_secs(5)).await.unwrap();
        let events = sse(&invocation.result.expect("an answer before the platform gives up"));
        let (name, last) = events.last().unwrap();
        match name.as_str() {
            "done" => assert_eq!(last["degraded"], json!(["vector_search", "model"])),
            "error" => assert_eq!(last["code"], "interrupted"),
            other => panic!("{other}"),
        }
        provider.abandoned(1).await;
    }
}
