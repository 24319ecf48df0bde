//! What this process knows: answers given of late, and which questions are being worked on.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lru::LruCache;
use shared::{
    answers::Answers,
    domain::kept::{Kept, Key},
    env::Env,
};
use tokio::sync::watch;

/// How many answers this process knows.
const ANSWERS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(499);
/// For how long.
const KNOWN: Duration = Duration::from_mins(5);

/// The first two tiers of kept answers: this process's memory, and Redis. The third is the database's. Cloning shares them.
#[derive(Clone)]
pub struct Cache {
    /// None where no Redis is set.
    pub redis: Option<Answers>,
    inner: Arc<Inner>,
}

struct Inner {
    /// Each with the moment from which it is not given any more.
    known: Mutex<LruCache<Key, (Instant, Kept)>>,
    /// The questions that are being worked on; whoever waits for one hears when its seat is left.
    seats: Mutex<HashMap<Key, watch::Receiver<()>>>,
}

/// How a question comes in.
pub enum Entered {
    /// It was answered of late.
    Known(Box<Kept>),
    /// Nobody else in this process is working on it.
    Seat(Seat),
    /// Somebody is, for longer than one could wait.
    Alone,
}

/// The one place in this process where a question is worked on. Whoever leaves it lets the next one in.
pub struct Seat {
    /// Of which question.
    pub key: Key,
    cache: Cache,
    /// Dropped last: it wakes the others.
    _leaving: watch::Sender<()>,
}

impl Cache {
    /// Redis, if one is set, and an empty memory.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let known = Mutex::new(LruCache::new(ANSWERS_MAX));
        Ok(Self { redis: Answers::connect(env)?, inner: Arc::new(Inner { known, seats: Mutex::default() }) })
    }

    /// The answer, if it is known; else the question's seat, for which one waits until then at most.
    pub async fn enter(&self, key: Key, until: Instant) -> Entered {
        loop {
            let mut taken = {
                // Whoever leaves a seat has made the answer known before.
                let mut seats = lock(&self.inner.seats);
                if let Some(kept) = self.known(&key) {
                    return Entered::Known(Box::new(kept));
                }
                let Some(taken) = seats.get(&key) else {
                    let (leaving, taken) = watch::channel(());
                    seats.insert(key, taken);
                    return Entered::Seat(Seat { key, cache: self.clone(), _leaving: leaving });
                };
                taken.clone()
            };
            // Nothing is ever sent: that it ends is the news.
            if tokio::time::timeout_at(until.into(), taken.changed()).await.is_err() {
                return Entered::Alone;
            }
        }
    }

    /// Makes an answer known for five minutes, or for as long as it may be given at all.
    pub fn know(&self, key: Key, kept: Kept, now: Timestamp) {
        let until = Instant::now() + kept.left(now).min(KNOWN);
        lock(&self.inner.known).put(key, (until, kept));
    }

    /// Forgets an answer that does not hold any more.
    pub fn forget(&self, key: &Key) {
        lock(&self.inner.known).pop(key);
    }

    fn known(&self, key: &Key) -> Option<Kept> {
        let mut known = lock(&self.inner.known);
        let (until, kept) = known.get(key)?;
        if *until <= Instant::now() {
            known.pop(key);
            return None;
        }
        Some(kept.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.cache.inner.seats).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
