//! Bad requests: each gets its exact problem, and nothing is stored.

use axum::{
    body::Body,
    http::{Method, header},
};
use harness::{
    app::{Answered, TestApp, request},
    parts::token,
};
use serde_json::{Value, json};

use super::{Part, fixture, send, send_form};

/// A broken rule as the problem lists it.
fn issue(path: &[&str], code: &str, message: &str) -> Value {
    json!({ "path": path, "code": code, "message": message })
}

#[track_caller]
fn assert_problem(what: &str, answered: &Answered, status: u16, code: &str, error: &str, detail: &str) {
    let problem = answered.json();
    assert_eq!(answered.status, status, "{what}: {}", answered.text());
    assert_eq!(answered.headers["content-type"], "application/problem+json", "{what}");
    assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{what}: {problem}");
    assert_eq!((&problem["error"], &problem["title"]), (&json!(error), &json!(error)), "{what}: {problem}");
    assert_eq!(problem["type"], format!("urn:footnote:problem:{code}"), "{what}");
    assert_eq!(problem["request_id"], answered.headers["x-request-id"].to_str().unwrap(), "{what}");
    assert!(problem["detail"].as_str().is_some_and(|told| told.contains(detail)), "{what}: {problem}");
}

#[track_caller]
fn assert_invalid(what: &str, answered: &Answered, details: &[Value]) {
    assert_problem(what, answered, 400, "validation_failed", "Validation failed", "");
    assert_eq!(answered.json()["details"], json!(details), "{what}");
}

#[track_caller]
fn assert_malformed(what: &str, answered: &Answered, code: &str) {
    assert_problem(what, answered, 400, code, "Bad request", "");
    assert!(answered.json().get("details").is_none(), "{what}");
}

async fn assert_nothing_stored(app: &TestApp) {
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM erasures").await, 0);
    assert_eq!(app.versions("").await, 0);
}

#[tokio::test]
async fn files_that_are_no_readable_pdf_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let locked = "The PDF is locked with a password. Save a copy without one and upload that.";
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"";
    for (bytes, code, message) in [
        (fixture("not-a-pdf"), "invalid_format", "The file is not a PDF"),
        (b"MZ\x90 %PD".to_vec(), "invalid_format", "The file is not a PDF"),
        (Vec::new(), "too_small", "The file is empty"),
        (fixture("encrypted"), "custom", locked),
    ] {
        let refused = send(&app, &alice, "", "application/pdf", bytes.clone()).await;
        assert_invalid(message, &refused, &[issue(&["file"], code, message)]);
        let refused = send_form(&app, &alice, &[(head, &bytes)]).await;
        assert_invalid(message, &refused, &[issue(&["file"], code, message)]);
    }
    assert_nothing_stored(&app).await;
}

#[tokio::test]
async fn descriptions_that_break_rules_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    for (query, expected) in [
        ("?pages=3&a=b", issue(&[], "unrecognized_keys", "Unrecognized keys: \"a\", \"pages\"")),
        ("?size_bytes=1", issue(&[], "unrecognized_keys", "Unrecognized keys: \"size_bytes\"")),
        (
            "?content_type=application/pdf",
            issue(&[], "unrecognized_keys", "Unrecognized keys: \"content_type\""),
        ),
        ("?standard=ISO", issue(&["standard"], "invalid_value", "Must be one of ASTM, NACE, API, ASME")),
        ("?effective_date=2026-02-30", issue(&["effective_date"], "invalid_format", "Invalid ISO datetime")),
        ("?title=", issue(&["title"], "too_small", "Must have at least 1 characters")),
        ("?title=a%00b", issue(&["title"], "invalid_format", "Must not hold control characters")),
        ("?title=a&title=b", issue(&["title"], "custom", "This member comes twice")),
    ] {
        let refused = send(&app, &alice, query, "application/pdf", fixture("two-pages")).await;
        assert_invalid(query, &refused, &[expected]);
    }
    for query in ["?title=%ff", "?title=%4", "?%zz=1"] {
        let refused = send(&app, &alice, query, "application/pdf", fixture("two-pages")).await;
        assert_malformed(query, &refused, "invalid_query");
    }
    assert_nothing_stored(&app).await;
}

#[tokio::test]
async fn announcements_that_break_rules_are_refused_with_every_rule() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let good = json!({ "filename": "a.pdf", "size_bytes": 1000, "content_type": "application/pdf" });
    let text = |received: &str| format!("Invalid input: expected string, received {received}");
    for (member, value, code, message) in [
        ("size_bytes", json!(51 * 1024 * 1024), "too_big", "Must be at most 52428800".to_owned()),
        ("size_bytes", json!(52_428_801), "too_big", "Must be at most 52428800".to_owned()),
        ("size_bytes", json!(0), "too_small", "Must be at least 1".to_owned()),
        ("size_bytes", json!(-1), "too_small", "Must be at least 1".to_owned()),
        ("size_bytes", json!(1.5), "invalid_type", "Must be a whole number".to_owned()),
        (
            "size_bytes",
            json!("1000"),
            "invalid_type",
            "Invalid input: expected number, received string".to_owned(),
        ),
        ("size_bytes", json!(1e300), "invalid_type", "Must be a whole number".to_owned()),
        ("content_type", json!("text/plain"), "invalid_value", "Must be one of application/pdf".to_owned()),
        ("filename", json!(7), "invalid_type", text("number")),
        ("filename", json!(["a.pdf"]), "invalid_type", text("array")),
        ("filename", json!("  "), "too_small", "Must have at least 1 characters".to_owned()),
        ("filename", json!("ä".repeat(256)), "too_big", "Must have at most 255 characters".to_owned()),
        ("filename", json!("a\u{0}.pdf"), "invalid_format", "Must not hold control characters".to_owned()),
        ("title", json!("a".repeat(501)), "too_big", "Must have at most 500 characters".to_owned()),
        ("title", json!({}), "invalid_type", text("object")),
        ("standard", json!("astm"), "invalid_value", "Must be one of ASTM, NACE, API, ASME".to_owned()),
        ("effective_date", json!("yesterday"), "invalid_format", "Invalid ISO datetime".to_owned()),
        ("effective_date", json!(20_260_101), "invalid_type", text("number")),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = app.post("/v1/documents", &alice, &body).await;
        assert_invalid(&body.to_string(), &refused, &[issue(&[member], code, &message)]);
    }

    let all = json!({ "size_bytes": "x", "content_type": null, "owner": "bob", "id": 1 });
    let expected = [
        issue(&[], "unrecognized_keys", "Unrecognized keys: \"id\", \"owner\""),
        issue(&["content_type"], "invalid_type", &text("null")),
        issue(&["filename"], "invalid_type", "Required"),
        issue(&["size_bytes"], "invalid_type", "Invalid input: expected number, received string"),
    ];
    assert_invalid("all", &app.post("/v1/documents", &alice, &all).await, &expected);
    for (body, received) in
        [(json!([]), "array"), (json!(null), "null"), (json!("a"), "string"), (json!(1), "number")]
    {
        let message = format!("Invalid input: expected object, received {received}");
        let refused = app.post("/v1/documents", &alice, &body).await;
        assert_invalid(received, &refused, &[issue(&[], "invalid_type", &message)]);
    }
    assert_nothing_stored(&app).await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let bodies: [(&str, Vec<u8>); 8] = [
        ("empty", Vec::new()),
        ("half", b"{\"filename\": \"a".to_vec()),
        ("two values", b"{} {}".to_vec()),
        ("a member twice", b"{\"filename\": \"a\", \"title\": {\"a\": 1, \"\\u0061\": 1}}".to_vec()),
        ("nested deeply", deep.into_bytes()),
        ("not UTF-8", b"{\"filename\": \"\xff\xfe\"}".to_vec()),
        ("half a surrogate pair", b"{\"filename\": \"\\ud800\"}".to_vec()),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for (what, body) in bodies {
        assert_malformed(what, &send(&app, &alice, "", "application/json", body).await, "invalid_json");
    }
    let (media, title) = ("unsupported_media_type", "Unsupported media type");
    for kind in
        ["text/plain", "application/jsonp", "image/png", "", "application/pdf,application/json", "*/*"]
    {
        let refused = send(&app, &alice, "", kind, fixture("two-pages")).await;
        assert_problem(kind, &refused, 415, media, title, "Send application/pdf");
    }
    let bare = request(Method::POST, "/v1/documents", &alice).body(Body::from(fixture("two-pages"))).unwrap();
    assert_problem("no type", &app.send(bare).await, 415, media, title, "Send application/pdf");
    let bytes = request(Method::POST, "/v1/documents", &alice).header(header::CONTENT_TYPE, &b"\xff\xfe"[..]);
    let bytes = app.send(bytes.body(Body::empty()).unwrap()).await;
    assert_problem("no text", &bytes, 415, media, title, "Send application/pdf");
    assert_nothing_stored(&app).await;
}

#[tokio::test]
async fn forms_that_are_not_one_file_and_its_description_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let pdf = fixture("two-pages");
    let file: Part<'_> = ("Content-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"", &pdf);
    let picture: Part<'_> = (
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png",
        &pdf,
    );
    let title: Part<'_> = ("Content-Disposition: form-data; name=\"title\"", b"A");
    let bad_title: Part<'_> = ("Content-Disposition: form-data; name=\"title\"", b"\xff");
    let unknown: Part<'_> = ("Content-Disposition: form-data; name=\"owner\"", b"bob");
    let nameless: Part<'_> = ("Content-Disposition: form-data", b"x");
    let cases: [(&str, &[Part<'_>], Value); 9] = [
        ("no file", &[title], issue(&["file"], "invalid_type", "Required")),
        ("no part", &[], issue(&["file"], "invalid_type", "Required")),
        ("two files", &[file, file], issue(&["file"], "custom", "There must be one file only")),
        ("two titles", &[title, file, title], issue(&["title"], "custom", "This part comes twice")),
        ("no UTF-8", &[file, bad_title], issue(&["title"], "invalid_format", "Must be UTF-8")),
        ("a picture", &[picture], issue(&["file"], "invalid_value", "The part must be application/pdf")),
        ("unknown part", &[file, unknown], issue(&[], "unrecognized_keys", "Unrecognized keys: \"owner\"")),
        ("nameless part", &[file, nameless], issue(&[], "unrecognized_keys", "Unrecognized keys: \"\"")),
        (
            "a size",
            &[file, ("Content-Disposition: form-data; name=\"size_bytes\"", b"1")],
            issue(&[], "unrecognized_keys", "Unrecognized keys: \"size_bytes\""),
        ),
    ];
    for (what, parts, expected) in cases {
        assert_invalid(what, &send_form(&app, &alice, parts).await, &[expected]);
    }
    let whole = super::form(&[file]);
    let kind = "multipart/form-data; boundary=a-boundary";
    for (what, kind, body) in [
        ("no boundary", "multipart/form-data", whole.clone()),
        ("an empty boundary", "multipart/form-data; boundary=", whole.clone()),
        ("another boundary", "multipart/form-data; boundary=b", whole.clone()),
        ("cut off", kind, whole[..whole.len() / 2].to_vec()),
        ("empty", kind, Vec::new()),
        ("not a form", kind, pdf.clone()),
    ] {
        assert_malformed(what, &send(&app, &alice, "", kind, body).await, "invalid_multipart");
    }
    assert_nothing_stored(&app).await;
}

#[tokio::test]
async fn addresses_that_are_none_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let missing = "018f0000-0000-7000-8000-000000000000";
    let bad_id = issue(&["id"], "invalid_format", "Invalid UUID");
    let other_spellings =
        [missing.replace('-', ""), format!("%7B{missing}%7D"), format!("urn:uuid:{missing}")];
    let none = ["nope", "018f0000-0000-7000-8000-00000000000g", "018f0000", "%00", "..%2f", "a%20b"];
    for id in none.into_iter().chain(other_spellings.iter().map(String::as_str)) {
        for (method, rest) in [(Method::GET, ""), (Method::DELETE, ""), (Method::GET, "/pages/1")] {
            let path = format!("/v1/documents/{id}{rest}");
            assert_invalid(&path, &app.call(method, &path, &alice).await, std::slice::from_ref(&bad_id));
        }
    }
    for (method, rest, what) in
        [(Method::GET, "", "document"), (Method::DELETE, "", "document"), (Method::GET, "/pages/1", "page")]
    {
        let path = format!("/v1/documents/{missing}{rest}");
        let answered = app.call(method, &path, &alice).await;
        assert_problem(&path, &answered, 404, "not_found", "Not found", &format!("There is no such {what}."));
    }
    for path in ["/v1/documents/%ff", &format!("/v1/documents/{missing}/pages/%ff"), "/v1/documents/"] {
        assert_problem(path, &app.get(path, &alice).await, 404, "not_found", "Not found", "");
    }
    let wrong = app.call(Method::PATCH, "/v1/documents", &alice).await;
    assert_problem("PATCH", &wrong, 405, "method_not_allowed", "Method not allowed", "");
    assert_eq!(wrong.headers["allow"], "POST,GET,HEAD");
}

#[tokio::test]
async fn pages_that_are_none_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let id = app.ready(&alice, "two.pdf", fixture("two-pages")).await;
    let bad = issue(&["n"], "invalid_type", "Must be a whole number from 1");
    for number in ["0", "-1", "+1", "99999999999", "1.5", "one", "%20", "1%00"] {
        let path = format!("/v1/documents/{id}/pages/{number}");
        assert_invalid(&path, &app.get(&path, &alice).await, std::slice::from_ref(&bad));
    }
    for number in ["3", "2147483647", "2147483648", "4294967295"] {
        let path = format!("/v1/documents/{id}/pages/{number}");
        assert_problem(
            &path,
            &app.get(&path, &alice).await,
            404,
            "not_found",
            "Not found",
            "There is no such page.",
        );
    }
}

#[tokio::test]
async fn lists_that_cannot_be_are_refused() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let limit = issue(&["limit"], "invalid_value", "Must be a whole number from 1 to 200");
    let cursor = issue(&["cursor"], "invalid_format", "Invalid cursor");
    let unknown = issue(&["query"], "unrecognized_keys", "The query takes limit and cursor only");
    let twice = |member: &str| issue(&[member], "custom", "This member comes twice");
    let id = "018f0000-0000-7000-8000-000000000000";
    for (query, expected) in [
        ("limit=0", &limit),
        ("limit=201", &limit),
        ("limit=-1", &limit),
        ("limit=+1", &limit),
        ("limit=%2B1", &limit),
        ("limit=two", &limit),
        ("limit=", &limit),
        ("limit=99999999999999999999", &limit),
        ("cursor=abc", &cursor),
        ("cursor=", &cursor),
        ("page=2", &unknown),
        ("limit", &limit),
        ("limit=2&offset=2", &unknown),
        ("limit=2&limit=3", &twice("limit")),
        (&format!("cursor={id}&cursor={id}"), &twice("cursor")),
        (&format!("cursor={}", id.replace('-', "")), &cursor),
    ] {
        let refused = app.get(&format!("/v1/documents?{query}"), &alice).await;
        assert_invalid(query, &refused, std::slice::from_ref(expected));
    }
    for query in ["cursor=%ff", "limit=%3", "%zz=1"] {
        assert_malformed(query, &app.get(&format!("/v1/documents?{query}"), &alice).await, "invalid_query");
    }
}
