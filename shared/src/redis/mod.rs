//! Redis, as those use it who can do without: nobody waits for it long, and while it is away nobody asks it.

pub mod upstash;

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use self::upstash::{Failure, Upstash};
use crate::{breaker::Breaker, env::Env};

/// What connecting may take while no request waits for it.
const WARM_TIMEOUT: Duration = Duration::from_secs(3);
/// How long Redis is left alone after a failure.
const PAUSE_MS: i64 = 5_000;

/// A Redis that may be away. Cloning shares its connections, and what is known of it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    upstash: Upstash,
    env: Env,
    /// What one call may take, connecting included; longer is as good as down.
    timeout: Duration,
    breaker: Breaker,
}

/// It did not answer, or was not asked, for this reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Away(String);

impl fmt::Display for Away {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Redis {
    /// What `UPSTASH_REDIS_REST_URL`, `UPSTASH_REDIS_REST_TOKEN` and `REDIS_TIMEOUT_MS` say; opens nothing. None where no
    /// Redis is set.
    pub fn connect(env: &Env) -> anyhow::Result<Option<Self>> {
        let timeout = Duration::from_millis(env.number("REDIS_TIMEOUT_MS", 10..=5_000)?);
        let redis = Upstash::connect(env)?.map(|upstash| Inner {
            upstash,
            env: env.clone(),
            timeout,
            breaker: Breaker::new(1, PAUSE_MS),
        });
        Ok(redis.map(|inner| Self(Arc::new(inner))))
    }

    /// Connects in the background, so that no request has to within its share of time.
    pub fn warm(&self) {
        let upstash = self.0.upstash.clone();
        tokio::spawn(async move {
            if let Err(failure) = upstash.command(&["PING".to_owned()], WARM_TIMEOUT).await {
                tracing::warn!(reason = %failure, "Redis does not answer yet: {failure}");
            }
        });
    }

    /// What Redis answers to `call`, which is given the time that it may take; not called at all within five seconds of a
    /// failure.
    pub async fn ask<T, F>(&self, call: impl FnOnce(Upstash, Duration) -> F) -> Result<T, Away>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.ask_at(i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX), call).await
    }

    /// The same by a clock of the caller's: milliseconds of any that goes on, always the same one.
    pub async fn ask_at<T, F>(
        &self,
        now_ms: i64,
        call: impl FnOnce(Upstash, Duration) -> F,
    ) -> Result<T, Away>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let Inner { upstash, timeout, breaker, .. } = &*self.0;
        if !breaker.admits(now_ms) {
            return Err(Away("it did not answer a moment ago".to_owned()));
        }
        match call(upstash.clone(), *timeout).await {
            Ok(answer) => {
                if breaker.close() {
                    tracing::info!("Redis answers again");
                }
                Ok(answer)
            }
            Err(failure) => {
                if breaker.fail(now_ms) {
                    tracing::warn!(reason = %failure, "Redis is away: {failure}");
                }
                if failure == Failure::Refused {
                    self.refresh_token();
                }
                Err(Away(failure.to_string()))
            }
        }
    }

    /// Fetches the secret again where the token was refused; the next attempt uses what it then says.
    fn refresh_token(&self) {
        let env = self.0.env.clone();
        tokio::spawn(async move {
            if let Err(error) = env.fetch_secret().await {
                tracing::warn!(error = %error, "could not refresh the secret after Redis refused the token");
            }
        });
    }
}
