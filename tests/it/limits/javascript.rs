//! The JavaScript limiter: its recorded decisions are ours, and live, on one Redis, both share one budget.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use harness::{app::file, parts::unique, redis::Redis};
use shared::limiter::{Decision, SlidingWindow};

use super::{after, limiter, noon};

#[test]
fn recorded_decisions_replay_equal() {
    let text = String::from_utf8(file("tests/limits/decisions.txt")).unwrap();
    let mut rule = SlidingWindow { limit: 0, window_ms: 0 };
    let (mut now_ms, mut decisions, mut refusals) = (0, 0, 0);
    let mut edges = BTreeMap::<i64, usize>::new();
    for (number, line) in text.lines().enumerate() {
        let numbers: Vec<i64> = line.split(' ').map(|part| part.parse().unwrap()).collect();
        match numbers[..] {
            [limit, window_ms] => {
                rule = SlidingWindow { limit, window_ms };
                now_ms = 0;
            }
            [step_ms, current, previous, rate, remaining, reset_in_ms] => {
                now_ms += step_ms;
                let success = line.contains('+');
                let recorded =
                    Decision { success, remaining: remaining.abs(), reset_ms: now_ms + reset_in_ms };
                let ours = rule.decide(now_ms, current, previous, rate);
                assert_eq!(ours, recorded, "line {}: {line} ({rule:?})", number + 1);
                decisions += 1;
                refusals += usize::from(!success);
                *edges.entry(now_ms.rem_euclid(rule.window_ms).min(2)).or_default() += 1;
            }
            _ => panic!("line {}: {line}", number + 1),
        }
    }
    println!("{decisions} decisions, {refusals} refusals, at the beginning of a window: {edges:?}");
    assert!(decisions >= 10_000 && refusals >= 1_000, "{decisions}, {refusals}");
}

#[tokio::test]
async fn a_javascript_service_and_ours_share_one_budget() {
    let Ok(modules) = std::env::var("TEST_NODE_MODULES") else {
        println!("skipped: no Node on this machine, or its packages could not be fetched");
        return;
    };
    let Some(redis) = Redis::start().await else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/limits/take.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .env("NODE_MODULES", modules)
        .env("UPSTASH_REDIS_REST_URL", std::env::var("TEST_REDIS_URL").unwrap())
        .env("UPSTASH_REDIS_REST_TOKEN", harness::redis::token())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ask = node.stdin.take().unwrap();
    let mut answers = BufReader::new(node.stdout.take().unwrap()).lines();
    let mut compared = 0;
    for (limit, window_ms) in [(10, 10_000), (37, 60_000), (5, 3_600_000)] {
        let (user, reference) = (unique("user"), unique("reference"));
        // Bursts, a step inside the window, one over its edge, one far on.
        for step_ms in [0, window_ms / 3, window_ms, 2 * window_ms + 1, 2 * window_ms + window_ms / 2] {
            let now = after(step_ms);
            // A new one each time: that one remembers refusals is not what is compared.
            let ours = limiter(&redis, &[("RATE_LIMITS", &format!("chat.user={limit}/{window_ms}ms"))]);
            for turn in 0..(2 * limit) {
                let mut javascript = |identifier: &str| {
                    let now_ms = now.as_millisecond();
                    writeln!(ask, "{identifier} {limit} {window_ms} {now_ms}").unwrap();
                    answers.next().unwrap().unwrap()
                };
                // The same sequence on a budget that JavaScript has for itself says what is right.
                let right = javascript(&reference);
                let said = if turn % 2 == 0 {
                    javascript(&format!("chat.user:{user}"))
                } else {
                    let verdict = ours.take("chat.user", &user, now).await.unwrap();
                    assert!(!verdict.degraded);
                    format!("{} {} {}", verdict.success, verdict.remaining, verdict.reset_ms)
                };
                assert_eq!(said, right, "{limit}/{window_ms}, turn {turn} at {}", now - noon());
                compared += 1;
            }
        }
    }
    println!("{compared} decisions, taken in turns");
    drop(ask);
    assert!(node.wait().unwrap().success());
}
