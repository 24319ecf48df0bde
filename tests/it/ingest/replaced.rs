//! Other bytes under the same key: the document is what came last, and nothing of what it was is left.

use axum::http::Method;
use harness::{app::TestApp, behind::Arrived, parts::token, pdf::pdf};

use super::{Event, page, show, status};
use crate::documents::fixture;

const CHUNKS: &str = "SELECT chunks FROM workspaces";
const VERSION: &str = "SELECT corpus_version FROM workspaces";

/// A ready document, of which the bytes then become others; no event has said so yet.
async fn replaced(app: &TestApp, alice: &str, old: &[u8], new: &[u8]) -> Arrived {
    let arrived = app.arrive(alice, "a.pdf", old).await;
    assert_eq!(Event::of(&arrived, "0A").deliver(app).await, 0);
    assert_eq!(status(app, alice, &arrived.id).await, "ready");
    Arrived { etag: app.put(&arrived.key, new).await, size: new.len() as u64, ..arrived }
}

#[tokio::test]
async fn a_newer_event_with_other_bytes_replaces_the_content() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let old = pdf(&["Page one of the old edition.", "Page two of the old edition."]);
    let new = replaced(&app, &alice, &old, &pdf(&["The new edition has one page."])).await;
    let (before, version) = (show(&app, &alice, &new.id).await, app.count(VERSION).await);
    assert_eq!(Event::of(&new, "0B").deliver(&app).await, 0);
    let after = show(&app, &alice, &new.id).await;
    assert_eq!((before["pages"].as_u64(), after["pages"].as_u64()), (Some(2), Some(1)));
    assert_ne!(before["sha256"], after["sha256"]);
    assert_eq!(after["size_bytes"], new.size);
    assert_eq!(page(&app, &alice, &new.id, 1).await.unwrap(), "The new edition has one page.");
    assert_eq!(page(&app, &alice, &new.id, 2).await, None);
    assert!(!app.dump(&new.id).await.join("").contains("old edition"));
    assert!(app.count(VERSION).await > version);
    assert_eq!(app.count(CHUNKS).await, 1);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_newer_version_that_cannot_be_read_takes_the_old_one_with_it() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let new = replaced(&app, &alice, &fixture("two-pages"), &fixture("truncated")).await;
    assert_eq!(Event::of(&new, "0B").deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &new.id).await, "failed: malformed");
    assert!(app.dump(&new.id).await.is_empty());
    assert_eq!(app.count(CHUNKS).await, 0);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_newer_version_that_another_document_holds_leaves_no_rows() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let original = app.ready(&alice, "original.pdf", fixture("rotated")).await;
    let new = replaced(&app, &alice, &fixture("two-pages"), &fixture("rotated")).await;
    assert_eq!(Event::of(&new, "0B").deliver(&app).await, 0);
    let document = show(&app, &alice, &new.id).await;
    assert_eq!(
        (document["status"].as_str(), document["duplicate_of"].as_str()),
        (Some("duplicate"), Some(original.as_str()))
    );
    assert!(app.dump(&new.id).await.is_empty());
    app.assert_consistent().await;
    // And goes without a trace.
    assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{}", new.id), &alice).await.status, 204);
    assert_eq!(app.count(CHUNKS).await, 1);
    app.assert_consistent().await;
}

#[tokio::test]
async fn the_old_content_is_not_searchable_while_the_new_one_is_worked_on() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let new = replaced(&app, &alice, &fixture("two-pages"), &fixture("rotated")).await;
    let version = app.count(VERSION).await;
    // The object went away before the event was handled: a fault of the world, in the middle of the work.
    app.hide(&new.key).await;
    assert_eq!(Event::of(&new, "0B").deliver(&app).await, 1);
    assert_eq!(status(&app, &alice, &new.id).await, "processing");
    assert!(app.dump(&new.id).await.is_empty());
    // Answers cached of the old content must not be given any more.
    assert!(app.count(VERSION).await > version);
    app.assert_consistent().await;
    assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{}", new.id), &alice).await.status, 204);
    assert_eq!(app.count(CHUNKS).await, 0);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_copy_of_what_a_document_was_gets_its_turn() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let new = replaced(&app, &alice, &fixture("two-pages"), &fixture("rotated")).await;
    // The copy is known as one while the original is as it was.
    let copy = app.arrive(&alice, "copy.pdf", &fixture("two-pages")).await;
    assert_eq!(Event::of(&copy, "0A").deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &copy.id).await, "duplicate");
    assert_eq!(Event::of(&new, "0B").deliver(&app).await, 0);
    app.ingest().await;
    assert_eq!(status(&app, &alice, &new.id).await, "ready");
    assert_eq!(status(&app, &alice, &copy.id).await, "ready");
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_document_may_be_replaced_more_often_than_it_may_fail() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let mut arrived = app.arrive(&alice, "a.pdf", &pdf(&["Edition 0."])).await;
    for (edition, sequencer) in
        ["0A", "0B", "0C", "0D", "0E", "0F", "10", "11", "12", "13"].into_iter().enumerate()
    {
        let bytes = pdf(&[format!("Edition {edition}.")]);
        arrived = Arrived { etag: app.put(&arrived.key, &bytes).await, size: bytes.len() as u64, ..arrived };
        assert_eq!(Event::of(&arrived, sequencer).deliver(&app).await, 0);
        assert_eq!(page(&app, &alice, &arrived.id, 1).await.unwrap(), format!("Edition {edition}."));
    }
    app.assert_consistent().await;
}
