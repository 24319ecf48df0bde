//! The issuer's key set over the network: cached, fetched by one at a time, at most once a minute for a key that is not in
//! it, and not again right after a failure.

use std::{
    sync::{Arc, Mutex as Slot, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tokio::sync::{Mutex, RwLock};

use super::{Claims, KeyChange, Keys, Rejection, Rules, verify};
use crate::{Error, Result, env::Env, tls};

/// After this a key set is fetched anew.
const FRESH: Duration = Duration::from_mins(10);
/// For this long known keys count while the issuer does not answer.
const STALE: Duration = Duration::from_hours(1);
/// Between two fetches for keys that are not in the set, and after a failure while known keys stand in.
const INTERVAL: Duration = Duration::from_mins(1);
/// After a failure while no key is known, when nobody can be let in.
const RETRY: Duration = Duration::from_secs(5);
/// What a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most bytes of a key set.
const BYTES_MAX: usize = 256 * 1024;

#[derive(Clone)]
pub(super) struct Remote(Arc<Inner>);

struct Inner {
    url: String,
    http: reqwest::Client,
    known: RwLock<Option<(Instant, Arc<Keys>)>>,
    /// Holding the lock is the right to fetch.
    attempts: Mutex<Attempts>,
    /// What changed in the set, until it is told.
    change: Slot<Option<KeyChange>>,
}

/// What was tried so far.
#[derive(Default)]
struct Attempts {
    /// When a fetch failed, unless one succeeded since.
    failed: Option<Instant>,
    /// When a fetch last began for a key that was not in the set.
    for_unknown: Option<Instant>,
}

/// Why a key set is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Want {
    /// No key is known, or not for certain any more.
    First,
    /// The known set is old.
    Newer,
    /// The token names a key that the known set does not hold.
    Unknown,
}

impl Attempts {
    /// Whether a fetch may begin.
    fn allow(&self, want: Want, now: Instant) -> bool {
        let over = |then: Option<Instant>, pause| then.is_none_or(|then| now.duration_since(then) >= pause);
        match want {
            Want::First => over(self.failed, RETRY),
            Want::Newer => over(self.failed, INTERVAL),
            Want::Unknown => over(self.failed, INTERVAL) && over(self.for_unknown, INTERVAL),
        }
    }
}

impl Remote {
    pub(super) fn new(env: &Env, issuer: &str) -> anyhow::Result<Self> {
        let default = || format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        let url = env.url("CLERK_JWKS_URL")?.unwrap_or_else(default);
        let http = tls::http_client()?;
        Ok(Self(Arc::new(Inner {
            url,
            http,
            known: RwLock::default(),
            attempts: Mutex::default(),
            change: Slot::default(),
        })))
    }

    /// Checks a token; the outer error means that no key could be had.
    pub(super) async fn verify(
        &self,
        token: &str,
        rules: &Rules,
        now: i64,
    ) -> Result<Result<Claims, Rejection>> {
        let known = self.0.known.read().await.clone();
        let want = match &known {
            None => Want::First,
            Some((at, _)) if at.elapsed() >= STALE => Want::First,
            Some((at, _)) if at.elapsed() >= FRESH => Want::Newer,
            Some((_, keys)) => match verify(token, keys, rules, now) {
                Err(Rejection::UnknownKey) => Want::Unknown,
                settled => return Ok(settled),
            },
        };
        match self.refreshed(want, known.as_ref().map(|(at, _)| *at)).await {
            Ok(keys) => Ok(verify(token, &keys, rules, now)),
            Err(error) => match known {
                Some((_, keys)) if want != Want::First => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the key set cannot be fetched; the known keys stand in"
                    );
                    Ok(verify(token, &keys, rules, now))
                }
                _ => Err(Error::Unavailable { code: "auth_unavailable", retry_after: RETRY, cause: error }),
            },
        }
    }

    /// The key set, fetched now unless someone else did meanwhile, or it is too soon.
    async fn refreshed(&self, want: Want, seen: Option<Instant>) -> anyhow::Result<Arc<Keys>> {
        let mut attempts = self.0.attempts.lock().await;
        let known = self.0.known.read().await.clone();
        let newer = known.as_ref().is_some_and(|(at, _)| Some(*at) != seen);
        let allowed = attempts.allow(want, Instant::now());
        if newer || (!allowed && want != Want::First) {
            return known.map(|(_, keys)| keys).context("a known key set was forgotten");
        }
        ensure!(allowed, "the key set could not be fetched a moment ago");
        if want == Want::Unknown {
            attempts.for_unknown = Some(Instant::now());
        }
        // A caller who goes away takes the attempt along: it counts as none, and the next one fetches.
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch()).await;
        let fetched = fetched.context("the key set took too long").and_then(|fetched| fetched);
        attempts.failed = fetched.is_err().then(Instant::now);
        let keys = Arc::new(fetched?);
        if let Some(change) = known.and_then(|(_, known)| keys.change_since(&known)) {
            tracing::info!(event = "signing_keys_changed", set = change.set, "the issuer's key set changed");
            *self.0.change.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
        }
        *self.0.known.write().await = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }

    pub(super) fn take_change(&self) -> Option<KeyChange> {
        self.0.change.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn fetch(&self) -> anyhow::Result<Keys> {
        let mut response = self.0.http.get(&self.0.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await? {
            ensure!(body.len() + piece.len() <= BYTES_MAX, "the key set is too large");
            body.extend_from_slice(&piece);
        }
        Keys::from_jwks(std::str::from_utf8(&body).context("the key set is not UTF-8")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn after_a_failure_the_pause_depends_on_whether_keys_are_known() {
        let failed = Instant::now();
        let attempts = Attempts { failed: Some(failed), for_unknown: None };
        for (want, pause) in [(Want::First, RETRY), (Want::Newer, INTERVAL), (Want::Unknown, INTERVAL)] {
            assert!(!attempts.allow(want, failed + pause.saturating_sub(MOMENT)), "{want:?}");
            assert!(attempts.allow(want, failed + pause), "{want:?}");
        }
    }

    #[test]
    fn unknown_keys_are_asked_for_once_a_minute_and_keep_nobody_else_waiting() {
        let began = Instant::now();
        let attempts = Attempts { failed: None, for_unknown: Some(began) };
        assert!(!attempts.allow(Want::Unknown, began + INTERVAL.saturating_sub(MOMENT)));
        assert!(attempts.allow(Want::Unknown, began + INTERVAL));
        assert!(attempts.allow(Want::Newer, began) && attempts.allow(Want::First, began));
    }
}
