//! The issuer's key set over the network: cached, fetched by one at a time, and at most once a minute for a key that is
//! not in it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tokio::sync::{Mutex, RwLock};

use super::{Claims, Keys, Rejection, Rules, verify};
use crate::{Error, Result, env::Env, tls};

/// After this a key set is fetched anew.
const FRESH: Duration = Duration::from_mins(10);
/// For this long known keys count while the issuer does not answer.
const STALE: Duration = Duration::from_hours(1);
/// Between two fetches, whatever tokens ask for.
const INTERVAL: Duration = Duration::from_mins(1);
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
    /// When the last fetch began; holding the lock is the right to fetch.
    fetched: Mutex<Option<Instant>>,
}

impl Remote {
    pub(super) fn new(env: &Env, issuer: &str) -> anyhow::Result<Self> {
        let default = || format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        let url = env.get("CLERK_JWKS_URL").unwrap_or_else(default);
        url.parse::<reqwest::Url>().context("CLERK_JWKS_URL is no URL")?;
        let http = tls::http_client()?;
        Ok(Self(Arc::new(Inner { url, http, known: RwLock::default(), fetched: Mutex::default() })))
    }

    /// Checks a token; the outer error means that no key could be had.
    pub(super) async fn verify(
        &self,
        token: &str,
        rules: &Rules,
        now: i64,
    ) -> Result<Result<Claims, Rejection>> {
        let known = self.0.known.read().await.clone();
        if let Some((at, keys)) = &known {
            let verified = verify(token, keys, rules, now);
            let settled = verified != Err(Rejection::UnknownKey) && at.elapsed() < FRESH;
            if settled {
                return Ok(verified);
            }
        }
        match self.refreshed(known.as_ref().map(|(at, _)| *at)).await {
            Ok(keys) => Ok(verify(token, &keys, rules, now)),
            Err(error) => match known {
                Some((at, keys)) if at.elapsed() < STALE => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the key set cannot be fetched; the known keys stand in"
                    );
                    Ok(verify(token, &keys, rules, now))
                }
                _ => Err(Error::unavailable("auth_unavailable", error)),
            },
        }
    }

    /// The key set, fetched now unless someone else did meanwhile, or did too short a while ago.
    async fn refreshed(&self, seen: Option<Instant>) -> anyhow::Result<Arc<Keys>> {
        let mut fetched = self.0.fetched.lock().await;
        let known = self.0.known.read().await.clone();
        let newer = known.as_ref().is_some_and(|(at, _)| Some(*at) != seen);
        let recent = fetched.is_some_and(|at| at.elapsed() < INTERVAL);
        if newer || recent {
            return known.map(|(_, keys)| keys).context("the key set could not be fetched a moment ago");
        }
        *fetched = Some(Instant::now());
        let keys = Arc::new(
            tokio::time::timeout(TIMEOUT, self.fetch()).await.context("the key set took too long")??,
        );
        *self.0.known.write().await = Some((Instant::now(), keys.clone()));
        Ok(keys)
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
