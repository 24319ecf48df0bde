//! Redis slow, dead, lying: local limits at a fifth, or no answer at all where it is required.

use std::time::{Duration, Instant};

use axum::http::Method;
use harness::{
    app::TestApp,
    parts::{token, unique},
    redis::{Mode, Redis},
};
use shared::{
    Error,
    env::Env,
    limiter::Limiter,
    redis::upstash::{Failure, Script, Upstash},
};

use super::{after, limiter, noon};

const FAULTS: [Mode; 9] = [
    Mode::Hang,
    Mode::Say(500, "oops"),
    Mode::Say(401, r#"{"error":"WRONGPASS"}"#),
    Mode::Say(200, "<html>"),
    Mode::Say(200, r#"{"error":"ERR max daily request limit exceeded"}"#),
    Mode::Say(400, r#"{"error":"NOSCRIPT"}"#),
    Mode::Say(200, r#"{"result":null}"#),
    Mode::Say(200, r#"{"result":[1,2,3]}"#),
    Mode::Say(200, r#"{"result":["MQ=="]}"#),
];

#[tokio::test]
async fn whatever_fails_a_fifth_is_let_through_and_it_recovers_by_itself() {
    let Some(redis) = Redis::start().await else { return };
    for fault in FAULTS {
        let user = unique("user");
        let patient = match fault {
            Mode::Hang => "150",
            _ => "5000",
        };
        let limiter = limiter(&redis, &[("RATE_LIMITS", "chat.user=50/1h"), ("REDIS_TIMEOUT_MS", patient)]);
        redis.set(fault).await;
        let (began, before) = (Instant::now(), redis.calls());
        let mut passed = 0;
        for _ in 0..100 {
            let verdict = limiter.take("chat.user", &user, noon()).await.unwrap();
            assert!(verdict.degraded, "{fault:?}");
            assert_eq!(verdict.limit, 10, "{fault:?}");
            passed += usize::from(verdict.success);
        }
        assert_eq!(passed, 10, "{fault:?}");
        assert!(redis.calls() - before <= 2, "{fault:?}: only the first may ask, and send its script");
        assert!(began.elapsed() < Duration::from_secs(3), "{fault:?}: one wait, not a hundred");
        redis.set(Mode::Forward).await;
        if fault != Mode::Hang {
            let well = limiter.take("chat.user", &user, after(5_001)).await.unwrap();
            assert_eq!((well.degraded, well.success, well.remaining), (false, true, 49), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_no_way_around_the_limits() {
    let settings = [
        ("UPSTASH_REDIS_REST_URL", "http://127.0.0.1:9".to_owned()),
        ("UPSTASH_REDIS_REST_TOKEN", "none".to_owned()),
        ("RATE_LIMITS", "chat.user=10/1h".to_owned()),
    ];
    let limiter = Limiter::connect(&Env::of(settings)).unwrap();
    let mut passed = 0;
    // Over an hour of attempts, one every nine seconds: each pause of the breaker ends, each probe fails.
    for ms in (0..3_000_000).step_by(9_000) {
        let verdict = limiter.take("chat.user", "alice", after(ms)).await.unwrap();
        passed += usize::from(verdict.success);
    }
    assert_eq!(passed, 2);
}

#[tokio::test]
async fn where_redis_is_required_nothing_passes_without_it() {
    let Some(redis) = Redis::start().await else { return };
    let limiter = limiter(&redis, &[("REQUIRE_REDIS", "true")]);
    assert!(limiter.take("chat.user", &unique("user"), noon()).await.unwrap().success);
    redis.set(Mode::Say(500, "oops")).await;
    for ms in [0, 1, 5_001] {
        match limiter.take("chat.user", &unique("user"), after(ms)).await {
            Err(Error::Unavailable { code, .. }) => assert_eq!(code, "rate_limiter_unavailable"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn callers_see_that_limits_are_degraded_or_why_there_is_no_answer() {
    let Some(redis) = Redis::start().await else { return };
    redis.set(Mode::Say(500, "oops")).await;
    let alice = token("alice", None);
    let (url, key) = (redis.url.as_str(), harness::redis::token());
    let upstash = [("UPSTASH_REDIS_REST_URL", url), ("UPSTASH_REDIS_REST_TOKEN", key.as_str())];

    let mut own = upstash.to_vec();
    own.push(("RATE_LIMITS", "documents.user=10/1d"));
    let app = TestApp::with(&own).await;
    let seen: Vec<_> = [app.get("/v1/documents", &alice).await, app.get("/v1/documents", &alice).await]
        .into_iter()
        .chain([app.get("/v1/documents", &alice).await])
        .collect();
    assert_eq!(seen.iter().map(|seen| seen.status.as_u16()).collect::<Vec<_>>(), [200, 200, 429]);
    assert!(seen.iter().all(|seen| seen.headers["x-ratelimit-state"] == "degraded"));
    assert!(seen.iter().all(|seen| seen.headers["x-ratelimit-limit"] == "2"));

    let mut own = upstash.to_vec();
    own.push(("REQUIRE_REDIS", "true"));
    let app = TestApp::with(&own).await;
    let refused = app.get("/v1/documents", &alice).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["code"].as_str()),
        (503, Some("rate_limiter_unavailable"))
    );
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(app.call(Method::GET, "/health", "").await.status, 200);
}

#[tokio::test]
async fn the_client_speaks_the_protocol() {
    let Some(redis) = Redis::start().await else { return };
    let client = Upstash::connect(&Env::of(redis.settings())).unwrap().unwrap();
    let patience = Duration::from_secs(5);
    let key = unique("ключ");
    let command = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
    let said = client.command(&command(&["SET", &key, "naïve \"value\"\r\n"]), patience).await;
    assert_eq!(said.unwrap(), "OK");
    assert_eq!(client.command(&command(&["GET", &key]), patience).await.unwrap(), "naïve \"value\"\r\n");
    let said = client.command(&command(&["INCR", &key]), patience).await;
    assert!(matches!(&said, Err(Failure::Redis(error)) if error.contains("not an integer")), "{said:?}");

    let pipeline = [command(&["GET", &key]), command(&["NOPE"]), command(&["STRLEN", &key])];
    let said = client.pipeline(&pipeline, patience).await.unwrap();
    assert_eq!(said[0].as_ref().unwrap(), "naïve \"value\"\r\n");
    assert!(matches!(&said[1], Err(Failure::Redis(_))));
    assert_eq!(said[2].as_ref().unwrap(), 16);

    let script = Script::new("return { KEYS[1], ARGV[1], redis.call('STRLEN', KEYS[1]) }");
    for calls in [2, 1] {
        let before = redis.calls();
        let said =
            client.script(&script, std::slice::from_ref(&key), &["ü".to_owned()], patience).await.unwrap();
        assert_eq!(said, serde_json::json!([key, "ü", 16]));
        assert_eq!(redis.calls() - before, calls, "whole once, by its digest from then on");
    }
    redis.set(Mode::Hang).await;
    let short = Duration::from_millis(20);
    assert_eq!(client.command(&command(&["PING"]), short).await, Err(Failure::Timeout(short)));
    redis.set(Mode::Say(200, "[]")).await;
    assert!(matches!(client.pipeline(&pipeline, patience).await, Err(Failure::Malformed(_))));

    let wrong = [redis.settings()[0].clone(), ("UPSTASH_REDIS_REST_TOKEN", "wrong".to_owned())];
    let stranger = Upstash::connect(&Env::of(wrong)).unwrap().unwrap();
    redis.set(Mode::Forward).await;
    assert_eq!(stranger.command(&command(&["PING"]), patience).await, Err(Failure::Refused));
}
