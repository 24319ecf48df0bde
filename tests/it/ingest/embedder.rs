//! The embedder: asked in batches, and when it is down nothing is stored by halves and nothing is bought twice.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi, vectors},
    parts::token,
    pdf::pdf,
};

use super::{Event, asking, status};

/// An embedder that works for the first `requests` requests, and whoever may raise that.
fn failing_after(requests: usize) -> (OpenAi, Arc<AtomicUsize>) {
    let (limit, served) = (Arc::new(AtomicUsize::new(requests)), AtomicUsize::new(0));
    let told = limit.clone();
    let provider = OpenAi::answering_both(
        |_| Answer::server_error(),
        move |request| {
            if served.load(Ordering::SeqCst) >= told.load(Ordering::SeqCst) {
                // No pause helps, so that the test need not wait for one.
                return Answer::unauthorized();
            }
            served.fetch_add(1, Ordering::SeqCst);
            vectors(request, 384)
        },
    );
    (provider, limit)
}

/// How many texts each request asked for.
fn asked(provider: &OpenAi) -> Vec<usize> {
    provider.requests().iter().map(|request| request.body["input"].as_array().expect("texts").len()).collect()
}

/// A document of more than 200 chunks, no two of them alike.
fn long() -> Vec<u8> {
    let page = |page: usize| {
        let sentences = (0..40).map(|at| {
            format!("Clause {page}.{at} limits the pressure of line {} to {} bar.", page * at, page + at)
        });
        sentences.collect::<Vec<_>>().join(" ")
    };
    pdf(&(1..=100).map(page).collect::<Vec<_>>())
}

#[tokio::test]
async fn vectors_are_asked_for_in_batches_of_a_hundred_and_those_that_came_are_kept() {
    let (provider, limit) = failing_after(1);
    let app = TestApp::with(&asking(&provider.url())).await;
    let alice = token("alice", None);
    let arrived = app.arrive(&alice, "long.pdf", &long()).await;
    let event = Event::of(&arrived, "0A");
    assert_eq!(event.deliver(&app).await, 1);
    assert_eq!(asked(&provider), [100, 100]);
    assert_eq!(status(&app, &alice, &arrived.id).await, "processing");
    assert!(app.dump(&arrived.id).await.is_empty());
    assert_eq!(app.count("SELECT chunks + corpus_version FROM workspaces").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM embedding_cache").await, 100);
    app.assert_consistent().await;

    limit.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
    let chunks = usize::try_from(app.count("SELECT chunks FROM workspaces").await).unwrap();
    assert!(chunks > 200, "{chunks}");
    let asked = asked(&provider);
    assert!(asked.iter().all(|texts| *texts <= 100), "{asked:?}");
    // The second batch was asked for twice, because it failed once; the first was not.
    assert_eq!(asked.iter().sum::<usize>(), chunks + 100, "{asked:?}");
    app.assert_consistent().await;

    // From kept vectors alone the rows are the same.
    let (rows, requests) = (app.dump(&arrived.id).await, asked.len());
    app.sql("UPDATE documents SET status = 'processing', lease_until = NULL").await;
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(provider.requests().len(), requests);
    assert!(app.dump(&arrived.id).await == rows);
}

#[tokio::test]
async fn however_long_the_embedder_is_down_no_document_is_given_up() {
    let (provider, limit) = failing_after(0);
    let app = TestApp::with(&asking(&provider.url())).await;
    let alice = token("alice", None);
    let arrived = app.arrive(&alice, "a.pdf", &pdf(&["Patience."])).await;
    for _ in 0..12 {
        assert_eq!(Event::of(&arrived, "0A").deliver(&app).await, 1);
        assert_eq!(status(&app, &alice, &arrived.id).await, "processing");
    }
    app.assert_consistent().await;
    limit.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(Event::of(&arrived, "0A").deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
    app.assert_consistent().await;
}
