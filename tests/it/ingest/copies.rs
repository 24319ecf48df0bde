//! The same bytes twice: one is searchable, the others say whose copies they are.

use std::sync::Barrier;

use axum::http::Method;
use harness::{
    app::TestApp,
    openai::{Answer, OpenAi, vectors},
    parts::token,
};

use super::{Event, asking, show, status};
use crate::documents::fixture;

#[tokio::test]
async fn the_second_of_the_same_bytes_is_a_duplicate_until_the_first_goes() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let original = app.ready(&alice, "one.pdf", fixture("two-pages")).await;
    let mut copies = Vec::new();
    for name in ["two.pdf", "three.pdf"] {
        let taken = app.upload(&alice, name, fixture("two-pages")).await.json();
        app.ingest().await;
        copies.push(taken["document_id"].as_str().unwrap().to_owned());
    }
    for copy in &copies {
        let document = show(&app, &alice, copy).await;
        assert_eq!(
            (document["status"].as_str(), document["duplicate_of"].as_str()),
            (Some("duplicate"), Some(original.as_str()))
        );
        assert_eq!(document["sha256"], show(&app, &alice, &original).await["sha256"]);
        assert!(app.dump(copy).await.is_empty());
        assert_eq!(app.get(&format!("/v1/documents/{copy}/pages/1"), &alice).await.status, 404);
    }
    app.assert_consistent().await;

    assert_eq!(app.call(Method::DELETE, &format!("/v1/documents/{original}"), &alice).await.status, 204);
    app.ingest().await;
    let mut ends = vec![status(&app, &alice, &copies[0]).await, status(&app, &alice, &copies[1]).await];
    ends.sort();
    assert_eq!(ends, ["duplicate", "ready"]);
    app.assert_consistent().await;
}

#[tokio::test]
async fn another_workspaces_copy_is_nobodys_business() {
    let app = TestApp::new().await;
    for user in ["alice", "bob"] {
        app.ready(&token(user, None), "two.pdf", fixture("two-pages")).await;
    }
    app.assert_consistent().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_copies_at_the_same_time_exactly_one_becomes_ready() {
    // Neither gets its vectors before the other has asked for them too: both are past every check.
    let both = Barrier::new(2);
    let provider = OpenAi::answering_both(
        |_| Answer::server_error(),
        move |request| {
            tokio::task::block_in_place(|| both.wait());
            vectors(request, 384)
        },
    );
    let app = TestApp::with(&asking(&provider.url())).await;
    let alice = token("alice", None);
    let one = app.arrive(&alice, "one.pdf", &fixture("two-pages")).await;
    let two = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let (first, second) = (Event::of(&one, "0A"), Event::of(&two, "0A"));
    assert_eq!(tokio::join!(first.deliver(&app), second.deliver(&app)), (0, 0));
    let (one, two) = (show(&app, &alice, &one.id).await, show(&app, &alice, &two.id).await);
    let (ready, copy) = if one["status"] == "ready" { (one, two) } else { (two, one) };
    assert_eq!((ready["status"].as_str(), copy["status"].as_str()), (Some("ready"), Some("duplicate")));
    assert_eq!(copy["duplicate_of"], ready["id"]);
    app.assert_consistent().await;
}
