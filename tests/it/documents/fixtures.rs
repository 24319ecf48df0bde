//! Every fixture, and what becomes of it. They come by the presigned way, which looks at nothing.

use harness::{app::TestApp, parts::token};
use serde_json::json;

use super::fixture;

#[tokio::test]
async fn each_fixture_ends_ready_or_failed_with_its_reason() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let expected = [
        ("two-pages", Ok(2)),
        ("ligatures-hyphens", Ok(1)),
        ("rotated", Ok(4)),
        // The same text as two-pages in other bytes: not a duplicate.
        ("owner-password", Ok(2)),
        (
            "encrypted",
            Err(("encrypted", "The PDF is locked with a password. Save a copy without one and upload that.")),
        ),
        ("not-a-pdf", Err(("not_pdf", "The file is not a PDF. Upload it as PDF."))),
        (
            "no-text",
            Err((
                "no_text",
                "The PDF has no text: it looks scanned. Run text recognition (OCR) first and upload the result.",
            )),
        ),
        ("hidden", Ok(12)),
        ("seen", Ok(1)),
        ("scanned", Ok(2)),
        (
            "all-hidden",
            Err((
                "no_text",
                "All text of the PDF is hidden from its readers: not painted, in the colour of the page, too small or beside \
                 the page. Print it to a new PDF and run text recognition (OCR) on that.",
            )),
        ),
        (
            "truncated",
            Err((
                "malformed",
                "The PDF is incomplete: its end is missing. Fetch it again from where it came and upload it whole.",
            )),
        ),
        ("zero-pages", Err(("malformed", "The PDF has no pages. Export it again and upload that."))),
    ];
    let mut arrived = Vec::new();
    for (name, _) in &expected {
        arrived.push(app.arrive(&alice, &format!("{name}.pdf"), &fixture(name)).await.id);
    }
    app.ingest().await;
    for ((name, expected), id) in expected.iter().zip(&arrived) {
        let path = format!("/v1/documents/{id}");
        let document = app.get(&path, &alice).await.json();
        let first = app.get(&format!("{path}/pages/1"), &alice).await;
        match expected {
            Ok(pages) => {
                assert_eq!(
                    (&document["status"], &document["pages"]),
                    (&json!("ready"), &json!(pages)),
                    "{name}"
                );
                assert!(document.get("failure").is_none());
                assert_eq!(first.status, 200, "{name}");
            }
            Err((code, detail)) => {
                assert_eq!(
                    (&document["status"], &document["failure"]["code"]),
                    (&json!("failed"), &json!(code)),
                    "{name}"
                );
                assert_eq!(document["failure"]["detail"], *detail, "{name}");
                assert_eq!(document["ready_at"], json!(null));
                assert_eq!(first.status, 404, "{name}");
            }
        }
    }
    app.assert_consistent().await;
}

#[tokio::test]
async fn what_only_reading_can_tell_is_taken_and_then_told_in_the_status() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    for (name, code) in [("truncated", "malformed"), ("zero-pages", "malformed"), ("no-text", "no_text")] {
        let taken = app.upload(&alice, name, fixture(name)).await;
        assert_eq!(taken.status, 202, "{name}");
        app.ingest().await;
        let id = taken.json()["document_id"].as_str().unwrap().to_owned();
        let document = app.get(&format!("/v1/documents/{id}"), &alice).await.json();
        assert_eq!(document["failure"]["code"], code, "{document}");
    }
    let taken = app.upload(&alice, "owner-password.pdf", fixture("owner-password")).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    app.assert_consistent().await;
}
