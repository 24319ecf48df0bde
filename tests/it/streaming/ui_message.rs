//! The AI SDK's UI message stream: our parts, and what that SDK's own reader makes of them.

use std::process::Command;

use harness::{
    followed::Event,
    openai::{Answer, Interruption, OpenAi},
    served::Served,
};
use serde_json::{Value, json};

use super::{QUESTION, SENT, WORDS, WRITTEN, shelved, stored, written};

const SDK: &[(&str, &str)] = &[("x-vercel-ai-ui-message-stream", "v1")];

fn types(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        event.data["type"].as_str().unwrap_or_else(|| event.data.as_str().unwrap()).to_owned()
    };
    let mut types: Vec<String> = events.iter().map(name).collect();
    types.dedup();
    types
}

#[tokio::test]
async fn an_answer_is_a_text_its_sources_and_its_citations() {
    let provider = OpenAi::answering(|_| Answer::text(WRITTEN).usage(1_000, 100));
    let (app, alice) = shelved(&provider, &[]).await;
    let events = app.follow(&alice, SDK, &json!({ "message": QUESTION })).await.all().await;
    assert!(events.iter().all(|event| event.name.is_empty()), "{events:?}");
    assert_eq!(
        types(&events),
        [
            "start",
            "text-start",
            "text-delta",
            "source-document",
            "data-citation",
            "text-delta",
            "text-end",
            "finish",
            "[DONE]"
        ]
    );
    let of = |kind: &str| -> Vec<&Value> {
        events.iter().map(|event| &event.data).filter(|data| data["type"] == kind).collect()
    };
    let text: String = of("text-delta").iter().map(|part| part["delta"].as_str().unwrap()).collect();
    assert_eq!(text, SENT);
    let kept = &stored(&app, 1).await[0];
    assert_eq!(of("data-citation")[0]["data"], kept["citations"][0]);
    assert_eq!(of("source-document")[0]["sourceId"], kept["citations"][0]["document_id"]);
    let start = of("start")[0];
    assert_eq!(
        (&start["messageId"], &start["messageMetadata"]["conversation_id"]),
        (&kept["id"], &kept["conversation_id"])
    );
    let finish = of("finish")[0];
    assert_eq!(
        (&finish["finishReason"], &finish["messageMetadata"]["usage"]),
        (&json!("stop"), &kept["usage"])
    );
}

#[tokio::test]
async fn one_that_breaks_off_has_an_error_and_no_finish() {
    let provider = OpenAi::answering(|_| written(WORDS, Interruption::Cut));
    let (app, alice) = shelved(&provider, &[]).await;
    let events = app.follow(&alice, SDK, &json!({ "message": QUESTION })).await.all().await;
    assert_eq!(
        types(&events),
        ["start", "text-start", "text-delta", "text-end", "message-metadata", "error", "[DONE]"]
    );
    let error = &events[events.len() - 2].data["errorText"];
    let problem: Value = serde_json::from_str(error.as_str().unwrap()).unwrap();
    assert_eq!(problem["code"], "interrupted");
}

/// The SDK's transport asks the real server twice in one conversation, and its reader reads what comes.
#[tokio::test]
async fn the_sdks_own_reader_reads_it() {
    let Ok(modules) = std::env::var("TEST_NODE_MODULES") else {
        println!("skipped: no Node on this machine, or its packages could not be fetched");
        return;
    };
    let provider = OpenAi::start(vec![
        Answer::text(WRITTEN).usage(1_000, 100),
        Answer::text(WRITTEN),
        written(WORDS, Interruption::Cut),
    ]);
    let (app, alice) = shelved(&provider, &[]).await;
    let served = Served::start(&app.settings).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/streaming/follow.mjs");
    let mut node = Command::new("node");
    node.arg(script)
        .env("NODE_MODULES", modules)
        .env("API", format!("{}/v1/chat", served.url))
        .env("TOKEN", &alice);
    let output = tokio::task::spawn_blocking(move || node.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let turns: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept = stored(&app, 3).await;
    assert_eq!((turns.len(), kept.len()), (4, 3), "{said}");
    for (turn, kept) in turns.iter().zip(&kept) {
        let (message, parts) = (&turn["message"], turn["message"]["parts"].as_array().unwrap());
        let of = |kind: &str| parts.iter().find(|part| part["type"] == kind);
        assert_eq!((&message["id"], &message["role"]), (&kept["id"], &json!("assistant")), "{turn}");
        assert_eq!(
            (&of("text").unwrap()["text"], &of("text").unwrap()["state"]),
            (&kept["answer"], &json!("done"))
        );
        assert_eq!(message["metadata"]["conversation_id"], kept["conversation_id"]);
        assert_eq!(kept["conversation_id"], kept_first(&turns));
        let citation = kept["citations"].get(0);
        assert_eq!(of("data-citation").map(|part| &part["data"]), citation);
        assert_eq!(
            of("source-document").map(|part| &part["sourceId"]),
            citation.map(|cited| &cited["document_id"])
        );
        // The SDK shows more than one state of a message that comes in pieces.
        assert!(turn["states"].as_u64().unwrap() > 3, "{turn}");
    }
    assert_eq!((&turns[0]["errors"], &turns[1]["errors"]), (&json!([]), &json!([])));
    assert_eq!(
        turns[0]["message"]["metadata"]["usage"],
        json!({ "input_tokens": 1000, "output_tokens": 100, "cost_usd": kept[0]["usage"]["cost_usd"] })
    );
    assert_eq!(
        (&turns[2]["errors"][0]["code"], &turns[2]["message"]["metadata"]["interrupted"]),
        (&json!("interrupted"), &json!(true))
    );
    // A response that is no stream is an error of the same shape.
    assert_eq!(turns[3]["errors"][0]["code"], "unauthenticated");
}

fn kept_first(turns: &[Value]) -> Value {
    turns[0]["message"]["metadata"]["conversation_id"].clone()
}
