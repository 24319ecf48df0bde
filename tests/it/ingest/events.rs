//! Single events and batches of them.

use harness::{
    app::TestApp,
    behind::Arrived,
    events::{s3_event, s3_record, s3_test_event, s3_through_sqs, sqs},
    parts::token,
    pdf::pdf,
};

use super::{Event, handle, page, show, status};
use crate::documents::fixture;

#[tokio::test]
async fn an_event_makes_the_document_ready() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    assert_eq!(Event::of(&arrived, "0055AED6DCD90281E5").deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
    assert!(page(&app, &alice, &arrived.id, 1).await.unwrap().starts_with("Leave policy"));
    app.assert_consistent().await;
}

#[tokio::test]
async fn keys_with_escapes_lead_to_their_documents() {
    let app = TestApp::new().await;
    // A person whose id has a character that S3 writes as %7C.
    let alice = token("auth0|alice.b-c", None);
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    assert!(arrived.key.starts_with("auth0|alice.b-c/"));
    let record = Event::of(&arrived, "0A").record(&app);
    assert!(record["s3"]["object"]["key"].as_str().unwrap().starts_with("auth0%7Calice.b-c/"));
    assert!(handle(&app, s3_through_sqs(vec![("m", record)])).await.is_empty());
    assert_eq!(status(&app, &alice, &arrived.id).await, "ready");
}

#[tokio::test]
async fn what_is_none_of_ours_is_ignored() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let arrived = app.arrive(&alice, "two.pdf", &fixture("two-pages")).await;
    let bucket = app.setting("BUCKET").to_owned();
    let record = |key: &str| s3_record(&bucket, key, 10, "e", "0A");
    let mut removed = Event::of(&arrived, "0A").record(&app);
    removed["eventName"] = "ObjectRemoved:DeleteMarkerCreated".into();
    let batch = sqs(vec![
        ("test", s3_test_event(&bucket).to_string()),
        ("empty", s3_event(&[]).to_string()),
        ("removed", s3_event(&[removed]).to_string()),
        ("plus", s3_event(&[record("a+b c/100%/ü.pdf")]).to_string()),
        ("unknown", s3_event(&[record("alice/018f0000-0000-7000-8000-000000000000")]).to_string()),
        ("upper", s3_event(&[record(&arrived.key.to_uppercase())]).to_string()),
        ("deeper", s3_event(&[record(&format!("{}/x", arrived.key))]).to_string()),
    ]);
    assert!(handle(&app, batch).await.is_empty());
    assert_eq!(status(&app, &alice, &arrived.id).await, "awaiting_upload");
    assert_eq!(app.count("SELECT count(*) FROM documents").await, 1);
}

#[tokio::test]
async fn an_object_in_another_persons_folder_is_no_content_of_the_document() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("two-pages");
    let (id, _, _) = app.announce(&alice, "two.pdf", bytes.len()).await;
    let key = format!("mallory/{id}");
    let etag = app.put(&key, &bytes).await;
    let event = Event { key, size: bytes.len() as u64, etag, sequencer: "0A" };
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &id).await, "awaiting_upload");
    app.assert_consistent().await;
}

#[tokio::test]
async fn one_bad_message_goes_back_alone() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let first = app.arrive(&alice, "1.pdf", &pdf(&["The first of three."])).await;
    let second = app.arrive(&alice, "2.pdf", &pdf(&["The last of three."])).await;
    let message = |arrived: &Arrived| s3_event(&[Event::of(arrived, "0A").record(&app)]).to_string();
    for bad in [
        "{",
        "[]",
        "{}",
        r#"{"Message": "{}"}"#,
        r#"{"Records": [{"eventName": "ObjectCreated:Put"}]}"#,
        "not JSON",
    ] {
        let batch = sqs(vec![("1", message(&first)), ("2", bad.to_owned()), ("3", message(&second))]);
        assert_eq!(handle(&app, batch).await, ["2"], "{bad}");
    }
    assert_eq!(status(&app, &alice, &first.id).await, "ready");
    assert_eq!(status(&app, &alice, &second.id).await, "ready");
    app.assert_consistent().await;
}

#[tokio::test]
async fn an_object_that_is_not_there_goes_back_until_it_is() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    let bytes = fixture("two-pages");
    let (id, key, _) = app.announce(&alice, "two.pdf", bytes.len()).await;
    let mut event = Event { key: key.clone(), size: 1, etag: "e".to_owned(), sequencer: "0A" };
    assert_eq!(event.deliver(&app).await, 1);
    assert_eq!(status(&app, &alice, &id).await, "processing");
    app.assert_consistent().await;
    event.etag = app.put(&key, &bytes).await;
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &id).await, "ready");
}

#[tokio::test]
async fn an_object_larger_than_the_limit_is_not_even_fetched() {
    let (app, alice) = (TestApp::new().await, token("alice", None));
    // There is no object: fetching it would be a fault of the world.
    let (id, key, _) = app.announce(&alice, "two.pdf", 1_000).await;
    let event = Event { key, size: 50 * 1024 * 1024 + 1, etag: "e".to_owned(), sequencer: "0A" };
    assert_eq!(event.deliver(&app).await, 0);
    assert_eq!(status(&app, &alice, &id).await, "failed: too_large");
    assert_eq!(show(&app, &alice, &id).await["size_bytes"], 50 * 1024 * 1024 + 1);
    app.assert_consistent().await;
}
