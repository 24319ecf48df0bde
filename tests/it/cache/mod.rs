//! Answers that are given again: from which tier, for whom, until when; and written once, however many ask.

mod gone;
mod once;
mod tiers;
mod vectors;

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi},
    redis::Redis,
};
use serde_json::Value;
use shared::{domain::caller::Workspace, env::Env, redis::upstash::Upstash};

const QUESTION: &str = "How hard may a weld be?";

/// A provider that gives this answer to everything.
fn provider() -> OpenAi {
    OpenAi::answering(|_| Answer::text("It is 22 HRC [1 \"weld is 22 HRC\"].").usage(1_000, 10))
}

/// An app whose only model is `provider`.
async fn with_model(provider: &OpenAi, own: &[(&'static str, &str)]) -> TestApp {
    let url = provider.url();
    let model = [("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", url.as_str())];
    TestApp::with(&[&model[..], own].concat()).await
}

/// The same with a Redis.
async fn with_redis(provider: &OpenAi, redis: &Redis) -> TestApp {
    let settings = redis.settings();
    let own: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // A busy machine is not what is tested.
    with_model(provider, &[&own[..], &[("REDIS_TIMEOUT_MS", "5000")]].concat()).await
}

/// Whether the answer was there already. One that was cost nothing, and is a message of its own.
fn cached(answer: &Value, first: &Value) -> bool {
    let cached = answer["cached"].as_bool().unwrap();
    if cached {
        for member in ["answer", "citations", "refused", "degraded", "model"] {
            assert_eq!(answer[member], first[member], "{member}");
        }
        for member in ["id", "conversation_id"] {
            assert_ne!(answer[member], first[member], "{member}");
        }
        assert_eq!(
            answer["usage"],
            serde_json::json!({ "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0 })
        );
        assert_eq!(answer["timings_ms"]["model"], 0);
    }
    cached
}

/// What Redis keeps of an organisation's answers.
async fn in_redis(redis: &Redis, organization: &str) -> Vec<String> {
    let upstash = Upstash::connect(&Env::of(redis.settings())).unwrap().unwrap();
    let pattern = format!("footnote:answers:{{{}}}:*", Workspace::of_organization(organization).id.0);
    let command = ["KEYS".to_owned(), pattern];
    let keys = upstash.command(&command, std::time::Duration::from_secs(5)).await.unwrap();
    let keys = keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned());
    keys.filter(|key| !key.ends_with(":erasures")).collect()
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    app.database.connect(None).await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn change(app: &TestApp, sql: &str) {
    app.database.connect(None).await.batch_execute(sql).await.unwrap();
}
