//! Vectors that an API sells are booked and capped like answers.

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi, vectors},
    parts::token,
};
use serde_json::{Value, json};
use server::Server;
use shared::env::Env;

use super::attempts::{QUESTION, TEXT, ask, summary};
use crate::chat::{PIPES, shelve};

/// What the provider counts for the texts of a request, and the app has to book.
fn tokens(request: &Value) -> i64 {
    i64::try_from(request["input"].to_string().len().div_ceil(4)).unwrap()
}

/// A provider of answers and vectors, a dollar for a thousand tokens of each; and an app of it.
async fn sold(own: &[(&'static str, &str)]) -> (OpenAi, TestApp) {
    let provider =
        OpenAi::answering_both(|_| Answer::text(TEXT).usage(900, 100), |request| vectors(request, 384));
    let url = provider.url();
    let settings = [
        ("OPENAI_BASE_URL", url.as_str()),
        ("OPENAI_API_KEY", "sk-test"),
        ("CHAT_MODELS", "openai:gpt-4o-mini"),
        ("EMBEDDINGS", "openai:text-embedding-3-small"),
        ("MODEL_PRICES", "gpt-4o-mini=1000/1000,text-embedding-3-small=1000/0"),
        // The provider's vectors mean nothing.
        ("MATCH_THRESHOLD", "-1"),
    ];
    let app = TestApp::with(&[&settings[..], own].concat()).await;
    (provider, app)
}

/// The tokens of all vectors, as the provider counted them.
fn counted(provider: &OpenAi) -> i64 {
    let requests = provider.requests();
    requests.iter().filter(|one| one.path.ends_with("/embeddings")).map(|one| tokens(&one.body)).sum()
}

#[tokio::test]
async fn what_documents_and_questions_cost_is_in_the_books_to_the_token() {
    let (provider, app) = sold(&[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let indexing = counted(&provider);
    assert!(indexing > 0);
    assert_eq!(summary(&app).await.0, indexing);
    let client = app.database.connect(None).await;
    let whose = "SELECT user_id, provider, model, outcome, message_id IS NULL FROM agent_telemetry";
    let row = client.query_one(whose, &[]).await.unwrap();
    let whose: (String, String, String, String, bool) =
        (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
    let expected = ("alice", "openai", "text-embedding-3-small", "answered");
    assert_eq!((whose.0.as_str(), whose.1.as_str(), whose.2.as_str(), whose.3.as_str()), expected);
    assert!(whose.4, "no message brought it about");

    let answer = ask(&app, &alice, false).await.unwrap();
    let asking = counted(&provider) - indexing;
    assert!(asking > 0);
    assert_eq!(answer["usage"]["input_tokens"], 900 + asking);
    let (tokens, cost, calls) = summary(&app).await;
    assert_eq!((tokens, calls), (indexing + asking + 1_000, 3));
    assert!((cost - tokens as f64 / 1e3).abs() < 1e-9, "{cost}");
    // Asked in other words for the second time, and in the same for the third: the vector is known.
    app.post("/v1/chat", &alice, &json!({ "message": format!("{QUESTION} "), "top_k": 3 })).await;
    assert_eq!(counted(&provider) - indexing, asking);
}

#[tokio::test]
async fn where_a_cap_leaves_no_room_for_a_vector_none_is_bought() {
    let (provider, app) = sold(&[("BUDGET_USD_PER_DAY_USER", "0.01")]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let before = provider.requests().len();
    for followed in [false, true] {
        let answered =
            app.post("/v1/chat", &alice, &json!({ "message": QUESTION, "stream": followed })).await;
        assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (402, &json!("budget_exhausted")));
    }
    // Nothing holds these words, and without a vector nothing is found: there is no answer to reserve for.
    let answer = app.ask(&alice, "Who won the chess olympiad?").await;
    assert_eq!(
        (&answer["refused"], &answer["degraded"]),
        (&json!(true), &json!(["vector_search", "budget"])),
        "{answer}"
    );
    assert_eq!(provider.requests().len(), before, "nothing was bought");
}

#[tokio::test]
async fn vectors_count_for_the_caps_and_leave_the_answer_what_it_reserved() {
    let (provider, app) = sold(&[("BUDGET_USD_PER_DAY_USER", "5.5")]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let indexing = counted(&provider);
    // Enough for one try, and not for three: nothing of the answer's part may have gone into the vector.
    let answer = ask(&app, &alice, false).await.unwrap();
    assert_eq!((&answer["model"]["name"], &answer["degraded"]), (&json!("gpt-4o-mini"), &json!([])));
    let asking = counted(&provider) - indexing;
    let client = app.database.connect(None).await;
    let books = "SELECT day_usd, (SELECT count(*) FROM budget_reservations) FROM budgets";
    let row = client.query_one(books, &[]).await.unwrap();
    assert!((row.get::<_, f64>(0) - (1_000 + asking) as f64 / 1e3).abs() < 1e-9, "{row:?}");
    assert_eq!(row.get::<_, i64>(1), 0, "all of it is settled");
}

#[tokio::test]
async fn an_embedder_without_a_price_and_a_cap_do_not_go_together() {
    let (_provider, app) = sold(&[]).await;
    let with = |prices: &'static str| {
        let more = [
            ("MODEL_PRICES", prices),
            ("BUDGET_USD_PER_DAY_TOTAL", "5"),
            ("EMBEDDINGS", "openai:unheard-of"),
        ];
        let own = more.into_iter().map(|(name, value)| (name, value.to_owned()));
        let kept = app.settings.iter().filter(|(name, _)| more.iter().all(|(own, _)| own != name)).cloned();
        Env::of(kept.chain(own))
    };
    let refused = Server::connect(&with("gpt-4o-mini=1/1")).await.err().unwrap().to_string();
    assert!(refused.contains("unheard-of") && refused.contains("MODEL_PRICES"), "{refused}");
    assert!(Server::connect(&with("gpt-4o-mini=1/1,unheard-of=0/0")).await.is_ok());
}
