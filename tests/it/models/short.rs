//! `USE_SIMPLIFIED_PROMPT=true`: at most 75 words, whatever the model or the documents say.

use axum::http::Method;
use harness::{
    app::request,
    openai::{Answer, OpenAi},
    parts::token,
};
use serde_json::{Value, json};

use super::with_model;
use crate::chat::{full_text, shelve};

/// Ten sentences of eleven words each, each proved.
fn long() -> String {
    let sentence = "The maximum hardness of a weld is 22 HRC in total";
    (0..10).map(|_| format!("{sentence} [1 \"hardness of a weld is 22 HRC\"]. ")).collect()
}

fn words(answer: &Value) -> usize {
    let text = answer["answer"].as_str().unwrap();
    text.split_whitespace().filter(|word| !word.starts_with('[')).count()
}

const PAGE: &str = "FN-7 Piping\nThe maximum hardness of a weld is 22 HRC in any position.";

#[tokio::test]
async fn a_model_that_goes_on_is_cut_where_a_sentence_ends_whole_and_streamed() {
    let provider = OpenAi::answering(|_| Answer::text(&long()));
    let app = with_model(&provider, &[("USE_SIMPLIFIED_PROMPT", "true")]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", &[PAGE]).await;
    let whole = app.ask(&alice, "How hard is a weld?").await;
    assert_eq!(words(&whole), 66, "{whole}");
    assert!(whole["answer"].as_str().unwrap().ends_with("in total [1]."), "{whole}");

    let streamed = request(Method::POST, "/v1/chat", &alice)
        .header("content-type", "application/json")
        .header("accept", "text/event-stream");
    let body = json!({ "message": "How hard is a weld?" }).to_string();
    let events = app.send(streamed.body(body.into()).unwrap()).await.text();
    let of = |name: &str| -> Vec<Value> {
        let named = format!("event: {name}\ndata: ");
        let data = events.split(named.as_str()).skip(1).filter_map(|rest| rest.lines().next());
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    };
    let done = of("done").remove(0);
    app.prove(&alice, &done).await;
    assert_eq!(done["answer"], whole["answer"]);
    let told: String = of("token").iter().map(|token| token["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, done["answer"].as_str().unwrap(), "no more was told than stays");
    assert_eq!(of("citation").len(), 1);
}

#[tokio::test]
async fn the_documents_own_sentences_are_cut_too() {
    let sentence = |number: u32| {
        format!(
            "The hardness of weld number {number} was measured by the works inspector on the day after it was made and noted in the record of this very weld."
        )
    };
    let page: String = (1..6).map(|number| format!("{}\n", sentence(number))).collect();
    let mut answers = Vec::new();
    for simplified in ["false", "true"] {
        let app = full_text(&[("USE_SIMPLIFIED_PROMPT", simplified)]).await;
        let alice = token("alice", None);
        shelve(&app, &alice, "", &[&page]).await;
        answers
            .push(app.ask(&alice, "Who measured the hardness of each weld, and where was it noted?").await);
    }
    let [long, short] = [words(&answers[0]), words(&answers[1])];
    assert!(long > 75 && short <= 75 && short > 20, "{long} {short}");
    assert!(answers[0]["answer"].as_str().unwrap().starts_with(answers[1]["answer"].as_str().unwrap()));
}
