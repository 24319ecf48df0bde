//! Conversations: earlier turns, whose they are, and how many of them a model sees.

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi},
    parts::token,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PIPES, full_text, shelve};

/// An app whose only model is `provider`.
async fn with_model(provider: &OpenAi) -> TestApp {
    let url = provider.url();
    full_text(&[("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", &url), ("HISTORY_TURNS", "2")]).await
}

/// The roles and texts of a request's messages, without the rules and the passages.
fn said(body: &Value) -> Vec<(String, String)> {
    let messages = body["messages"].as_array().unwrap();
    let text = |message: &Value, member: &str| message[member].as_str().unwrap().to_owned();
    messages[1..messages.len() - 1]
        .iter()
        .map(|message| (text(message, "role"), text(message, "content")))
        .collect()
}

#[tokio::test]
async fn a_model_sees_the_last_turns_and_no_more() {
    let provider = OpenAi::answering(|body| {
        let turn = body["messages"].as_array().unwrap().len();
        Answer::text(&format!("It is 22 HRC, I said with {turn} messages [1 \"weld is 22 HRC\"]."))
    });
    let app = with_model(&provider).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, "How hard is a weld? (1)").await;
    let conversation = first["conversation_id"].as_str().unwrap();
    for (number, name) in [(2, "conversation_id"), (3, "session_id"), (4, "conversation_id")] {
        let answer = app
            .ask_with(
                &alice,
                &json!({ "message": format!("How hard is a weld? ({number})"), name: conversation }),
            )
            .await;
        assert_eq!(answer["conversation_id"], conversation);
        assert_ne!(answer["id"], first["id"]);
    }
    let requests = provider.requests();
    assert_eq!(requests.len(), 4);
    assert!(said(&requests[0].body).is_empty());
    let turn = |number: u32, messages: u32| {
        [
            ("user".to_owned(), format!("How hard is a weld? ({number})")),
            // The numbers of its citations mean nothing to the next request.
            ("assistant".to_owned(), format!("It is 22 HRC, I said with {messages} messages.")),
        ]
    };
    assert_eq!(said(&requests[1].body), turn(1, 2));
    assert_eq!(said(&requests[2].body), [turn(1, 2), turn(2, 4)].concat());
    assert_eq!(said(&requests[3].body), [turn(2, 4), turn(3, 6)].concat());
}

#[tokio::test]
async fn a_strangers_conversation_is_one_that_does_not_exist() {
    let provider = OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."));
    let app = with_model(&provider).await;
    let (alice, bob, other) =
        (token("alice", Some("org_1")), token("bob", Some("org_1")), token("alice", Some("org_2")));
    shelve(&app, &alice, "", PIPES).await;
    let conversation = app.ask(&alice, "How hard is a weld?").await["conversation_id"].clone();
    // A colleague, the person in another workspace, and an id that nobody has, all alike.
    let unknown = json!(Uuid::now_v7());
    let mut bodies = Vec::new();
    for (who, id) in [(&bob, &conversation), (&other, &conversation), (&alice, &unknown)] {
        let refused = app
            .post("/v1/chat", who, &json!({ "message": "How hard is a weld?", "conversation_id": id }))
            .await;
        assert_eq!(refused.status, 404, "{}", refused.text());
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        let mut body = refused.json();
        assert_eq!(
            (&body["code"], &body["detail"]),
            (&json!("not_found"), &json!("There is no such conversation."))
        );
        body["request_id"].take();
        bodies.push(body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(provider.requests().len(), 1, "no model was asked for them");
    let client = app.database.connect(None).await;
    let messages: i64 = client.query_one("SELECT count(*) FROM messages", &[]).await.unwrap().get(0);
    assert_eq!(messages, 1);
}

#[tokio::test]
async fn without_a_memory_the_model_sees_the_question_alone() {
    let provider = OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."));
    let url = provider.url();
    let app =
        full_text(&[("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", &url), ("HISTORY_TURNS", "0")]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, "How hard is a weld?").await;
    let body =
        json!({ "message": "And again, how hard is a weld?", "conversation_id": first["conversation_id"] });
    app.ask_with(&alice, &body).await;
    assert!(said(&provider.requests()[1].body).is_empty());
}
