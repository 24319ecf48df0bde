//! Answers without a model: the documents' own sentences, each cited, or a refusal.

use std::collections::BTreeSet;

use harness::{
    app::{TestApp, file, sample},
    parts::token,
};
use serde_json::{Value, json};

use super::{BOILERS, PIPES, full_text, shelve};

/// Of the twenty questions about the sample standard, so many must be answered with the right words from the right page.
const RIGHT_MIN: usize = 16;

#[tokio::test]
async fn the_sample_questions_are_answered_from_the_right_pages() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let questions = String::from_utf8(file("samples/questions.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in questions.lines() {
        let asked: Value = serde_json::from_str(line).unwrap();
        let question = asked["question"].as_str().unwrap();
        let answer = app.ask(&alice, question).await;
        let cited = answer["citations"].as_array().unwrap();
        assert_eq!(cited.is_empty(), answer["refused"] == true, "{question}: {answer}");
        let quotes = cited.iter().filter_map(|citation| citation["quote"].as_str());
        let said: Vec<&str> =
            quotes.chain(answer["answer"].as_str()).flat_map(str::split_whitespace).collect();
        let said = said.join(" ");
        let has_words = asked["answer_contains"]
            .as_array()
            .unwrap()
            .iter()
            .all(|words| said.contains(words.as_str().unwrap()));
        if !has_words || !cited.iter().any(|citation| citation["page"] == asked["page"]) {
            wrong.push(format!("{question} → {said}"));
        }
    }
    let right = questions.lines().count() - wrong.len();
    println!(
        "right words from the right page: {right} of {}\n{}",
        questions.lines().count(),
        wrong.join("\n")
    );
    assert_eq!(questions.lines().count(), 20);
    assert!(right >= RIGHT_MIN, "{right}: {wrong:#?}");
}

#[tokio::test]
async fn the_answer_object_has_these_members_and_no_others() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let id = shelve(&app, &alice, "?title=Pipes", PIPES).await;
    let answered =
        app.post("/v1/chat", &alice, &json!({ "message": "What is the maximum hardness of a weld?" })).await;
    assert_eq!(
        (answered.status.as_u16(), &answered.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let mut answer = answered.json();
    app.prove(&alice, &answer).await;
    for id in [&answer["id"], &answer["conversation_id"]] {
        assert_eq!(id.as_str().unwrap().as_bytes()[14], b'7', "a UUID of version 7: {id}");
    }
    for timing in answer["timings_ms"].as_object_mut().unwrap().values_mut() {
        assert!(timing.take().as_u64().unwrap() < 25_000);
    }
    (answer["id"], answer["conversation_id"]) = (json!("…"), json!("…"));
    let quote = "The maximum hardness of a weld is 22 HRC in any position.";
    assert_eq!(
        answer,
        json!({
            "id": "…", "conversation_id": "…", "answer": format!("{quote} [1]"),
            "citations": [{ "marker": 1, "document_id": id, "title": "Pipes", "page": 1, "char_start": 29,
                "char_end": 86, "quote": quote, "method": "extracted", "verification": "verified" }],
            "refused": false, "degraded": [], "cached": false,
            "model": { "provider": "footnote", "name": "extractive", "fallback": false },
            "usage": { "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0 },
            "timings_ms": { "search": null, "model": null, "total": null }
        })
    );
}

#[tokio::test]
async fn what_the_documents_do_not_say_is_refused() {
    let app = TestApp::new().await;
    let (alice, bob) = (token("alice", None), token("bob", None));
    shelve(&app, &alice, "", PIPES).await;
    // Alice's documents are about other things; Bob has none; the last holds words of the question and no answer.
    for (who, question) in [
        (&alice, "Who won the football match between Brazil and Norway?"),
        (&bob, "What is the maximum hardness of a weld?"),
        (&alice, "Zqxv?"),
        (&alice, "???"),
        (&alice, "What is the maximum speed of a lorry on a motorway in Portugal?"),
    ] {
        let answer = app.ask(who, question).await;
        assert_eq!(answer["refused"], true, "{answer}");
        assert_eq!(answer["citations"], json!([]), "{answer}");
        assert_eq!(answer["answer"], "The documents do not answer this question.");
        assert_eq!(answer["degraded"], json!([]));
    }
}

#[tokio::test]
async fn brackets_of_a_document_are_not_taken_for_citations() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", &["Limits\nThe hardness of a flange is 21 HRC [12] at 25 [1] mm [see 7]."])
        .await;
    let answer = app.ask(&alice, "What is the hardness of a flange?").await;
    assert_eq!(answer["answer"], "The hardness of a flange is 21 HRC ［12］ at 25 ［1］ mm [see 7]. [1]");
    assert_eq!(
        answer["citations"][0]["quote"],
        "The hardness of a flange is 21 HRC [12] at 25 [1] mm [see 7]."
    );
}

#[tokio::test]
async fn both_paths_and_all_names_of_the_members_lead_to_the_same_answer() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let question = "How long are inspection records kept?";
    let mut answers = BTreeSet::new();
    for (path, body) in [
        ("/v1/chat", json!({ "message": question })),
        ("/api/chat", json!({ "message": question })),
        ("/v1/chat", json!({ "query": format!("  {question}\n") })),
        ("/api/chat", json!({ "query": question, "stream": false, "conversation_id": null })),
    ] {
        let answered = app.post(path, &alice, &body).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        answers.insert(answered.json()["answer"].to_string());
    }
    assert_eq!(Vec::from_iter(answers), ["\"The manufacturer keeps inspection records for 10 years. [1]\""]);
}

#[tokio::test]
async fn more_passages_are_found_the_more_are_asked_for() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    for number in 0..3 {
        shelve(&app, &alice, "", &[&format!("Sheet {number}\nThe colour of gasket {number} is red.")]).await;
    }
    for (top_k, expected) in [(1, 1), (2, 2), (50, 3)] {
        let answer = app.ask_with(&alice, &json!({ "message": "gasket colour?", "top_k": top_k })).await;
        let client = app.database.connect(None).await;
        let id: uuid::Uuid = answer["id"].as_str().unwrap().parse().unwrap();
        let row = client.query_one("SELECT passages FROM query_logs WHERE id = $1", &[&id]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), expected);
    }
}

#[tokio::test]
async fn an_answer_can_come_as_events_that_end_with_the_same_object() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    shelve(&app, &alice, "", BOILERS).await;
    let question = "At what pressure does the safety valve of a boiler open?";
    let by_member = app.post("/v1/chat", &alice, &json!({ "message": question, "stream": true })).await;
    let request = harness::app::request(axum::http::Method::POST, "/v1/chat", &alice)
        .header("content-type", "application/json")
        .header("accept", "text/event-stream");
    let body = json!({ "message": question }).to_string();
    let by_header = app.send(request.body(body.into()).unwrap()).await;
    for streamed in [by_member, by_header] {
        assert_eq!(streamed.status, 200);
        assert_eq!(streamed.headers["content-type"], "text/event-stream");
        let text = streamed.text();
        let events: Vec<(&str, Value)> = text
            .split_terminator("\n\n")
            .map(|event| {
                let (name, data) = event.split_once('\n').unwrap();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                (name.strip_prefix("event: ").unwrap(), data)
            })
            .collect();
        let names: Vec<&str> = events.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["start", "citation", "token", "usage", "done"], "{text}");
        let done = &events[4].1;
        app.prove(&alice, done).await;
        assert!(done["answer"].as_str().unwrap().contains("12 bar"), "{done}");
        assert_eq!(events[0].1, json!({ "id": done["id"], "conversation_id": done["conversation_id"] }));
        assert_eq!(events[2].1["text"], done["answer"]);
        assert_eq!((&events[1].1, &events[3].1), (&done["citations"][0], &done["usage"]));
    }
}
