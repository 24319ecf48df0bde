//! Answers that do not come to their end: what the reader is told, what is kept of them, and who stops working.

use std::time::{Duration, Instant};

use harness::{
    followed::{Followed, named, text},
    openai::{Answer, Interruption, OpenAi},
};
use serde_json::{Value, json};

use super::{QUESTION, SENT, WORDS, question, shelved, stored, waiting, written};

const PATIENCE: Duration = Duration::from_secs(30);

/// Reads until the first sentence is there.
async fn begun(followed: &mut Followed) -> Vec<harness::followed::Event> {
    let mut events = Vec::new();
    while !text(&events).contains("Welds are very hard.") {
        events.push(followed.next().await.expect("the first sentence"));
    }
    events
}

#[tokio::test]
async fn a_stream_that_is_cut_ends_with_a_problem_and_is_not_part_of_the_conversation() {
    let overloaded = json!({ "error": { "message": "overloaded", "type": "server_error", "code": null } });
    let faults = [
        written(WORDS, Interruption::Cut),
        written(WORDS, Interruption::Error(overloaded)),
        Answer::text("Welds are very hard. They reach").finished_by("content_filter"),
    ];
    for fault in faults {
        let whole = Answer::text("They reach 22 HRC [1 \"weld is 22 HRC\"].");
        let provider = OpenAi::start(vec![fault.clone(), whole]);
        let (app, alice) = shelved(&provider, &[]).await;
        let followed = app.follow(&alice, &[], &question()).await;
        let request_id = followed.headers["x-request-id"].to_str().unwrap().to_owned();
        let events = followed.all().await;
        assert!(text(&events).starts_with("Welds are very hard."), "{events:?}");
        let last = events.last().unwrap();
        assert_eq!((last.name.as_str(), named(&events, "done").len()), ("error", 0), "{fault:?}");
        let problem = &last.data;
        assert_eq!((&problem["code"], &problem["status"]), (&json!("interrupted"), &json!(503)));
        assert_eq!(problem["type"], "urn:footnote:problem:interrupted");
        assert_eq!(problem["request_id"], request_id.as_str());
        // Nobody else was asked: the reader has words already.
        assert_eq!(provider.requests().len(), 1);

        let kept = &stored(&app, 1).await[0];
        assert_eq!((&kept["interrupted"], &kept["answer"]), (&json!(true), &json!(text(&events))));

        let conversation = &named(&events, "start")[0]["conversation_id"];
        let again =
            app.ask_with(&alice, &json!({ "message": QUESTION, "conversation_id": conversation })).await;
        assert_eq!(again["answer"], "They reach 22 HRC [1].");
        let messages = provider.requests()[1].body["messages"].as_array().unwrap().clone();
        let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["system", "user"], "what broke off is no history");
        assert!(stored(&app, 2).await[1].get("interrupted").is_none());
    }
}

#[tokio::test]
async fn a_reader_who_goes_away_ends_the_models_work_too() {
    let (provider, _until) = waiting(WORDS);
    let (app, alice) = shelved(&provider, &[]).await;
    let mut followed = app.follow(&alice, &[], &question()).await;
    let events = begun(&mut followed).await;
    drop(followed);
    tokio::time::timeout(PATIENCE, provider.abandoned(1)).await.expect("the call is given up");
    let kept = &stored(&app, 1).await[0];
    assert_eq!((&kept["interrupted"], &kept["id"]), (&json!(true), &named(&events, "start")[0]["id"]));
    let answer = kept["answer"].as_str().unwrap();
    assert!(answer.starts_with("Welds are very hard.") && answer.len() < SENT.len(), "{answer}");
}

#[tokio::test]
async fn nobody_waits_for_the_first_word_when_its_reader_is_gone() {
    let provider = OpenAi::answering(|_| Answer::Hang);
    let (app, alice) = shelved(&provider, &[]).await;
    let mut followed = app.follow(&alice, &[], &question()).await;
    assert_eq!(followed.next().await.unwrap().name, "start");
    provider.requested(1).await;
    drop(followed);
    tokio::time::timeout(PATIENCE, provider.abandoned(1)).await.expect("the call is given up");
    let kept = &stored(&app, 1).await[0];
    assert_eq!(
        (&kept["interrupted"], &kept["answer"], &kept["refused"]),
        (&json!(true), &json!(""), &json!(false))
    );
}

#[tokio::test]
async fn a_model_that_stops_in_the_middle_is_given_up_before_the_deadline() {
    let provider = OpenAi::answering(|_| written(WORDS, Interruption::Hang));
    let (app, alice) = shelved(&provider, &[("REQUEST_TIMEOUT_MS", "3000")]).await;
    let started = Instant::now();
    let events = app.follow(&alice, &[], &question()).await.all().await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(events.last().unwrap().data["code"], "interrupted");
    provider.abandoned(1).await;
    assert_eq!(stored(&app, 1).await[0]["interrupted"], true);
}

#[tokio::test]
async fn a_reader_who_reads_nothing_is_given_up_at_the_deadline() {
    // Many more pieces than may wait for a reader, and then silence.
    let pieces: Vec<String> = (0..500).map(|number| format!("word{number} ")).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let answer = Answer::pieces(&pieces).interrupted(499, Interruption::Hang);
    let provider = OpenAi::answering(move |_| answer.clone());
    let (app, alice) = shelved(&provider, &[("REQUEST_TIMEOUT_MS", "3000")]).await;
    let followed = app.follow(&alice, &[], &question()).await;
    // Nobody reads, and the work ends all the same.
    tokio::time::timeout(PATIENCE, provider.abandoned(1)).await.expect("the call is given up");
    assert_eq!(stored(&app, 1).await[0]["interrupted"], true);
    let events = followed.all().await;
    assert_eq!(events.last().unwrap().data["code"], "interrupted");
    // What had to wait comes in one piece.
    let texts: Vec<&Value> = named(&events, "token");
    assert!(text(&events).starts_with("word0 word1 ") && texts.len() < 64, "{}", texts.len());
}
