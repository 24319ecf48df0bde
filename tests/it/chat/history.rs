//! Conversations that are there: listed, shown, deleted, each by its own person; and what earlier questions do for later ones.

use axum::http::Method;
use harness::{
    app::{TestApp, request},
    openai::{Answer, Interruption, OpenAi},
    parts::token,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BOILERS, PIPES, full_text, shelve};

async fn said(app: &TestApp, token: &str, path: &str) -> Value {
    let answered = app.get(path, token).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    answered.json()
}

#[tokio::test]
async fn conversations_are_listed_newest_first_and_shown_in_their_order() {
    let app = full_text(&[]).await;
    let (alice, bob) = (token("alice", Some("org_1")), token("bob", Some("org_1")));
    shelve(&app, &alice, "", PIPES).await;
    let mut asked = Vec::new();
    for number in 0..3 {
        asked.push(app.ask(&alice, &format!("How hard may weld {number} be?")).await);
    }
    let conversation = asked[0]["conversation_id"].as_str().unwrap().to_owned();
    let more = json!({ "message": "How soon is a weld inspected?", "conversation_id": conversation });
    asked.push(app.ask_with(&alice, &more).await);

    let list = said(&app, &alice, "/v1/conversations").await;
    let ids: Vec<&Value> = list["conversations"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [2, 1, 0].map(|at| &asked[at]["conversation_id"]));
    let first = &list["conversations"][2];
    assert_eq!((&first["question"], &list["next"]), (&json!("How hard may weld 0 be?"), &Value::Null));
    assert!(first["updated_at"].as_str() > first["created_at"].as_str(), "{first}");

    let shown = said(&app, &alice, &format!("/v1/conversations/{conversation}")).await;
    assert_eq!((&shown["id"], &shown["next"]), (&json!(conversation), &Value::Null));
    let messages = shown["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    for (message, answer) in messages.iter().zip([&asked[0], &asked[3]]) {
        assert_eq!(&message["answer"], answer, "as it was sent");
        app.prove(&alice, &message["answer"]).await;
    }
    assert_eq!(messages[1]["question"], more["message"]);
    assert_eq!(
        said(&app, &bob, "/v1/conversations").await["conversations"],
        json!([]),
        "a colleague's are not"
    );
}

#[tokio::test]
async fn long_lists_come_in_pieces_that_link_to_the_next() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    let first = app.ask(&alice, "Question 0?").await;
    let conversation = first["conversation_id"].as_str().unwrap().to_owned();
    let mut ids = vec![first["id"].clone()];
    for number in 1..5 {
        let more = json!({ "message": format!("Question {number}?"), "conversation_id": conversation });
        ids.push(app.ask_with(&alice, &more).await["id"].clone());
        app.ask(&alice, "Another one?").await;
    }
    for (path, entries, count) in [
        (format!("/v1/conversations/{conversation}"), "messages", 5),
        ("/v1/conversations".to_owned(), "conversations", 5),
    ] {
        let (mut found, mut at) = (Vec::new(), format!("{path}?limit=2"));
        for piece in [2, 2, 1] {
            let answered = app.get(&at, &alice).await;
            let body = answered.json();
            let entries = body[entries].as_array().unwrap().clone();
            assert_eq!(entries.len(), piece, "{at}");
            found.extend(entries);
            let link = answered.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
            assert_eq!(link.is_some(), body["next"].is_string());
            let Some(link) = link else { break };
            at = link
                .strip_prefix('<')
                .and_then(|rest| rest.strip_suffix(">; rel=\"next\""))
                .unwrap()
                .to_owned();
            assert!(at.starts_with(&path), "{at}");
        }
        assert_eq!(found.len(), count);
        if entries == "messages" {
            let order: Vec<Value> = found.iter().map(|message| message["answer"]["id"].clone()).collect();
            assert_eq!(order, ids);
        }
        for bad in ["limit=0", "limit=201", "limit=x", "cursor=1", "order=up", "limit=1&limit=2"] {
            let refused = app.get(&format!("{path}?{bad}"), &alice).await;
            assert_eq!(refused.status, 400, "{bad}: {}", refused.text());
        }
    }
}

#[tokio::test]
async fn a_deleted_conversation_is_gone_and_only_its_person_can_delete_it() {
    let app = full_text(&[]).await;
    let (alice, bob) = (token("alice", Some("org_1")), token("bob", Some("org_1")));
    let kept = app.ask(&alice, "One?").await["conversation_id"].clone();
    let gone = app.ask(&alice, "Two?").await["conversation_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/conversations/{gone}");
    let unknown = format!("/v1/conversations/{}", Uuid::now_v7());
    for method in [Method::GET, Method::DELETE] {
        let foreign = app.call(method.clone(), &path, &bob).await;
        let missing = app.call(method, &unknown, &bob).await;
        assert_eq!((foreign.status.as_u16(), foreign.told()), (404, missing.told()));
    }
    assert_eq!(app.call(Method::DELETE, &path, &alice).await.status, 204);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(app.call(method, &path, &alice).await.status, 404);
    }
    let on = app.post("/v1/chat", &alice, &json!({ "message": "Three?", "conversation_id": gone })).await;
    assert_eq!(on.status, 404);
    let list = said(&app, &alice, "/v1/conversations").await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(list["conversations"][0]["id"], kept);
    let client = app.database.connect(None).await;
    let messages: i64 = client.query_one("SELECT count(*) FROM messages", &[]).await.unwrap().get(0);
    assert_eq!(messages, 1);
}

#[tokio::test]
async fn what_broke_off_is_shown_as_such_and_no_model_sees_it_again() {
    let whole = "It is 22 HRC [1 \"weld is 22 HRC\"].";
    let provider = OpenAi::start(vec![
        Answer::text(whole),
        Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]. And").interrupted(3, Interruption::Cut),
        Answer::text(whole),
    ]);
    let url = provider.url();
    let app = full_text(&[("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", &url)]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let first = app.ask(&alice, "How hard is a weld?").await;
    let more = |message: &str| json!({ "message": message, "conversation_id": first["conversation_id"], "stream": true });
    for message in ["How hard is the weld of a pipe?", "How hard is any weld of it?"] {
        let streamed = request(Method::POST, "/v1/chat", &alice).header("content-type", "application/json");
        let streamed = app.send(streamed.body(more(message).to_string().into()).unwrap()).await;
        assert_eq!(streamed.status, 200);
    }
    let path = format!("/v1/conversations/{}", first["conversation_id"].as_str().unwrap());
    let shown = said(&app, &alice, &path).await;
    let interrupted: Vec<bool> = shown["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["answer"]["interrupted"] == true)
        .collect();
    assert_eq!(interrupted, [false, true, false]);
    let last = provider.requests().remove(2).body;
    let said: Vec<&str> = last["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(said.len(), 4, "the rules, one whole exchange, the question: {said:#?}");
    assert_eq!(&said[1..3], ["How hard is a weld?", "It is 22 HRC."]);
}

#[tokio::test]
async fn the_oldest_turns_are_left_out_where_they_are_too_long() {
    let provider = OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]."));
    let url = provider.url();
    let settings =
        [("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", url.as_str()), ("HISTORY_TOKENS", "100")];
    let app = full_text(&settings).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let long = format!("How hard is a weld? {}", "Tell me exactly. ".repeat(30));
    let first = app.ask(&alice, &long).await;
    for message in ["How hard is a weld on a pipe?", "How hard is a weld in a boiler?"] {
        app.ask_with(&alice, &json!({ "message": message, "conversation_id": first["conversation_id"] }))
            .await;
    }
    let lengths: Vec<usize> = provider
        .requests()
        .iter()
        .map(|request| request.body["messages"].as_array().unwrap().len())
        .collect();
    assert_eq!(lengths, [2, 2, 4]);
}

#[tokio::test]
async fn a_question_that_follows_up_finds_what_the_one_before_was_about() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    shelve(&app, &alice, "", BOILERS).await;
    let first = app.ask(&alice, "What is the maximum hardness of a weld?").await;
    assert_eq!(
        app.ask(&alice, "And in which position?").await["answer"]
            .as_str()
            .map(|answer| answer.contains("22 HRC")),
        Some(true)
    );
    assert_eq!(app.ask(&alice, "Why?").await["refused"], true, "alone it means nothing");
    let more = json!({ "message": "Why?", "conversation_id": first["conversation_id"] });
    let answer = app.ask_with(&alice, &more).await;
    assert!(answer["answer"].as_str().unwrap().contains("22 HRC"), "{answer}");
    // What stands alone is not led astray.
    let more = json!({ "message": "At what pressure does the safety valve open?", "conversation_id": first["conversation_id"] });
    let answer = app.ask_with(&alice, &more).await;
    assert!(answer["answer"].as_str().unwrap().contains("12 bar"), "{answer}");
}

#[tokio::test]
async fn a_cheap_model_makes_the_question_stand_alone_for_search_only() {
    let provider = OpenAi::answering(|body| {
        let system = body["messages"][0]["content"].as_str().unwrap();
        if system.starts_with("Rewrite") {
            return Answer::text("At what pressure does the safety valve of a boiler open?").usage(50, 10);
        }
        let passages = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        if passages.contains("12 bar") {
            Answer::text("At 12 bar [1 \"opens at 12 bar\"].").usage(500, 20)
        } else {
            Answer::text("It is lit by two burners [1 \"lit by two electric burners\"].").usage(500, 20)
        }
    });
    let url = provider.url();
    let settings = [
        ("OPENAI_API_KEY", "sk-test"),
        ("OPENAI_BASE_URL", url.as_str()),
        ("CHAT_MODELS", "openai:gpt-4o"),
        ("CHAT_MODELS_CHEAP", "openai:gpt-4o-mini"),
    ];
    let app = full_text(&settings).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    shelve(&app, &alice, "", BOILERS).await;
    let first = app.ask(&alice, "What lights the furnace of a boiler?").await;
    let more = json!({ "message": "And when does it open?", "conversation_id": first["conversation_id"] });
    let answer = app.ask_with(&alice, &more).await;
    assert_eq!(answer["answer"], "At 12 bar [1].");
    assert_eq!(answer["usage"]["input_tokens"], 550, "what the rewriting took counts");
    let requests = provider.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[1].body["model"], "gpt-4o-mini");
    let last = requests[2].body["messages"].as_array().unwrap();
    let question = last.last().unwrap()["content"].as_str().unwrap();
    assert!(
        question.contains("Question: And when does it open?"),
        "the model sees what was asked: {question}"
    );
    assert_eq!(last.len(), 4, "and the conversation");
}
