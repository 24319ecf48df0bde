//! Nobody takes more than their share, whatever Redis does.

mod crowd;
mod faults;
mod http;
mod javascript;

use futures_util::future::join_all;
use harness::{parts::unique, redis::Redis};
use jiff::Timestamp;
use shared::{env::Env, limiter::Limiter};

/// A moment in the middle of every window that these tests use.
fn noon() -> Timestamp {
    "2026-11-20T12:00:05Z".parse().unwrap()
}

fn after(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(noon().as_millisecond() + ms).unwrap()
}

/// A limiter over this Redis, patient unless told otherwise: a busy machine is not what is tested.
fn limiter(redis: &Redis, own: &[(&'static str, &str)]) -> Limiter {
    let mut settings = redis.settings();
    settings.push(("REDIS_TIMEOUT_MS", "5000".to_owned()));
    for (name, value) in own {
        settings.retain(|(known, _)| known != name);
        settings.push((name, (*value).to_owned()));
    }
    Limiter::connect(&Env::of(settings)).unwrap()
}

async fn admitted(limiters: &[&Limiter], policy: &str, user: &str, now: Timestamp, clients: usize) -> usize {
    let takes = (0..clients).map(|number| limiters[number % limiters.len()].take(policy, user, now));
    let verdicts: Vec<_> = join_all(takes).await.into_iter().map(Result::unwrap).collect();
    assert!(verdicts.iter().all(|verdict| !verdict.degraded));
    verdicts.iter().filter(|verdict| verdict.success).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_of_two_instances_get_exactly_the_limit() {
    let Some(redis) = Redis::start().await else { return };
    let user = unique("user");
    let limits = [("RATE_LIMITS", "chat.user=50/1h")];
    let (one, other) = (limiter(&redis, &limits), limiter(&redis, &limits));
    assert_eq!(admitted(&[&one, &other], "chat.user", &user, noon(), 200).await, 50);
    assert_eq!(admitted(&[&other], "chat.user", &user, after(1_000), 10).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_windows_apply_and_none_is_charged_for_a_refusal() {
    let Some(redis) = Redis::start().await else { return };
    let user = unique("user");
    let limiter = limiter(&redis, &[("RATE_LIMITS", "chat.user=50/1h,20/10s")]);
    assert_eq!(admitted(&[&limiter], "chat.user", &user, noon(), 200).await, 20);
    // The short window has faded by now; of the long one, only what passed is gone.
    let verdict = limiter.take("chat.user", &user, after(25_000)).await.unwrap();
    assert_eq!((verdict.success, verdict.window.as_str(), verdict.remaining), (true, "chat.user:10s", 19));
    assert_eq!(admitted(&[&limiter], "chat.user", &user, after(25_000), 200).await, 19);
    assert_eq!(admitted(&[&limiter], "chat.user", &user, after(50_000), 200).await, 10);
    let verdict = limiter.take("chat.user", &user, after(50_000)).await.unwrap();
    assert_eq!((verdict.success, verdict.window.as_str(), verdict.limit), (false, "chat.user:1h", 50));
}

#[tokio::test]
async fn all_windows_take_one_call_and_the_refused_take_none() {
    let Some(redis) = Redis::start().await else { return };
    let user = unique("user");
    let limiter = limiter(&redis, &[("RATE_LIMITS", "chat.user=1000/1d,100/1h,1/10s")]);
    // The first call may have to send the script.
    limiter.take("chat.user", &unique("first"), noon()).await.unwrap();
    let before = redis.calls();
    assert!(limiter.take("chat.user", &user, noon()).await.unwrap().success);
    assert_eq!(redis.calls(), before + 1);
    let refused = limiter.take("chat.user", &user, noon()).await.unwrap();
    assert_eq!(redis.calls(), before + 2);
    for ms in [0, 1, 4_999, 5_000] {
        let again = limiter.take("chat.user", &user, after(ms)).await.unwrap();
        assert_eq!((again.success, again.reset_ms, again.remaining), (false, refused.reset_ms, 0), "{ms}");
    }
    assert_eq!(redis.calls(), before + 2, "until the window has ended nobody is asked");
    limiter.take("chat.user", &user, after(5_001)).await.unwrap();
    assert_eq!(redis.calls(), before + 3);
}

#[tokio::test]
async fn policies_and_users_share_nothing() {
    let Some(redis) = Redis::start().await else { return };
    let (alice, bob) = (unique("alice"), unique("bob"));
    let limiter = limiter(&redis, &[("RATE_LIMITS", "chat.user=2/1h; upload.user=3/1h")]);
    assert_eq!(admitted(&[&limiter], "chat.user", &alice, noon(), 9).await, 2);
    assert_eq!(admitted(&[&limiter], "upload.user", &alice, noon(), 9).await, 3);
    assert_eq!(admitted(&[&limiter], "chat.user", &bob, noon(), 9).await, 2);
}

#[tokio::test]
async fn without_redis_one_process_counts_in_full() {
    let env = Env::of([("RATE_LIMITS", "chat.user=50/1h,20/10s".to_owned())]);
    let limiter = Limiter::connect(&env).unwrap();
    assert_eq!(admitted(&[&limiter], "chat.user", "alice", noon(), 200).await, 20);
}
