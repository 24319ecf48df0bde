//! Spend caps: nothing is asked of a model that a cap does not leave room for, and what was spent is known to the cent.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use harness::{
    app::TestApp,
    openai::{Answer, Interruption, OpenAi},
    parts::{now_s, token},
};
use jiff::Timestamp;
use retention::{Retention, Task, run};
use serde_json::{Value, json};
use server::Server;
use shared::env::Env;
use tokio::sync::Notify;

use super::{
    attempts::{QUESTION, TEXT, ask, summary},
    passing, with_model,
};
use crate::chat::{PIPES, shelve};

/// A dollar for a thousand tokens, read or written: a question costs one, and may cost between two and four.
const DEAR: (&str, &str) = ("MODEL_PRICES", "gpt-4o-mini=1000/1000");

fn paid() -> OpenAi {
    OpenAi::answering(|_| Answer::text(TEXT).usage(900, 100))
}

async fn app(provider: &OpenAi, own: &[(&'static str, &str)]) -> TestApp {
    with_model(provider, &[&[DEAR], own].concat()).await
}

/// One number of the database.
async fn number(app: &TestApp, sql: &str) -> f64 {
    app.database.connect(None).await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn reserved(app: &TestApp) -> f64 {
    number(app, "SELECT COALESCE(sum(amount_usd), 0) FROM budget_reservations").await
}

async fn run_sql(app: &TestApp, sql: &str) {
    app.database.connect(None).await.batch_execute(sql).await.unwrap();
}

/// The problem that the question meets, followed or not.
async fn refused(app: &TestApp, who: &str, followed: bool) -> Value {
    let answered = app.post("/v1/chat", who, &json!({ "message": QUESTION, "stream": followed })).await;
    assert_eq!(answered.status, 402, "{}", answered.text());
    assert_eq!(answered.headers["content-type"], "application/problem+json");
    answered.json()
}

#[tokio::test]
async fn each_cap_ends_the_spending_of_those_whom_it_is_for_and_says_until_when() {
    let scopes = ["user", "workspace", "total"];
    for (scope, setting) in scopes.iter().zip([
        ["BUDGET_USD_PER_DAY_USER", "BUDGET_USD_PER_MONTH_USER"],
        ["BUDGET_USD_PER_DAY_WORKSPACE", "BUDGET_USD_PER_MONTH_WORKSPACE"],
        ["BUDGET_USD_PER_DAY_TOTAL", "BUDGET_USD_PER_MONTH_TOTAL"],
    ]) {
        for (period, setting) in ["day", "month"].iter().zip(setting) {
            let provider = paid();
            let app = app(&provider, &[(setting, "4.5")]).await;
            let (alice, bob) = (token("alice", Some("org_1")), token("bob", Some("org_1")));
            let carol = token("carol", Some("org_2"));
            for who in [&alice, &carol] {
                shelve(&app, who, "", PIPES).await;
            }
            // What is reserved is given back: two dollars each, and still three questions of one fit.
            let mut answered = 0;
            while is_answered(&app, &alice).await {
                answered += 1;
            }
            assert!((1..=3).contains(&answered), "{answered}");
            assert_eq!(
                provider.requests().len(),
                answered,
                "nothing is asked of a model that may not be paid"
            );
            for followed in [false, true] {
                let problem = refused(&app, &alice, followed).await;
                assert_eq!(
                    (&problem["code"], &problem["title"]),
                    (&json!("budget_exhausted"), &json!("Budget exhausted"))
                );
                let budget = &problem["budget"];
                assert_eq!((&budget["scope"], &budget["period"]), (&json!(scope), &json!(period)));
                let left = 4.5 - f64::from(u32::try_from(answered).unwrap());
                assert_eq!((&budget["limit_usd"], &budget["left_usd"]), (&json!(4.5), &json!(left)));
                let resets: Timestamp = budget["resets_at"].as_str().unwrap().parse().unwrap();
                let next = number(
                    &app,
                    &format!(
                        "SELECT extract(epoch FROM (date_trunc('{period}', now() AT TIME ZONE 'UTC') + interval '1 {period}') \
                         AT TIME ZONE 'UTC')::float8"
                    ),
                )
                .await;
                assert!((resets.as_second() as f64 - next).abs() < 1.0, "{problem}");
            }
            assert_eq!(is_answered(&app, &bob).await, *scope == "user", "{setting}");
            assert_eq!(is_answered(&app, &carol).await, *scope != "total", "{setting}");
            assert_eq!(reserved(&app).await, 0.0);
        }
    }
}

/// Asks; whether it was answered and not refused for money.
async fn is_answered(app: &TestApp, who: &str) -> bool {
    let answered = app.post("/v1/chat", who, &json!({ "message": QUESTION })).await;
    assert!([200, 402].contains(&answered.status.as_u16()), "{}", answered.text());
    answered.status == 200
}

#[tokio::test]
async fn without_a_cap_nothing_is_reserved_or_counted() {
    let provider = paid();
    let app = app(&provider, &[]).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    ask(&app, &alice, false).await;
    assert_eq!(number(&app, "SELECT count(*)::float8 FROM budgets").await, 0.0);
    assert_eq!(summary(&app).await.0, 1_000);
}

#[tokio::test]
async fn where_the_strong_model_does_not_fit_only_a_cheaper_one_is_asked() {
    let provider =
        OpenAi::answering(
            |request| {
                if request["model"] == "cheap" { passing(500) } else { Answer::text(TEXT) }
            },
        );
    let own = [
        ("CHAT_MODELS", "openai:dear,openai:middling"),
        ("CHAT_MODELS_CHEAP", "openai:cheap"),
        ("ROUTING_THRESHOLD", "0"),
        ("MODEL_PRICES", "dear=1000/1000,middling=100/100,cheap=1/1"),
        ("BUDGET_USD_PER_DAY_USER", "0.5"),
    ];
    let app = with_model(&provider, &own).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let answer = ask(&app, &alice, false).await.unwrap();
    assert_eq!(answer["model"], json!({ "provider": "openai", "name": "middling", "fallback": true }));
    assert_eq!(answer["degraded"], json!(["vector_search", "budget"]));
    // It is not called on for more than was reserved: not even after a failure.
    let asked: Vec<String> =
        provider.requests().iter().map(|recorded| recorded.body["model"].to_string()).collect();
    assert_eq!(asked, ["\"middling\""]);
    run_sql(&app, "UPDATE budgets SET day_usd = 0.495").await;
    let answer = ask(&app, &alice, false).await.unwrap();
    assert_eq!((&answer["model"]["provider"], &answer["degraded"][1]), (&json!("footnote"), &json!("model")));
    assert_eq!(provider.requests()[1].body["model"], "cheap");
    run_sql(&app, "UPDATE budgets SET day_usd = 0.4999").await;
    refused(&app, &alice, false).await;
}

#[tokio::test]
async fn what_nobody_spent_or_settled_is_free_again() {
    let (until, good) = (Arc::new(Notify::new()), Answer::text(TEXT).usage(900, 100));
    let provider = OpenAi::start(vec![
        passing(500),
        passing(500),
        passing(500),
        good.clone().interrupted(0, Interruption::Until(Arc::clone(&until))),
        good,
    ]);
    let own = [("BUDGET_USD_PER_DAY_USER", "4"), ("REQUEST_TIMEOUT_MS", "4000")];
    let app = app(&provider, &own).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    let answer = ask(&app, &alice, false).await.unwrap();
    assert_eq!(answer["model"]["provider"], "footnote");
    assert_eq!(reserved(&app).await + number(&app, "SELECT sum(day_usd) FROM budgets").await, 0.0);

    // What is being answered counts, for as long as its deadline and a margin.
    let question = ask(&app, &alice, false);
    let looking = async {
        provider.requested(4).await;
        assert!(reserved(&app).await > 2.0);
        let lasts = "SELECT max(extract(epoch FROM expires_at - now()))::float8 FROM budget_reservations";
        assert!((1.0..=34.0).contains(&number(&app, lasts).await));
        assert_eq!(refused(&app, &alice, false).await["budget"]["scope"], "user");
        until.notify_one();
    };
    let (answer, ()) = tokio::join!(question, looking);
    assert_eq!(answer.unwrap()["model"]["provider"], "openai");
    assert_eq!((reserved(&app).await, provider.requests().len()), (0.0, 4));

    // A process that crashed settles nothing: what it reserved counts until it expires by itself.
    run_sql(
        &app,
        "INSERT INTO budget_reservations SELECT workspace_id, user_id, gen_random_uuid(), 3, now() + interval '1 hour' FROM users",
    )
    .await;
    refused(&app, &alice, false).await;
    run_sql(&app, "UPDATE budget_reservations SET expires_at = now()").await;
    assert!(ask(&app, &alice, false).await.is_some());
}

#[tokio::test]
async fn a_new_day_and_a_new_month_begin_with_nothing_spent() {
    let provider = paid();
    let own = [("BUDGET_USD_PER_DAY_USER", "10"), ("BUDGET_USD_PER_MONTH_USER", "10")];
    let app = app(&provider, &own).await;
    let alice = token("alice", None);
    shelve(&app, &alice, "", PIPES).await;
    ask(&app, &alice, false).await;
    run_sql(&app, "UPDATE budgets SET day_usd = 100, day = day - 1").await;
    ask(&app, &alice, false).await;
    let spent = "SELECT day_usd * 1000 + month_usd FROM budgets WHERE day = (now() AT TIME ZONE 'UTC')::date";
    assert_eq!(number(&app, spent).await, 1_002.0);
    run_sql(&app, "UPDATE budgets SET month_usd = 100").await;
    assert_eq!(refused(&app, &alice, false).await["budget"]["period"], "month");
    run_sql(&app, "UPDATE budgets SET month = month - interval '1 month', day = day - 1").await;
    ask(&app, &alice, false).await;
    assert_eq!(number(&app, spent).await, 1_001.0);
}

#[tokio::test]
async fn a_model_without_a_price_and_a_cap_do_not_go_together() {
    let provider = paid();
    let app = app(&provider, &[("CHAT_MODELS", "openai:gpt-4o-mini,openai:unheard-of")]).await;
    let with = |more: Vec<(&'static str, &'static str)>| {
        let more = more.into_iter().map(|(name, value)| (name, value.to_owned()));
        Env::of(app.settings.iter().filter(|(name, _)| *name != "MODEL_PRICES").cloned().chain(more))
    };
    let cap = ("BUDGET_USD_PER_MONTH_TOTAL", "5");
    let refused = Server::connect(&with(vec![cap])).await.err().unwrap().to_string();
    assert!(refused.contains("unheard-of") && refused.contains("MODEL_PRICES"), "{refused}");
    assert!(Server::connect(&with(vec![])).await.is_ok());
    let free = Server::connect(&with(vec![cap, ("MODEL_PRICES", "unheard-of=0/0")])).await;
    assert!(free.is_ok());
}

#[tokio::test]
async fn what_a_person_spent_goes_with_the_account_and_the_rest_when_it_is_old() {
    let provider = paid();
    let own = [("BUDGET_USD_PER_DAY_USER", "100"), ("BUDGET_USD_PER_DAY_TOTAL", "100")];
    let app = app(&provider, &own).await;
    let (alice, bob) = (token("alice", Some("org_1")), token("bob", Some("org_1")));
    shelve(&app, &alice, "", PIPES).await;
    for who in [&alice, &bob] {
        ask(&app, who, false).await;
    }
    run_sql(
        &app,
        "INSERT INTO budget_reservations SELECT id, user_id, gen_random_uuid(), 1, now() + interval '1 hour' \
         FROM workspaces, users WHERE id = workspace_id",
    )
    .await;
    let gone = app.call(axum::http::Method::DELETE, "/v1/users/alice", &alice).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    let client = app.database.connect(None).await;
    let left = "SELECT string_agg(scope || holder || day_usd, ' ' ORDER BY scope) || ' ' || \
                (SELECT string_agg(user_id, ' ') FROM budget_reservations) FROM budgets";
    let left: String = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, "total2 userbob1 bob", "what everybody spent stays spent");

    let env = Env::of(app.settings.iter().cloned());
    let retention = Retention::connect(&env, "DATABASE_JOBS_URL").await.unwrap();
    let now = Timestamp::from_second(now_s()).unwrap();
    assert_eq!(run(&retention, Task::Retain, now).await.unwrap().budgets, 0);
    let later = now + Duration::from_hours(24 * 31);
    assert_eq!(run(&retention, Task::Retain, later).await.unwrap().budgets, 3);
}

#[tokio::test]
async fn two_hundred_at_once_spend_no_more_than_there_was() {
    let provider = paid();
    let own = [
        ("BUDGET_USD_PER_DAY_USER", "2500"),
        ("BUDGET_USD_PER_MONTH_WORKSPACE", "2500"),
        ("BUDGET_USD_PER_DAY_TOTAL", "2500"),
        ("DATABASE_MAX_CONNECTIONS", "20"),
    ];
    let app = app(&provider, &own).await;
    let people = [token("alice", Some("org_1")), token("bob", Some("org_1")), token("carol", Some("org_2"))];
    for who in [&people[0], &people[2]] {
        shelve(&app, who, "", PIPES).await;
    }
    // One dollar, so that everybody's row is there; then all but one hundredth is spent.
    ask(&app, &people[0], false).await;
    run_sql(&app, "UPDATE budgets SET day_usd = 2475, month_usd = 2475").await;
    let before = provider.requests().len();
    // Who is told to come back comes back.
    let one = async |who: &str| loop {
        let answered = app.post("/v1/chat", who, &json!({ "message": QUESTION })).await;
        match answered.status.as_u16() {
            503 => {}
            200 => {
                assert_eq!(answered.json()["degraded"], json!(["vector_search"]), "it was recorded");
                return true;
            }
            _ => {
                assert_eq!(answered.json()["code"], "budget_exhausted", "{}", answered.text());
                return false;
            }
        }
    };
    let answered = join_all((0..200).map(|number| one(&people[number % 3]))).await;
    let mut answered = answered.into_iter().filter(|answered| *answered).count();
    // Now that nothing is reserved any more, what is left is spent, and then it ends.
    while one(&people[0]).await {
        answered += 1;
    }
    assert!((1..=25).contains(&answered), "{answered} of 200");
    assert_eq!(provider.requests().len() - before, answered, "only who was let in was answered by a model");
    let spent = number(&app, "SELECT day_usd FROM budgets WHERE scope = 'total'").await;
    assert_eq!(spent, 2475.0 + f64::from(u32::try_from(answered).unwrap()));
    assert!((2496.0..=2500.0).contains(&spent), "{spent}");
    assert_eq!(reserved(&app).await, 0.0);
    let (tokens, cost, calls) = summary(&app).await;
    assert_eq!(usize::try_from(calls).unwrap(), answered + 1);
    assert_eq!((tokens, cost), (calls * 1_000, calls as f64));
    let each = "SELECT sum(day_usd) - 2475 FROM budgets WHERE scope = 'user'";
    assert_eq!(number(&app, each).await, f64::from(u32::try_from(answered).unwrap()));
}
