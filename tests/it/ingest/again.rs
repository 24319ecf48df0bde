//! The same event again, after a crash, while another worker is at it, and while the document is being deleted.

use std::sync::{Arc, Mutex, mpsc};

use axum::http::Method;
use harness::{
    app::TestApp,
    behind::Arrived,
    openai::{Answer, OpenAi, vectors},
    parts::token,
    pdf::pdf,
};
use shared::{
    db::{
        Scope,
        documents::{self, Finished, Index, Lease, Leased, Try},
    },
    domain::{
        caller::{UserId, Workspace},
        document::Failure,
        hash::sha256,
        language::Language,
    },
};

use super::{Event, asking, page, status};
use crate::documents::fixture;

fn scope(user: &str) -> Scope {
    Scope::of_workspace(Workspace::of_person(&UserId::parse(user).unwrap()).id)
}

/// Takes a lease as a worker does, and does nothing with it: the worker died.
async fn lease(app: &TestApp, arrived: &Arrived, sequencer: &str) -> Lease {
    let tenant = app.server.ingest.db.each(scope("alice")).await.unwrap();
    let sequencer = format!("{sequencer:0<64}");
    let id = arrived.id.parse().unwrap();
    match documents::lease(&tenant, id, &arrived.key, Some(&sequencer), &arrived.etag).await.unwrap() {
        Leased::Taken(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_event_again_changes_nothing() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let event = Event::of(&arrived, "0A");
    assert_eq!(event.deliver(&app).await, 0);
    let (rows, version) = (app.dump(&arrived.id).await, "SELECT corpus_version FROM workspaces");
    let (document, before) = (super::show(&app, &alice, &arrived.id).await, app.count(version).await);
    assert!(rows.len() > 3, "{rows:?}");
    for _ in 0..3 {
        assert_eq!(event.deliver(&app).await, 0);
    }
    // Nor does the loop that looks for lost events, nor a newer event that says the same bytes.
    app.ingest().await;
    assert_eq!(Event::of(&arrived, "0B").deliver(&app).await, 0);
    assert_eq!(app.dump(&arrived.id).await, rows);
    assert_eq!(super::show(&app, &alice, &arrived.id).await, document);
    assert_eq!(app.count(version).await, before);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_failed_document_stays_failed_when_its_event_comes_again() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "a.pdf", &fixture("encrypted")).await;
    for _ in 0..2 {
        assert_eq!(Event::of(&arrived, "0A").deliver(&app).await, 0);
        assert_eq!(status(&app, &alice, &arrived.id).await, "failed: encrypted");
    }
    assert_eq!(app.count("SELECT generation FROM documents").await, 1);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_crash_after_the_lease_and_another_delivery_give_the_same_rows() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let event = Event::of(&arrived, "0A");
    lease(&app, &arrived, "0A").await;
    // While the lease runs the worker may be alive: the message waits.
    assert_eq!(event.deliver(&app).await, 1);
    assert_eq!(status(&app, &alice, &arrived.id).await, "processing");
    app.sql("UPDATE documents SET lease_until = now() - interval '1 second'").await;
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
    let rows = app.dump(&arrived.id).await;

    // As if it had happened all over again.
    app.sql("UPDATE documents SET status = 'processing', lease_until = NULL").await;
    assert!(app.dump(&arrived.id).await.is_empty());
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(app.dump(&arrived.id).await, rows);
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_worker_whose_lease_was_taken_over_can_no_longer_finish() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let old = lease(&app, &arrived, "0A").await;
    app.sql("UPDATE documents SET lease_until = now() - interval '1 second'").await;
    let new = lease(&app, &arrived, "0A").await;
    assert!(new.generation > old.generation);

    let index = Index { language: Language::English, model: "old" };
    let finished =
        Finished { pages: 9, chunks: 9, hidden_characters: 0, size_bytes: 9, sha256: sha256(b"old"), index };
    let failure = Failure { code: "malformed".to_owned(), detail: "old".to_owned() };
    let late = async || {
        let tenant = app.server.ingest.db.each(scope("alice")).await.unwrap();
        assert!(!documents::ready(&tenant, &old, &finished).await.unwrap());
        assert!(!documents::fail(&tenant, &old, &failure, 9).await.unwrap());
        assert!(!documents::duplicate(&tenant, &old, &sha256(b"old"), 9).await.unwrap());
        documents::release(&tenant, &old, Try::Counts).await.unwrap();
    };
    late().await;
    assert_eq!(app.count("SELECT count(*) FROM documents WHERE lease_until > now()").await, 1);
    app.assert_consistent().await;
    app.sql("UPDATE documents SET lease_until = now() - interval '1 second'").await;
    assert_eq!(Event::of(&arrived, "0A").deliver(&app).await, 0);
    let rows = app.dump(&arrived.id).await;
    late().await;
    assert_eq!(app.dump(&arrived.id).await, rows);
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
    app.assert_consistent().await;
}

#[tokio::test]
async fn a_document_that_kills_its_workers_is_given_up() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    for _ in 0..8 {
        lease(&app, &arrived, "0A").await;
        app.sql("UPDATE documents SET lease_until = now() - interval '1 second'").await;
    }
    assert_eq!(Event::of(&arrived, "0A").deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &arrived.id).await, "failed: processing_failed");
    app.assert_consistent().await;
}

#[tokio::test]
async fn an_older_event_after_a_newer_one_is_ignored() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let old = app.arrive(&alice, "a.pdf", &pdf(&["The first edition."])).await;
    let bytes = pdf(&["The second edition."]);
    let new = Arrived { etag: app.put(&old.key, &bytes).await, size: bytes.len() as u64, ..old.clone() };
    assert_eq!(Event::of(&new, "0055AED6DCD90281E6").deliver(&app).await, 0);
    let rows = app.dump(&new.id).await;
    assert_eq!(page(&app, &alice, &new.id, 1).await.unwrap(), "The second edition.");
    // Longer, and yet earlier: shorter ones count as if zeros followed.
    assert_eq!(Event::of(&old, "0055AED6DCD90281E5FF").deliver(&app).await, 0);
    assert_eq!(app.dump(&new.id).await, rows);
    assert_eq!(app.count("SELECT generation FROM documents").await, 1);
    app.assert_consistent().await;
}

/// An embedder that says when it is asked, and answers when it may.
fn gated() -> (OpenAi, Arc<Mutex<mpsc::Receiver<()>>>, mpsc::Sender<()>) {
    let (asked, was_asked) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let provider = OpenAi::answering_both(
        |_| Answer::server_error(),
        move |request| {
            tokio::task::block_in_place(|| {
                asked.send(()).ok();
                gate.lock().unwrap().recv().ok();
            });
            vectors(request, 384)
        },
    );
    (provider, Arc::new(Mutex::new(was_asked)), open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_document_deleted_in_the_middle_of_its_ingestion_leaves_nothing() {
    let (provider, was_asked, open) = gated();
    let app = TestApp::with(&asking(&provider.url())).await;
    let alice = token("alice", None);
    let bytes = fixture("two-pages");
    let arrived = app.arrive(&alice, "two.pdf", &bytes).await;
    let deleting = async {
        tokio::task::spawn_blocking(move || was_asked.lock().unwrap().recv().unwrap()).await.unwrap();
        let gone = app.call(Method::DELETE, &format!("/v1/documents/{}", arrived.id), &alice).await;
        assert_eq!(gone.status, 204);
        // The form is used once more, and the event of that is lost or long done.
        app.put(&arrived.key, &bytes).await;
        open.send(()).unwrap();
    };
    let event = Event::of(&arrived, "0A");
    let (failures, ()) = tokio::join!(event.deliver(&app), deleting);
    assert_eq!(failures, 0);
    assert!(app.dump(&arrived.id).await.is_empty());
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 0);
    assert_eq!(app.versions(&arrived.key).await, 0);
    app.assert_consistent().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_delivery_while_the_first_is_at_work_waits_its_turn() {
    let (provider, was_asked, open) = gated();
    let app = TestApp::with(&asking(&provider.url())).await;
    let alice = token("alice", None);
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let event = Event::of(&arrived, "0A");
    let second = async {
        tokio::task::spawn_blocking(move || was_asked.lock().unwrap().recv().unwrap()).await.unwrap();
        let went_back = event.deliver(&app).await;
        open.send(()).unwrap();
        went_back
    };
    assert_eq!(tokio::join!(event.deliver(&app), second), (0, 1));
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(provider.requests().len(), 1);
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
    app.assert_consistent().await;
}
