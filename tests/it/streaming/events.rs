//! What comes when.

use axum::http::Method;
use harness::{
    app::{TestApp, request},
    followed::{named, text},
    openai::{Answer, OpenAi},
};
use serde_json::{Value, json};

use super::{QUESTION, SENT, WORDS, WRITTEN, question, shelved, waiting};

#[tokio::test]
async fn words_are_passed_on_while_the_model_writes() {
    let (provider, until) = waiting(WORDS);
    let (app, alice) = shelved(&provider, &[]).await;
    let mut followed = app.follow(&alice, &[], &question()).await;
    assert_eq!(followed.headers["content-type"], "text/event-stream");
    assert_eq!(followed.headers["cache-control"], "no-store");
    let mut events = Vec::new();
    // The model waits, until these have come.
    while !text(&events).contains("Welds are very hard.") {
        events.push(followed.next().await.expect("the first sentence"));
    }
    until.notify_one();
    events.extend(followed.all().await);

    let done = named(&events, "done")[0].clone();
    assert_eq!((text(&events).as_str(), &done["answer"]), (SENT, &json!(SENT)));
    app.prove(&alice, &done).await;
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!((names[0], &names[names.len() - 2..]), ("start", &["usage", "done"][..]));
    assert_eq!(named(&events, "start")[0]["id"], done["id"]);
    assert_eq!(named(&events, "start")[0]["conversation_id"], done["conversation_id"]);
    assert_eq!(named(&events, "usage")[0], &done["usage"]);
    // The reader knows a citation before its marker comes.
    let cited = names.iter().position(|name| *name == "citation").unwrap();
    assert_eq!(events[cited].data, done["citations"][0]);
    assert!(!text(&events[..cited]).contains('[') && text(&events[cited..]).contains("[1]"));
    assert!(named(&events, "token").len() <= WRITTEN.split(' ').count(), "{names:?}");
}

/// Headers of a request, its `stream`, and what comes: the first event's name, the language's version, or a media type.
type Case<'a> = (&'a [(&'a str, &'a str)], Option<bool>, &'a str);

#[tokio::test]
async fn the_body_says_whether_and_the_headers_say_in_which_language() {
    let provider = OpenAi::answering(|_| Answer::text(WRITTEN));
    let (app, alice) = shelved(&provider, &[]).await;
    let events = ("accept", "text/event-stream");
    let ui_message = ("accept", "application/json, text/event-stream; protocol=ui-message");
    let sdk = ("x-vercel-ai-ui-message-stream", "v1");
    let cases: [Case<'_>; 8] = [
        (&[], None, "application/json"),
        (&[("accept", "*/*")], None, "application/json"),
        (&[events], None, "start"),
        (&[events], Some(false), "application/json"),
        (&[], Some(true), "start"),
        (&[ui_message], None, "v1"),
        (&[sdk], None, "v1"),
        (&[sdk], Some(false), "application/json"),
    ];
    for (headers, stream, expected) in cases {
        let mut body = json!({ "message": QUESTION });
        if let Some(stream) = stream {
            body["stream"] = stream.into();
        }
        let followed = app.follow(&alice, headers, &body).await;
        let version =
            followed.headers.get("x-vercel-ai-ui-message-stream").map(|version| version.to_str().unwrap());
        assert_eq!(version, (expected == "v1").then_some("v1"), "{headers:?}");
        if expected == "application/json" {
            assert_eq!(followed.headers["content-type"], expected, "{headers:?}, {stream:?}");
            continue;
        }
        let first = followed.all().await.remove(0);
        assert_eq!(first.name, if expected == "v1" { "" } else { expected }, "{headers:?}");
        assert_eq!(first.data["type"], if expected == "v1" { json!("start") } else { json!(null) });
    }
}

#[tokio::test]
async fn what_fails_before_an_answer_begins_fails_by_its_status() {
    let (mut app, alice) = shelved(&OpenAi::start(Vec::new()), &[]).await;
    let unknown = json!({ "message": QUESTION, "stream": true, "conversation_id": "0190a0b0-0000-7000-8000-000000000000" });
    for (body, token, status, code) in [
        (unknown, alice.as_str(), 404, "not_found"),
        (json!({ "message": "", "stream": true }), &alice, 400, "validation_failed"),
        (question(), "nobody", 401, "unauthenticated"),
    ] {
        fails(&app, token, &body, status, code).await;
    }
    app.restart(&[("DISABLE_CHAT", "true")]).await;
    fails(&app, &alice, &question(), 503, "switched_off").await;
    // Nobody listens there.
    app.restart(&[("DISABLE_CHAT", "false"), ("DATABASE_URL", "postgres://footnote_app:x@127.0.0.1:1/none")])
        .await;
    fails(&app, &alice, &question(), 503, "database_unavailable").await;
}

async fn fails(app: &TestApp, token: &str, body: &Value, status: u16, code: &str) {
    let request = request(Method::POST, "/v1/chat", token)
        .header("content-type", "application/json")
        .header("accept", "text/event-stream");
    let answered = app.send(request.body(body.to_string().into()).unwrap()).await;
    assert_eq!(answered.headers["content-type"], "application/problem+json", "{code}");
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (status, &json!(code)));
}

#[tokio::test]
async fn answers_without_a_model_and_refusals_are_told_too() {
    for (own, message, refused) in [
        (true, QUESTION, false),
        (false, QUESTION, true),
        (true, "Who won the chess olympiad of 1972?", true),
    ] {
        // With `own` the documents speak for themselves: the model is away.
        let provider =
            OpenAi::answering(move |_| if own { Answer::unauthorized() } else { Answer::text("NO_ANSWER") });
        let (app, alice) = shelved(&provider, &[]).await;
        let events =
            app.follow(&alice, &[], &json!({ "message": message, "stream": true })).await.all().await;
        let done = named(&events, "done")[0];
        assert_eq!((&json!(text(&events)), &done["refused"]), (&done["answer"], &json!(refused)), "{done}");
        assert_eq!(
            named(&events, "citation"),
            done["citations"].as_array().unwrap().iter().collect::<Vec<_>>()
        );
        app.prove(&alice, done).await;
    }
}

#[tokio::test]
async fn the_next_model_writes_when_the_first_one_says_nothing() {
    let first = OpenAi::answering(|_| Answer::unauthorized());
    let second = OpenAi::answering(|_| Answer::text(WRITTEN));
    let url = second.url();
    let own = [
        ("CHAT_MODELS", "openai:gpt-4o-mini,groq:x"),
        ("GROQ_BASE_URL", url.as_str()),
        ("GROQ_API_KEY", "gsk-test"),
    ];
    let (app, alice) = shelved(&first, &own).await;
    let events = app.follow(&alice, &[], &question()).await.all().await;
    let done = named(&events, "done")[0];
    assert_eq!(done["model"], json!({ "provider": "groq", "name": "x", "fallback": true }));
    assert_eq!(text(&events), SENT);
}
