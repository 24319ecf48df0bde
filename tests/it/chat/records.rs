//! What is kept of a question: the message for its person; counts, hashes and costs for the operator.

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi},
    parts::token,
};
use serde_json::Value;
use shared::domain::hash::sha256;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{PIPES, full_text, shelve};

async fn with_model(provider: &OpenAi) -> TestApp {
    let url = provider.url();
    full_text(&[("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", &url)]).await
}

#[tokio::test]
async fn a_question_leaves_one_row_in_each_table() {
    let provider = OpenAi::start(vec![
        Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"]. It was 99 HRC [1 \"it was 99 HRC before\"].")
            .usage(2_000_000, 1_000_000),
    ]);
    let app = with_model(&provider).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let question = "How hard may a weld be?";
    let answer = app.ask(&alice, question).await;
    let id: Uuid = answer["id"].as_str().unwrap().parse().unwrap();
    let client = app.database.connect(None).await;

    let row = client
        .query_one("SELECT m.id, m.question, m.response, m.user_id, c.id, c.user_id, u.user_id FROM messages m \
                    JOIN conversations c ON c.id = m.conversation_id JOIN users u ON u.workspace_id = m.workspace_id", &[])
        .await
        .unwrap();
    assert_eq!((row.get::<_, Uuid>(0), row.get::<_, &str>(1)), (id, question));
    assert_eq!(row.get::<_, Json<Value>>(2).0, answer, "what is kept is what was sent");
    assert_eq!([3, 5, 6].map(|column| row.get::<_, &str>(column)), ["alice"; 3]);
    assert_eq!(answer["conversation_id"], row.get::<_, Uuid>(4).to_string());

    let row = client.query_one("SELECT to_jsonb(l) - 'created_at' FROM query_logs l", &[]).await.unwrap();
    let mut log = row.get::<_, Json<Value>>(0).0;
    let hash: String = sha256(question.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(log["question_hash"], format!("\\x{hash}"));
    assert_eq!(log["search_ms"], answer["timings_ms"]["search"]);
    assert_eq!(log["total_ms"], answer["timings_ms"]["total"]);
    for known in ["id", "workspace_id", "user_id", "question_hash", "search_ms", "total_ms"] {
        log.as_object_mut().unwrap().remove(known).unwrap();
    }
    assert_eq!(
        log,
        serde_json::json!({ "passages": 1, "citations": 1, "rejected": 1, "refused": false, "degraded": ["vector_search"] })
    );

    let row = client.query_one("SELECT to_jsonb(t) FROM agent_telemetry t", &[]).await.unwrap();
    let call = row.get::<_, Json<Value>>(0).0;
    assert_eq!((&call["provider"], &call["model"]), (&"openai".into(), &"gpt-4o-mini".into()));
    assert_eq!((&call["input_tokens"], &call["output_tokens"]), (&2_000_000.into(), &1_000_000.into()));
    // 2 million at 0.15 dollars and 1 million at 0.60.
    assert_eq!(call["cost_usd"], 0.9);
    assert!(call["latency_ms"].as_u64() <= answer["timings_ms"]["model"].as_u64(), "{call} {answer}");
    assert_eq!(call["message_id"], answer["id"]);
    let how = (&call["attempt"], &call["outcome"], &call["estimated"]);
    assert_eq!(how, (&1.into(), &"answered".into(), &false.into()));
    assert!(!call.to_string().contains("weld"));
}

#[tokio::test]
async fn the_cost_summary_adds_up_what_the_tenant_may_see() {
    let provider =
        OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"].").usage(900, 100));
    let app = with_model(&provider).await;
    let (alice, bob) = (token("alice", Some("org_1")), token("bob", Some("org_1")));
    shelve(&app, &alice, "", PIPES).await;
    for who in [&alice, &alice, &bob] {
        app.ask(who, "How hard may a weld be?").await;
    }
    // The extractive answerer is no model: a refusal before any call costs nothing and counts nowhere.
    assert_eq!(app.ask(&alice, "Zqxv?").await["refused"], true);

    let summary = "SELECT day = date_trunc('day', now()), total_tokens, total_cost_usd, total_calls FROM ai_cost_summary";
    let superuser = app.database.connect(None).await;
    let row = superuser.query_one(summary, &[]).await.unwrap();
    let seen = (row.get::<_, bool>(0), row.get::<_, i64>(1), row.get::<_, i64>(3));
    assert_eq!(seen, (true, 3_000, 3));
    assert!((row.get::<_, f64>(2) - 3.0 * 0.000_195).abs() < 1e-12);

    let workspace: Uuid = superuser.query_one("SELECT id FROM workspaces", &[]).await.unwrap().get(0);
    let client = app.database.connect(Some("footnote_app")).await;
    assert!(client.query_opt(summary, &[]).await.unwrap().is_none(), "no tenant, no rows");
    let bind = format!(
        "SELECT set_config('app.workspace_id', '{workspace}', false), set_config('app.user_id', 'bob', false)"
    );
    client.batch_execute(&bind).await.unwrap();
    assert_eq!(client.query_one(summary, &[]).await.unwrap().get::<_, i64>(3), 1);
}

#[tokio::test]
async fn a_refusal_is_logged_as_one() {
    let app = full_text(&[]).await;
    // Her first request: neither workspace nor person is there yet.
    let answer = app.ask(&token("alice", None), "How hard may a weld be?").await;
    assert_eq!(answer["refused"], true);
    let client = app.database.connect(None).await;
    let row = client.query_one("SELECT refused, passages, citations FROM query_logs", &[]).await.unwrap();
    assert_eq!((row.get::<_, bool>(0), row.get::<_, i32>(1), row.get::<_, i32>(2)), (true, 0, 0));
    let calls: i64 = client.query_one("SELECT count(*) FROM agent_telemetry", &[]).await.unwrap().get(0);
    assert_eq!(calls, 0);
}
