//! The three ways in, each as far as `ready`.

use axum::{
    body::Body,
    http::{HeaderValue, Method, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{
    app::{TestApp, request},
    parts::{now_s, token},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::hash::{hex, sha256};

use super::{Part, fixture, form, send, send_form};

/// Members whose values a test cannot choose become what they are like.
fn settled(mut document: Value) -> Value {
    for member in ["id", "created_at", "ready_at"] {
        assert!(document[member].is_string(), "{document}");
        document[member] = "…".into();
    }
    document
}

#[tokio::test]
async fn a_pdf_as_the_whole_body_becomes_ready_and_every_member_tells() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("two-pages");
    let taken = app.upload(&alice, "Leave%20policy%20%C3%BC+.pdf", bytes.clone()).await;
    assert_eq!(taken.status, 202);
    let taken = taken.json();
    let id = taken["document_id"].as_str().unwrap();
    assert_eq!(taken, json!({ "document_id": id, "status": "processing" }));
    let path = format!("/v1/documents/{id}");
    let waiting = app.get(&path, &alice).await.json();
    assert_eq!(
        (&waiting["status"], &waiting["pages"], &waiting["sha256"]),
        (&json!("processing"), &json!(null), &json!(null))
    );

    app.ingest().await;
    let document = app.get(&path, &alice).await;
    assert_eq!(
        (document.status.as_u16(), &document.headers["content-type"]),
        (200, &HeaderValue::from_static("application/json"))
    );
    assert_eq!(document.json()["id"], id);
    let expected = json!({ "id": "…", "title": "Leave policy ü+", "filename": "Leave policy ü+.pdf", "standard": null,
        "effective_date": null, "status": "ready", "pages": 2, "chunks": 1, "size_bytes": bytes.len(),
        "sha256": hex(&sha256(&bytes)), "created_at": "…", "ready_at": "…" });
    assert_eq!(settled(document.json()), expected);

    let page = app.get(&format!("{path}/pages/2"), &alice).await.json();
    let text = "Travel policy\nRail journeys under four hours are booked in second class.\nReceipts are handed in within thirty days.";
    assert_eq!(page["text"], text);
    assert_eq!((&page["document_id"], &page["page"]), (&json!(id), &json!(2)));
    assert_eq!(page["sha256"], hex(&sha256(text.as_bytes())));
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_form_with_a_description_is_kept_with_it() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("rotated");
    // The parts that describe the file may come before it or after it.
    let parts: &[Part<'_>] = &[
        ("Content-Disposition: form-data; name=\"title\"", b" Turned pages "),
        (
            "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\\\temp\\\\turned.pdf\"\r\nContent-Type: application/pdf",
            &bytes,
        ),
        ("Content-Disposition: form-data; name=\"standard\"", b"NACE"),
        ("Content-Disposition: form-data; name=\"effective_date\"", b"2021-06-01"),
    ];
    let taken = send_form(&app, &alice, parts).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    app.ingest().await;
    let document =
        app.get(&format!("/v1/documents/{}", taken.json()["document_id"].as_str().unwrap()), &alice).await;
    let expected = json!({ "id": "…", "title": "Turned pages", "filename": "turned.pdf", "standard": "NACE",
        "effective_date": "2021-06-01", "status": "ready", "pages": 4, "chunks": 1, "size_bytes": bytes.len(),
        "sha256": hex(&sha256(&bytes)), "created_at": "…", "ready_at": "…" });
    assert_eq!(settled(document.json()), expected);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_part_named_filename_wins_wherever_it_stands() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("two-pages");
    let file: Part<'_> = ("Content-Disposition: form-data; name=\"file\"; filename=\"upload.bin\"", &bytes);
    let name: Part<'_> = ("Content-Disposition: form-data; name=\"filename\"", b"policy.pdf");
    for parts in [[file, name], [name, file]] {
        let taken = send_form(&app, &alice, &parts).await;
        assert_eq!(taken.status, 202, "{}", taken.text());
        let document = app
            .get(&format!("/v1/documents/{}", taken.json()["document_id"].as_str().unwrap()), &alice)
            .await;
        assert_eq!(
            (&document.json()["filename"], &document.json()["title"]),
            (&json!("policy.pdf"), &json!("policy"))
        );
    }
}

#[tokio::test]
async fn a_description_in_the_query_is_kept_too_and_a_name_is_not_needed() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let query = "?title=A+title%2C+twice&standard=API&effective_date=2024-02-29T10:00:00Z";
    let taken = send(&app, &alice, query, "Application/PDF; version=1.7", fixture("two-pages")).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    let document =
        app.get(&format!("/v1/documents/{}", taken.json()["document_id"].as_str().unwrap()), &alice).await;
    let document = document.json();
    assert_eq!(document["title"], "A title, twice");
    assert_eq!((&document["standard"], &document["effective_date"]), (&json!("API"), &json!("2024-02-29")));
    assert_eq!(document["filename"], "document.pdf");
}

#[tokio::test]
async fn a_body_without_a_length_is_taken_as_it_comes() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        fixture("two-pages").chunks(100).map(|piece| Ok(piece.to_vec())).collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let taken = send(&app, &alice, "", "application/pdf", body).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
}

#[tokio::test]
async fn a_presigned_form_takes_exactly_what_was_announced() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("two-pages");
    let body = json!({ "filename": "two.pdf", "size_bytes": bytes.len(), "content_type": "application/pdf",
        "title": "Two", "standard": "ASTM", "effective_date": "2025-01-31" });
    let before = now_s();
    let taken = app.post("/v1/documents", &alice, &body).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let (taken, after) = (taken.json(), now_s());
    let id = taken["document_id"].as_str().unwrap();
    assert_eq!(taken["status"], "awaiting_upload");
    let upload = &taken["upload"];
    let fields = upload["fields"].as_object().unwrap();
    let policy = STANDARD.decode(fields["policy"].as_str().unwrap()).unwrap();
    let policy: Value = serde_json::from_slice(&policy).unwrap();

    // An hour, in the form and in the policy.
    let expires: Timestamp = policy["expiration"].as_str().unwrap().parse().unwrap();
    assert!((before + 3_600..=after + 3_600).contains(&expires.as_second()), "{policy}");
    let told: Timestamp = upload["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(told.as_second(), expires.as_second());

    // Every member of the form is pinned to its value, and so are the bucket and the size.
    let mut expected = vec![
        json!({ "bucket": app.setting("BUCKET") }),
        json!(["content-length-range", bytes.len(), bytes.len()]),
    ];
    let pinned = fields.iter().filter(|(name, _)| !["policy", "x-amz-signature"].contains(&name.as_str()));
    expected.extend(pinned.map(|(name, value)| json!(["eq", format!("${name}"), value])));
    assert_eq!(policy["conditions"], json!(expected));
    assert_eq!(fields["key"], format!("alice/{id}"));
    assert_eq!(fields["Content-Type"], "application/pdf");
    assert_eq!(fields["x-amz-algorithm"], "AWS4-HMAC-SHA256");
    assert_eq!(upload["url"], format!("{}/{}", app.setting("AWS_ENDPOINT_URL"), app.setting("BUCKET")));

    post(upload, &bytes).await;
    app.ingest().await;
    let document = app.get(&format!("/v1/documents/{id}"), &alice).await.json();
    let expected = json!({ "id": "…", "title": "Two", "filename": "two.pdf", "standard": "ASTM",
        "effective_date": "2025-01-31", "status": "ready", "pages": 2, "chunks": 1, "size_bytes": bytes.len(),
        "sha256": hex(&sha256(&bytes)), "created_at": "…", "ready_at": "…" });
    assert_eq!(settled(document), expected);
    app.assert_consistent().await;
}

/// Posts a file with a presigned form, as a browser does: the form's members, then the file.
async fn post(upload: &Value, bytes: &[u8]) {
    let heads = upload["fields"].as_object().unwrap().iter().map(|(name, value)| {
        (format!("Content-Disposition: form-data; name=\"{name}\""), value.as_str().unwrap().as_bytes())
    });
    let heads: Vec<(String, &[u8])> = heads.collect();
    let mut parts: Vec<Part<'_>> = heads.iter().map(|(head, value)| (head.as_str(), *value)).collect();
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"two.pdf\"\r\nContent-Type: application/pdf";
    parts.push((file, bytes));
    let request = shared::tls::http_client().unwrap().post(upload["url"].as_str().unwrap());
    let request =
        request.header("content-type", format!("multipart/form-data; boundary={}", super::BOUNDARY));
    let answer = request.body(form(&parts)).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn names_are_for_showing_and_never_part_of_a_path() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    for (given, shown) in [
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("%3Cscript%3Ealert(1)%3C%2Fscript%3E.pdf", "script>.pdf"),
        ("%2F", "document.pdf"),
    ] {
        let taken = app.upload(&alice, given, fixture("two-pages")).await;
        assert_eq!(taken.status, 202, "{}", taken.text());
        let id = taken.json()["document_id"].as_str().unwrap().to_owned();
        assert_eq!(app.get(&format!("/v1/documents/{id}"), &alice).await.json()["filename"], shown);
        assert_eq!(app.versions(&format!("alice/{id}")).await, 1);
    }
    assert_eq!(app.versions("").await, 3);
}

#[tokio::test]
async fn a_raw_name_in_the_header_is_told_how_to_be_written() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let request = request(Method::POST, "/v1/documents", &alice)
        .header(header::CONTENT_TYPE, "application/pdf")
        .header("x-filename", "Übersicht.pdf".as_bytes());
    let refused = app.send(request.body(Body::from(fixture("two-pages"))).unwrap()).await;
    let issue = json!([{ "path": ["x-filename"], "code": "invalid_format", "message": "Must be percent-encoded UTF-8" }]);
    assert_eq!((refused.status.as_u16(), &refused.json()["details"]), (400, &issue));
}

#[tokio::test]
async fn the_query_describes_whatever_the_body_is_and_the_body_says_it_better() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let shown = async |query: &str, body: Value| {
        let kind = "application/json";
        let taken = send(&app, &alice, query, kind, body.to_string()).await;
        assert_eq!(taken.status, 201, "{query}: {}", taken.text());
        let id = taken.json()["document_id"].as_str().unwrap().to_owned();
        let document = app.get(&format!("/v1/documents/{id}"), &alice).await.json();
        ["title", "filename", "standard", "effective_date"].map(|member| document[member].clone())
    };
    let body = json!({ "filename": "a.pdf", "size_bytes": 1, "content_type": "application/pdf" });
    let query = "?title=Q&standard=API&effective_date=2024-02-29&filename=q.pdf";
    assert_eq!(
        shown(query, body.clone()).await,
        [json!("Q"), json!("a.pdf"), json!("API"), json!("2024-02-29")]
    );
    let mut own = body.clone();
    own["title"] = "B".into();
    own["standard"] = Value::Null;
    assert_eq!(shown(query, own).await, [json!("B"), json!("a.pdf"), json!(null), json!("2024-02-29")]);

    let pdf = fixture("two-pages");
    let file: Part<'_> = ("Content-Disposition: form-data; name=\"file\"", &pdf);
    let title: Part<'_> = ("Content-Disposition: form-data; name=\"title\"", b"F");
    let form = super::form(&[title, file]);
    let kind = "multipart/form-data; boundary=a-boundary";
    let taken = send(&app, &alice, query, kind, form.clone()).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    let path = format!("/v1/documents/{}", taken.json()["document_id"].as_str().unwrap());
    let document = app.get(&path, &alice).await.json();
    assert_eq!((&document["title"], &document["filename"]), (&json!("F"), &json!("q.pdf")));
    assert_eq!(document["standard"], "API");

    let mut nameless = body.clone();
    nameless.as_object_mut().unwrap().remove("filename");
    let refused = send(&app, &alice, query, "application/json", nameless.to_string()).await;
    assert_eq!(refused.json()["details"][0]["message"], "Required");

    // What breaks a rule is refused, even where the body says it too.
    let whole =
        json!({ "filename": "a.pdf", "size_bytes": 1, "content_type": "application/pdf", "title": "B" });
    for (kind, body) in [("application/json", whole.to_string().into_bytes()), (kind, form)] {
        for (query, path) in
            [("?title=", "title"), ("?standard=ISO", "standard"), ("?filename=%01", "filename")]
        {
            let refused = send(&app, &alice, query, kind, body.clone()).await;
            assert_eq!(refused.status, 400, "{query}: {}", refused.text());
            assert_eq!(refused.json()["details"][0]["path"], json!([path]));
        }
    }
}
