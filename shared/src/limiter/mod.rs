//! Who may send how many requests: sliding windows, counted in Redis over the Upstash REST protocol, and in this process's
//! memory where there is none or while it is away; never not at all.
//!
//! A counter's key is `@upstash/ratelimit:POLICY:IDENTIFIER:NUMBER`, NUMBER being the window's number since 1970. That is
//! what `new Ratelimit({ limiter: Ratelimit.slidingWindow(100, "1h") }).limit("chat.user:user_1")` of the npm package
//! `@upstash/ratelimit` uses, so that a JavaScript service and this one share one budget by the identifier
//! `POLICY:IDENTIFIER`: `chat.user:user_1`, `anonymous.ip:192.0.2.1`, `anonymous.ip:2001:db8:1:2::/64`.

mod bounded;
mod local;
pub mod policy;
mod sliding_window;
mod verdict;

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde_json::Value;

pub use self::{
    bounded::Bounded,
    sliding_window::{Decision, SlidingWindow},
    verdict::Verdict,
};
use self::{
    local::{Local, Share},
    policy::{Policies, Policy},
};
use crate::{
    Error, Result,
    env::Env,
    redis::{
        Redis,
        upstash::{Failure, Script, Upstash},
    },
};

/// What every key begins with: the default of `@upstash/ratelimit`.
pub const PREFIX: &str = "@upstash/ratelimit";
/// The most identifiers that are known to be refused.
const BLOCKED_MAX: usize = 20_000;

/// Counts requests. Cloning shares the counters.
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    policies: Policies,
    redis: Option<Redis>,
    /// Whether requests are refused rather than counted here while Redis is away.
    redis_required: bool,
    /// What Redis refused, until its window ends: no need to ask again.
    blocked: Mutex<Bounded<Verdict>>,
    local: Local,
}

impl Limiter {
    /// What `RATE_LIMITS`, `UPSTASH_REDIS_REST_URL`, `UPSTASH_REDIS_REST_TOKEN` and `REQUIRE_REDIS` say; opens nothing.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let redis = Redis::connect(env)?;
        let redis_required = env.flag("REQUIRE_REDIS")?;
        ensure!(
            redis.is_some() || !redis_required,
            "REQUIRE_REDIS is true, and UPSTASH_REDIS_REST_URL is not set"
        );
        if redis.is_none() {
            tracing::info!("no Redis is set: each process counts requests for itself");
        }
        Ok(Self(Arc::new(Inner {
            policies: Policies::read(env)?,
            redis,
            redis_required,
            blocked: Mutex::new(Bounded::new(BLOCKED_MAX)),
            local: Local::default(),
        })))
    }

    /// Connects to Redis in the background, so that no request has to within its share of time.
    pub fn warm(&self) {
        if let Some(redis) = &self.0.redis {
            redis.warm();
        }
    }

    /// Takes one from every window of the policy for `identifier` or, if one refuses, from none. An error is that Redis is
    /// away and required.
    pub async fn take(&self, policy: &str, identifier: &str, now: Timestamp) -> Result<Verdict> {
        let inner = &*self.0;
        let policy = inner.policies.get(policy).with_context(|| format!("there is no policy {policy}"))?;
        let now_ms = now.as_millisecond();
        let key = format!("{PREFIX}:{}:{identifier}", policy.name);
        let Some(redis) = &inner.redis else { return inner.count(policy, &key, now_ms, Share::Whole) };
        if let Some(refused) = inner.blocked(&key, now_ms) {
            return Ok(refused);
        }
        let said = redis.ask_at(now_ms, |upstash, timeout| ask(upstash, policy, &key, now_ms, timeout)).await;
        match said {
            Ok(said) => {
                let verdict = Verdict::of(policy, &said, now_ms).context("a policy without windows")?;
                if !verdict.success {
                    inner.block(&key, &verdict, now_ms);
                }
                Ok(verdict)
            }
            Err(away) => inner.without_redis(policy, &key, now_ms, &away.to_string()),
        }
    }

    /// The same, counted in this process only: for limits that protect the process itself, whatever Redis does.
    pub fn take_here(&self, policy: &str, identifier: &str, now: Timestamp) -> Result<Verdict> {
        let policy = self.0.policies.get(policy).with_context(|| format!("there is no policy {policy}"))?;
        let key = format!("{PREFIX}:{}:{identifier}", policy.name);
        self.0.count(policy, &key, now.as_millisecond(), Share::Whole)
    }
}

impl Inner {
    fn without_redis(&self, policy: &Policy, key: &str, now_ms: i64, reason: &str) -> Result<Verdict> {
        if self.redis_required {
            return Err(Error::unavailable("rate_limiter_unavailable", anyhow::anyhow!("Redis: {reason}")));
        }
        Ok(Verdict { degraded: true, ..self.count(policy, key, now_ms, Share::Fifth)? })
    }

    fn count(&self, policy: &Policy, key: &str, now_ms: i64, share: Share) -> Result<Verdict> {
        let said = self.local.take(policy, key, now_ms, share);
        Ok(Verdict::of(policy, &said, now_ms).context("a policy without windows")?)
    }

    /// The refusal that still stands, the last millisecond of its window included.
    fn blocked(&self, key: &str, now_ms: i64) -> Option<Verdict> {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = blocked.get(key)?;
        if verdict.reset_ms < now_ms {
            blocked.remove(key);
            return None;
        }
        Some(Verdict { reset_in_ms: verdict.reset_ms - now_ms, ..verdict.clone() })
    }

    fn block(&self, key: &str, verdict: &Verdict, now_ms: i64) {
        let worth = |verdict: &Verdict| verdict.reset_ms - now_ms;
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).put(key, verdict.clone(), worth);
    }
}

/// All windows of a policy in one script, hence in one round trip, and all or none of them.
async fn ask(
    redis: Upstash,
    policy: &Policy,
    key: &str,
    now_ms: i64,
    timeout: Duration,
) -> Result<Vec<(SlidingWindow, Decision)>, Failure> {
    static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sliding_windows.lua")));
    let rules = || policy.windows.iter().map(|window| window.rule);
    let mut keys = Vec::new();
    let mut arguments = vec![now_ms.to_string(), "1".to_owned()];
    for rule in rules() {
        let index = rule.index(now_ms);
        keys.extend([format!("{key}:{index}"), format!("{key}:{}", index - 1)]);
        arguments.extend([rule.limit.to_string(), rule.window_ms.to_string()]);
    }
    let answer = redis.script(&SCRIPT, &keys, &arguments, timeout).await?;
    let left = answer.as_array().filter(|left| left.len() == policy.windows.len());
    let left: Option<Vec<i64>> = left.and_then(|left| left.iter().map(Value::as_i64).collect());
    let left = left.ok_or_else(|| Failure::Malformed("one number per window".to_owned()))?;
    let decision = |rule: SlidingWindow, left: i64| Decision {
        success: left >= 0,
        remaining: left.max(0),
        reset_ms: rule.reset_ms(now_ms),
    };
    Ok(rules().zip(left).map(|(rule, left)| (rule, decision(rule, left))).collect())
}

/// The identifier of an address. Of IPv6 the network counts, because one customer has 2^64 addresses.
pub fn address(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            format!("{}/64", std::net::Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_is_one_stranger() {
        let of = |text: &str| address(Some(text.parse().unwrap()));
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::9"), of("2001:db8:1:2:ffff::"));
        assert_eq!(address(None), "unknown");
    }

    #[test]
    fn half_a_configuration_stops_the_process() {
        let connect = |pairs: &[(&'static str, &str)]| {
            let env = Env::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())));
            Limiter::connect(&env).map(drop).map_err(|error| error.to_string())
        };
        let (url, token) = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN");
        assert_eq!(connect(&[]), Ok(()));
        assert_eq!(connect(&[(url, "https://x"), (token, "t"), ("REQUIRE_REDIS", "true")]), Ok(()));
        for half in [
            &[(url, "https://x")][..],
            &[(token, "t")],
            &[("REQUIRE_REDIS", "true")],
            &[("REQUIRE_REDIS", "yes")],
            &[(url, "redis://x"), (token, "t")],
            &[(url, "x"), (token, "t")],
        ] {
            assert!(connect(half).is_err(), "{half:?}");
        }
    }
}
