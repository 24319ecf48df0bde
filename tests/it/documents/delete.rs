//! Deleting: nothing is left, and nothing comes back.

use axum::http::Method;
use harness::{app::TestApp, parts::token};

use super::fixture;
use crate::ingest::Event;

const VERSION: &str = "SELECT corpus_version FROM workspaces";

#[tokio::test]
async fn a_deleted_document_is_gone_with_all_that_it_became() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let id = app.ready(&alice, "two.pdf", fixture("two-pages")).await;
    let other = app.ready(&alice, "rotated.pdf", fixture("rotated")).await;
    // Older versions and a delete marker are there too.
    let key = format!("alice/{id}");
    app.put(&key, b"another version").await;
    app.hide(&key).await;
    assert_eq!(app.versions(&key).await, 3);
    let version = app.count(VERSION).await;

    let path = format!("/v1/documents/{id}");
    let gone = app.call(Method::DELETE, &path, &alice).await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
    for path in [path.clone(), format!("{path}/pages/1")] {
        assert_eq!(app.get(&path, &alice).await.status, 404, "{path}");
    }
    assert_eq!(app.call(Method::DELETE, &path, &alice).await.status, 404);
    assert!(!app.get("/v1/documents", &alice).await.text().contains(&id));
    assert_eq!(app.versions(&key).await, 0);
    assert!(app.dump(&id).await.is_empty());
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM erasures").await, 1);
    assert!(app.count(VERSION).await > version);
    // Its neighbour is as it was.
    assert_eq!(app.get(&format!("/v1/documents/{other}/pages/4"), &alice).await.status, 200);
    assert_eq!(app.versions(&format!("alice/{other}")).await, 1);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_late_event_for_a_deleted_document_deletes_the_object_and_makes_no_row() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("two-pages");
    let (id, key, _) = app.announce(&alice, "two.pdf", bytes.len()).await;
    assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{id}"), &alice).await.status, 204);
    // The form is still good for an hour, and someone uses it.
    let etag = app.put(&key, &bytes).await;
    let event = Event { key: key.clone(), size: bytes.len() as u64, etag, sequencer: "0A" };
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(app.versions(&key).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 0);
    assert_eq!(app.get(&format!("/v1/documents/{id}"), &alice).await.status, 404);
    // Once more is like once.
    assert_eq!(event.deliver(&app).await, 0);
}

#[tokio::test]
async fn what_never_became_ready_can_be_deleted_in_every_state() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let awaiting = app.announce(&alice, "a.pdf", 100).await.0;
    let failed = app.arrive(&alice, "b.pdf", &fixture("not-a-pdf")).await.id;
    app.ready(&alice, "c.pdf", fixture("two-pages")).await;
    let duplicate = app.arrive(&alice, "d.pdf", &fixture("two-pages")).await.id;
    app.ingest().await;
    let processing = app.arrive(&alice, "e.pdf", &fixture("rotated")).await.id;
    let version = app.count(VERSION).await;
    for id in [awaiting, failed, duplicate, processing] {
        assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{id}"), &alice).await.status, 204);
        assert_eq!(app.versions(&format!("alice/{id}")).await, 0);
        app.assert_consistent().await;
    }
    // Nothing that was searchable changed.
    assert_eq!(app.count(VERSION).await, version);
}

#[tokio::test]
async fn a_neighbour_whose_key_begins_alike_keeps_its_object() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let id = app.ready(&alice, "two.pdf", fixture("two-pages")).await;
    app.put(&format!("alice/{id}-copy"), b"not ours").await;
    assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{id}"), &alice).await.status, 204);
    assert_eq!(app.versions(&format!("alice/{id}")).await, 1);
}
