//! What goes over the wire to Postgres: no statement has a name that would outlive its transaction behind a pooler, and a
//! transaction costs one round trip.

use std::time::Duration;

use axum::http::Method;
use harness::{
    app::TestApp,
    holdings::hold,
    openai::{Answer, OpenAi},
    postgres_wire::{Sent, Wire},
};
use serde_json::json;

#[tokio::test]
async fn no_statement_has_a_name_and_no_transaction_waits_half_way() {
    let mut app = TestApp::new().await;
    let superuser = app.database.connect(None).await;
    let alice = hold(&superuser, "alice", None, 1).await;
    let direct = app.database.url(Some("footnote_app"));
    let wire = Wire::start(&direct).await;
    // The vectors that are held are anybody's: what is near to what does not matter here.
    let own = [("DATABASE_MAX_CONNECTIONS", "1"), ("MATCH_THRESHOLD", "-1")];
    app.restart(&[&[("DATABASE_URL", wire.url(&direct).as_str())][..], &own[..]].concat()).await;

    // The connection's own start-up is not what is looked at.
    assert_eq!(app.get("/v1/documents", &alice.token).await.status, 200);
    let ask = async |body| {
        wire.forget();
        let answered = app.post("/v1/chat", &alice.token, &body);
        let answered = tokio::time::timeout(Duration::from_secs(60), answered).await;
        let answered = answered.expect("a transaction waits for a reply before it is sent whole");
        assert!(answered.status == 200 && answered.text().contains(&alice.secret), "{}", answered.text());
        transactions(&wire.sent())
    };
    // Search and record; before them, the conversation.
    let question = ask(json!({ "message": alice.question() })).await;
    assert_eq!(question.len(), 2, "{question:#?}");
    assert!(question[0][1].contains("postings") && question[1][1].contains("INSERT INTO messages"));
    let continued = ask(json!({ "message": alice.question(), "conversation_id": alice.conversation })).await;
    assert_eq!(continued.len(), 3, "{continued:#?}");

    let document = format!("/v1/documents/{}", alice.document);
    for (method, path) in [
        (Method::GET, "/v1/documents".to_owned()),
        (Method::GET, document.clone()),
        (Method::GET, format!("{document}/pages/1")),
        (Method::DELETE, document),
        (Method::DELETE, "/v1/users/alice".to_owned()),
    ] {
        wire.forget();
        let answered =
            tokio::time::timeout(Duration::from_secs(60), app.call(method, &path, &alice.token)).await;
        let answered = answered.expect("a transaction waits for a reply before it is sent whole");
        assert!(answered.status.is_success(), "{path}: {}", answered.text());
        assert!(!transactions(&wire.sent()).is_empty());
    }
}

#[tokio::test]
async fn a_model_costs_two_transactions_a_cap_one_and_an_answer_given_again_none() {
    let provider = OpenAi::answering(|_| Answer::text("NO_ANSWER").usage(900, 3));
    let mut app = TestApp::new().await;
    let superuser = app.database.connect(None).await;
    let alice = hold(&superuser, "alice", None, 1).await;
    let direct = app.database.url(Some("footnote_app"));
    let wire = Wire::start(&direct).await;
    let (through, url) = (wire.url(&direct), provider.url());
    let own = [
        ("DATABASE_URL", through.as_str()),
        ("DATABASE_MAX_CONNECTIONS", "1"),
        ("MATCH_THRESHOLD", "-1"),
        ("OPENAI_BASE_URL", &url),
        ("OPENAI_API_KEY", "sk-test"),
        ("CHAT_MODELS", "openai:gpt-4o-mini"),
    ];
    // Alice has spent something already.
    let cap = [("BUDGET_USD_PER_DAY_USER", "1000")];
    let (free, capped) = (own.to_vec(), [&own[..], &cap].concat());
    let anew = ["query_cache", "postings", "INSERT INTO messages", "UPDATE query_cache"];
    let again = ["query_cache", "INSERT INTO messages"];
    let reserved =
        ["query_cache", "postings", "budget_reserve", "INSERT INTO messages", "UPDATE query_cache"];
    for (settings, question, expected) in [
        (&free, "once", &anew[..]),
        (&free, "once", &again),
        (&capped, "twice", &reserved),
        (&capped, "twice", &again),
    ] {
        app.restart(settings).await;
        // The connection's own start-up is not what is looked at.
        assert_eq!(app.get("/v1/documents", &alice.token).await.status, 200);
        wire.forget();
        let question = format!("{} {question}", alice.question());
        let answer = app.ask(&alice.token, &question).await;
        assert_eq!((&answer["refused"], &answer["degraded"]), (&json!(true), &json!([])), "{answer}");
        let done = transactions(&wire.sent());
        let is_as_expected = done.len() == expected.len()
            && expected.iter().all(|part| done.iter().any(|statements| statements[1].contains(part)));
        assert!(is_as_expected, "{expected:?}: {done:#?}");
    }
}

/// Each transaction as the SQL it ran, the tenant's binding first. Nothing stands outside of one, and nothing has a name.
fn transactions(sent: &[Sent]) -> Vec<Vec<String>> {
    let (mut done, mut open) = (Vec::new(), None::<Vec<String>>);
    for message in sent {
        match message {
            Sent::Query(sql) if sql == "BEGIN" => assert_eq!(open.replace(Vec::new()), None),
            Sent::Query(sql) if sql == "COMMIT" => done.push(open.take().expect("a transaction to commit")),
            Sent::Query(sql) => panic!("outside of a transaction: {sql}"),
            Sent::Parse(name, sql) => {
                assert_eq!(name, "", "{sql}");
                open.as_mut().expect("a transaction around it").push(sql.clone());
            }
            Sent::Other(kind) => assert!("BDESC".contains(*kind), "{kind}"),
        }
    }
    assert_eq!(open, None);
    for statements in &done {
        assert!(
            statements.len() == 2 && statements[0].contains("set_config('app.workspace_id'"),
            "{statements:#?}"
        );
    }
    done
}
