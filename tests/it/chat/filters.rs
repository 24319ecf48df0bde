//! What a search is limited to.

use harness::{app::TestApp, parts::token};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{full_text, shelve};

/// Three documents that answer the same question, each in its own words; the ids in order.
async fn library(app: &TestApp, alice: &str) -> [String; 3] {
    [
        shelve(app, alice, "?standard=NACE&effective_date=2020-01-31", &["One\nThe gasket colour is amber."])
            .await,
        shelve(app, alice, "?standard=ASTM&effective_date=2024-05-02", &["Two\nThe gasket colour is blue."])
            .await,
        shelve(app, alice, "", &["Three\nThe gasket colour is cyan."]).await,
    ]
}

/// The colours in the answer, in order.
async fn colours(app: &TestApp, token: &str, filters: Value) -> Vec<&'static str> {
    let answer =
        app.ask_with(token, &json!({ "message": "What is the gasket colour?", "filters": filters })).await;
    let text = answer["answer"].as_str().unwrap().to_owned();
    let found: Vec<_> =
        ["amber", "blue", "cyan"].into_iter().filter(|colour| text.contains(colour)).collect();
    assert_eq!(answer["refused"], found.is_empty(), "{answer}");
    found
}

#[tokio::test]
async fn each_filter_limits_and_all_together_limit_more() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let [one, two, three] = library(&app, &alice).await;
    let none: [&str; 0] = [];
    for (filters, expected) in [
        (json!({}), &["amber", "blue", "cyan"][..]),
        (Value::Null, &["amber", "blue", "cyan"]),
        (json!({ "standard": null, "date_from": null, "document_ids": null }), &["amber", "blue", "cyan"]),
        (json!({ "standard": "NACE" }), &["amber"]),
        (json!({ "standard": "ASME" }), &none),
        (json!({ "date_from": "2020-01-31" }), &["amber", "blue"]),
        (json!({ "date_from": "2020-02-01" }), &["blue"]),
        (json!({ "dateFrom": "2020-02-01T00:00:00Z" }), &["blue"]),
        // The second of May in UTC, wherever it was said.
        (json!({ "date_from": "2024-05-01T23:30:00-02:00" }), &["blue"]),
        (json!({ "date_from": "2024-05-03T01:30:00+02:00" }), &["blue"]),
        (json!({ "date_from": "2024-05-03T00:00:00.000Z" }), &none),
        (json!({ "document_ids": [two, three] }), &["blue", "cyan"]),
        (json!({ "document_ids": [two.to_uppercase(), two] }), &["blue"]),
        (json!({ "document_ids": [] }), &none),
        (json!({ "document_ids": [Uuid::now_v7()] }), &none),
        (json!({ "document_ids": [Uuid::now_v7(), one] }), &["amber"]),
        (json!({ "document_ids": [one, two], "standard": "ASTM" }), &["blue"]),
        (json!({ "document_ids": [one], "standard": "ASTM" }), &none),
        (
            json!({ "document_ids": [one, two, three], "standard": "ASTM", "date_from": "2024-05-02" }),
            &["blue"],
        ),
    ] {
        assert_eq!(colours(&app, &alice, filters.clone()).await, expected, "{filters}");
    }
}

#[tokio::test]
async fn a_filter_opens_nobody_elses_documents() {
    let app = full_text(&[]).await;
    let (alice, bob) = (token("alice", None), token("bob", None));
    let [one, ..] = library(&app, &alice).await;
    let own = shelve(&app, &bob, "", &["Mine\nThe gasket colour is cyan here."]).await;
    let none: [&str; 0] = [];
    assert_eq!(colours(&app, &bob, json!({ "document_ids": [one] })).await, none);
    assert_eq!(colours(&app, &bob, json!({ "document_ids": [one, own] })).await, ["cyan"]);
    // The same person in an organisation's workspace is another tenant.
    assert_eq!(colours(&app, &token("alice", Some("org_1")), json!({ "document_ids": [one] })).await, none);
}
