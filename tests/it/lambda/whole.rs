//! The whole path on Lambda alone: a PDF through the API, its event through the queue, a proven answer back.

use harness::{
    app::{TestApp, sample},
    events::{s3_record, s3_through_sqs},
    parts::{s3, token},
    runtime_api::EVENT_DEADLINE,
};
use serde_json::{Value, json};

use super::{bearer, jobs_settings, settings, sse, start, through_api, through_url};

const QUESTION: &str = "For how many hours are specimens exposed in the sulfide stress cracking test?";

#[tokio::test]
async fn a_pdf_goes_in_through_the_api_and_the_queue_and_a_proven_answer_comes_out() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    let authorization = bearer(&alice);
    let by_alice = ("authorization", authorization.as_str());

    let upload = start("upload", &settings(&app));
    let headers = [by_alice, ("content-type", "application/pdf"), ("x-filename", "fn-1175.pdf")];
    let (status, _, body) = through_api(&upload, "POST", "/v1/documents", &headers, &sample()).await;
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
    let taken: Value = serde_json::from_slice(&body).unwrap();
    let id = taken["document_id"].as_str().unwrap();

    let ingest = start("ingest", &jobs_settings(&app));
    let (bucket, key) = (setting(&app, "BUCKET"), format!("alice/{id}"));
    let object = s3().await.head_object().bucket(bucket).key(&key).send().await.unwrap();
    let size = u64::try_from(object.content_length().unwrap()).unwrap();
    let etag = object.e_tag().unwrap().trim_matches('"').to_owned();
    let event = s3_through_sqs(vec![("one", s3_record(bucket, &key, size, &etag, "0055AED6DCD90281E5"))]);
    assert_eq!(
        ingest.invoke_within(event.clone(), EVENT_DEADLINE).await.unwrap().json(),
        json!({ "batchItemFailures": [] })
    );
    let (_, _, ready) = through_api(&upload, "GET", &format!("/v1/documents/{id}"), &[by_alice], b"").await;
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    assert_eq!(ready["status"], "ready", "{ready}");
    // Queues deliver at least once.
    assert_eq!(
        ingest.invoke_within(event, EVENT_DEADLINE).await.unwrap().json(),
        json!({ "batchItemFailures": [] })
    );
    let (_, _, again) = through_api(&upload, "GET", &format!("/v1/documents/{id}"), &[by_alice], b"").await;
    assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), ready);

    let chat = start("chat", &settings(&app));
    let question = json!({ "message": QUESTION }).to_string();
    let headers = [by_alice, ("content-type", "application/json")];
    let (status, _, body) = through_api(&chat, "POST", "/v1/chat", &headers, question.as_bytes()).await;
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &answer["degraded"]), (200, &json!([])), "{answer}");
    let first = &answer["citations"][0];
    assert_eq!((first["document_id"].as_str(), first["page"].as_u64()), (Some(id), Some(19)), "{answer}");
    assert_eq!(first["verification"], "verified");
    app.prove(&alice, &answer).await;
}

#[tokio::test]
async fn the_function_url_streams_the_answer_that_the_api_gives() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let authorization = bearer(&alice);
    let question = json!({ "message": QUESTION }).to_string();
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let (chat, stream) = (start("chat", &settings(&app)), start("chat-stream", &settings(&app)));

    let (_, buffered_headers, body) =
        through_api(&chat, "POST", "/v1/chat", &headers, question.as_bytes()).await;
    let whole = comparable(serde_json::from_slice(&body).unwrap());
    assert_eq!(whole["refused"], false);

    // Without the wish for events the same body comes, in the wire format of streams.
    let invocation = through_url(&stream, "POST", "/v1/chat", &headers, question.as_bytes()).await;
    assert_eq!(comparable(invocation.json()), whole);
    let prelude = invocation.streamed.expect("a stream").prelude;
    assert_eq!(prelude["statusCode"], 200);
    for name in ["content-type", "cache-control", "strict-transport-security"] {
        assert_eq!(prelude["headers"][name], buffered_headers[name].to_str().unwrap(), "{prelude}");
    }

    let wish = [&headers[..], &[("accept", "text/event-stream")]].concat();
    let invocation = through_url(&stream, "POST", "/v1/chat", &wish, question.as_bytes()).await;
    let prelude = &invocation.streamed.as_ref().expect("a stream").prelude;
    assert_eq!(prelude["headers"]["content-type"], "text/event-stream", "{prelude}");
    let events = sse(invocation.result.as_ref().expect("a whole stream"));
    let named = |wanted: &str| -> Vec<&Value> {
        events.iter().filter(|(name, _)| name == wanted).map(|(_, data)| data).collect()
    };
    assert_eq!((events[0].0.as_str(), events.last().unwrap().0.as_str()), ("start", "done"));
    let done = named("done")[0].clone();
    assert_eq!(named("start")[0]["id"], done["id"]);
    assert_eq!(named("citation"), done["citations"].as_array().unwrap().iter().collect::<Vec<_>>());
    let text: String = named("token").iter().map(|token| token["text"].as_str().unwrap()).collect();
    assert_eq!(text, done["answer"].as_str().unwrap());
    assert_eq!(comparable(done), whole);

    // A refused request is an ordinary answer, not a broken stream.
    let invocation = through_url(&stream, "POST", "/v1/chat", &headers, b"{}").await;
    assert_eq!(invocation.json()["code"], "validation_failed");
    assert_eq!(invocation.streamed.expect("a stream").prelude["statusCode"], 400);
}

/// Without what differs from answer to answer.
fn comparable(mut answer: Value) -> Value {
    for member in ["id", "conversation_id", "timings_ms"] {
        answer.as_object_mut().and_then(|answer| answer.remove(member)).expect("such a member");
    }
    answer
}

fn setting<'a>(app: &'a TestApp, name: &str) -> &'a str {
    &app.settings.iter().find(|(known, _)| *known == name).expect("such a setting").1
}
