//! What a question may look like: every rule, its code and its sentence.

use harness::{
    app::{Answered, TestApp, request},
    parts::token,
};
use serde_json::{Value, json};

use super::full_text;

/// The issues of a refusal as (path, code, message), after its head was looked at.
fn issues(refused: &Answered) -> Vec<(String, String, String)> {
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let problem = refused.json();
    assert_eq!(problem["error"], "Validation failed");
    assert_eq!((&problem["code"], &problem["status"]), (&json!("validation_failed"), &json!(400)));
    assert_eq!(problem["request_id"], refused.headers["x-request-id"].to_str().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |issue: &Value| {
        let path: Vec<String> = issue["path"].as_array().unwrap().iter().map(text).collect();
        (path.join("."), text(&issue["code"]), text(&issue["message"]))
    };
    problem["details"].as_array().unwrap().iter().map(read).collect()
}

async fn refusals(app: &TestApp, body: &Value) -> Vec<(String, String, String)> {
    issues(&app.post("/v1/chat", &token("alice", None), body).await)
}

fn owned(expected: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    expected.iter().map(|(path, code, message)| ((*path).into(), (*code).into(), (*message).into())).collect()
}

#[tokio::test]
async fn every_rule_has_its_code_and_its_sentence() {
    let app = full_text(&[]).await;
    let long = "x".repeat(2_001);
    let ids = vec!["018f0000-0000-7000-8000-000000000000"; 101];
    let cases = [
        (json!({ "message": "" }), "message", "too_small", "Query cannot be empty"),
        (json!({ "message": " \n\t " }), "message", "too_small", "Query cannot be empty"),
        (json!({ "query": "" }), "message", "too_small", "Query cannot be empty"),
        (json!({ "message": long }), "message", "too_big", "Query too long (max 2000 chars)"),
        (json!({ "message": "a\u{0}b" }), "message", "invalid_format", "Invalid characters in query"),
        (json!({ "message": "a\u{9f}b" }), "message", "invalid_format", "Invalid characters in query"),
        (json!({}), "message", "invalid_type", "Required"),
        (json!({ "message": null }), "message", "invalid_type", ""),
        (json!({ "message": 5 }), "message", "invalid_type", ""),
        (json!([]), "", "invalid_type", ""),
        (json!("question"), "", "invalid_type", ""),
        (json!({ "message": "x", "other": 1 }), "", "unrecognized_keys", "Unrecognized keys: \"other\""),
        (json!({ "message": "x", "query": "x" }), "", "unrecognized_keys", "Unrecognized keys: \"query\""),
        (
            json!({ "message": "x", "conversation_id": "1" }),
            "conversation_id",
            "invalid_format",
            "Invalid UUID",
        ),
        (json!({ "message": "x", "session_id": 1 }), "conversation_id", "invalid_type", ""),
        (json!({ "message": "x", "top_k": 0 }), "top_k", "too_small", "Must be at least 1"),
        (json!({ "message": "x", "top_k": -1 }), "top_k", "too_small", "Must be at least 1"),
        (json!({ "message": "x", "top_k": 51 }), "top_k", "too_big", "Must be at most 50"),
        (json!({ "message": "x", "top_k": 1.5 }), "top_k", "invalid_type", "Must be a whole number"),
        (json!({ "message": "x", "top_k": "8" }), "top_k", "invalid_type", ""),
        (json!({ "message": "x", "stream": "yes" }), "stream", "invalid_type", ""),
        (json!({ "message": "x", "filters": [] }), "filters", "invalid_type", ""),
        (
            json!({ "message": "x", "filters": { "standard": "ISO" } }),
            "filters.standard",
            "invalid_value",
            "",
        ),
        (
            json!({ "message": "x", "filters": { "standard": "nace" } }),
            "filters.standard",
            "invalid_value",
            "",
        ),
        (
            json!({ "message": "x", "filters": { "date_from": "2024-02-30" } }),
            "filters.date_from",
            "invalid_format",
            "Invalid ISO datetime",
        ),
        (
            json!({ "message": "x", "filters": { "dateFrom": "-009999-01-02T00:00:00Z" } }),
            "filters.dateFrom",
            "invalid_format",
            "Invalid ISO datetime",
        ),
        (
            json!({ "message": "x", "filters": { "document_ids": ["1"] } }),
            "filters.document_ids.0",
            "invalid_format",
            "Invalid UUID",
        ),
        (
            json!({ "message": "x", "filters": { "document_ids": ids } }),
            "filters.document_ids",
            "too_big",
            "Must have at most 100 items",
        ),
        (
            json!({ "message": "x", "filters": { "date": "2024-01-01" } }),
            "filters",
            "unrecognized_keys",
            "Unrecognized keys: \"date\"",
        ),
    ];
    for (body, path, code, message) in cases {
        let found = refusals(&app, &body).await;
        assert_eq!(found.len(), 1, "{body} {found:?}");
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (path, code), "{body} {found:?}");
        assert!(message.is_empty() || found[0].2 == message, "{body} {found:?}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let app = full_text(&[]).await;
    let body = json!({ "message": " ", "top_k": 99, "conversation_id": "x", "stream": 1, "colour": "red",
        "filters": { "standard": "ISO", "date_from": "soon", "document_ids": ["x"] } });
    let found = refusals(&app, &body).await;
    let paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
    let expected = [
        "",
        "conversation_id",
        "filters.date_from",
        "filters.document_ids.0",
        "filters.standard",
        "message",
        "stream",
        "top_k",
    ];
    assert_eq!(paths, expected, "{found:?}");
}

#[tokio::test]
async fn a_date_under_both_its_names_is_refused() {
    let app = full_text(&[]).await;
    let filters = json!({ "date_from": "2024-01-01", "dateFrom": "2024-01-01" });
    let found = refusals(&app, &json!({ "message": "x", "filters": filters })).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "filters");
}

#[tokio::test]
async fn a_whole_number_is_one_however_it_is_written() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    let send = async |top_k: &str| {
        let body = format!("{{\"message\":\"x\",\"top_k\":{top_k}}}");
        let sent =
            request(axum::http::Method::POST, "/v1/chat", &alice).header("content-type", "application/json");
        app.send(sent.body(body.into()).unwrap()).await
    };
    for whole in ["5.0", "5e0", "0.5e1", "50.000"] {
        let answered = send(whole).await;
        assert_eq!(answered.status, 200, "{whole}: {}", answered.text());
    }
    for (bad, code) in
        [("0.0", "too_small"), ("-1.0", "too_small"), ("51.0", "too_big"), ("5.5", "invalid_type")]
    {
        assert_eq!(issues(&send(bad).await)[0].1, code, "{bad}");
    }
}

#[tokio::test]
async fn a_date_is_one_of_rfc_3339_and_no_other_spelling() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    let body = |date: &str| json!({ "message": "x", "filters": { "date_from": date } });
    for good in
        ["2024-05-01", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"]
    {
        let answered = app.post("/v1/chat", &alice, &body(good)).await;
        assert_eq!(answered.status, 200, "{good}: {}", answered.text());
    }
    for bad in ["2024-05-01 10:00:00Z", "20240501T100000Z", "2024-05-01T10:00Z", "2024-05-01T10:00:00Z[UTC]"]
    {
        let found = refusals(&app, &body(bad)).await;
        assert_eq!(found, owned(&[("filters.date_from", "invalid_format", "Invalid ISO datetime")]), "{bad}");
    }
}

#[tokio::test]
async fn characters_count_and_not_bytes() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    let body = |count: usize| json!({ "message": "😀".repeat(count) });
    assert_eq!(app.ask_with(&alice, &body(2_000)).await["refused"], true);
    assert_eq!(
        refusals(&app, &body(2_001)).await,
        owned(&[("message", "too_big", "Query too long (max 2000 chars)")])
    );
    // Escaped, the same question has six times the bytes.
    let escaped = format!("{{\"message\":\"{}\"}}", "\\ud83d\\ude00".repeat(2_000));
    let sent =
        request(axum::http::Method::POST, "/v1/chat", &alice).header("content-type", "application/json");
    assert_eq!(app.send(sent.body(escaped.into()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn strict_questions_are_plain_and_shorter() {
    let app = full_text(&[("STRICT_QUERY", "true")]).await;
    let alice = token("alice", None);
    assert_eq!(app.ask(&alice, "What is A-106, grade B_2.1?\n").await["refused"], true);
    for (message, code, sentence) in [
        ("<b>".to_owned(), "invalid_format", "Invalid characters in query"),
        ("é".to_owned(), "invalid_format", "Invalid characters in query"),
        ("x".repeat(1_001), "too_big", "Query too long (max 1000 chars)"),
        ("x".repeat(2_001), "too_big", "Query too long (max 1000 chars)"),
        ("  ".to_owned(), "too_small", "Query cannot be empty"),
    ] {
        let found = refusals(&app, &json!({ "message": message })).await;
        assert_eq!(found, owned(&[("message", code, sentence)]));
    }
    // With the others, at once.
    let found = refusals(&app, &json!({ "message": "<b>", "top_k": 0 })).await;
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test]
async fn what_is_no_json_question_is_a_problem_and_never_a_fault() {
    let app = full_text(&[]).await;
    let alice = token("alice", None);
    let large = format!("{{\"message\":\"{}\"}}", "x".repeat(70_000));
    for (kind, body, status, code) in [
        ("application/json", "{\"message\":".as_bytes(), 400, "invalid_json"),
        ("application/json", b"", 400, "invalid_json"),
        ("application/json", b"{\"message\":\"\\ud800\"}", 400, "invalid_json"),
        ("application/json", b"{\"message\":\"\xff\"}", 400, "invalid_json"),
        ("application/json", large.as_bytes(), 413, "too_large"),
        ("text/plain", b"{\"message\":\"x\"}", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", b"message=x", 415, "unsupported_media_type"),
    ] {
        let sent = request(axum::http::Method::POST, "/v1/chat", &alice).header("content-type", kind);
        let refused = app.send(sent.body(body.to_vec().into()).unwrap()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["code"].as_str()),
            (status, Some(code)),
            "{kind}"
        );
    }
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let sent =
        request(axum::http::Method::POST, "/v1/chat", &alice).header("content-type", "application/json");
    assert_eq!(app.send(sent.body(deep.into()).unwrap()).await.status, 400);
}
