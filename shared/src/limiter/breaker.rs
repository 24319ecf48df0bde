//! Keeps requests from waiting for a Redis that is away: after a failure, one request in five seconds asks again.

use std::sync::atomic::{AtomicI64, Ordering};

/// How long Redis is left alone after a failure.
const PAUSE_MS: i64 = 5_000;
/// While all is well.
const CLOSED: i64 = i64::MIN;

/// Closed while Redis answers.
#[derive(Debug)]
pub struct Breaker(AtomicI64);

impl Default for Breaker {
    fn default() -> Self {
        Self(AtomicI64::new(CLOSED))
    }
}

impl Breaker {
    /// Whether this request may ask. After a pause exactly one may, and the pause begins anew for all others.
    pub fn admits(&self, now_ms: i64) -> bool {
        let until = self.0.load(Ordering::Acquire);
        // A pause that lies too far ahead is one from before the clock was set back.
        let pausing = until > now_ms && until - now_ms <= PAUSE_MS;
        until == CLOSED
            || !pausing
                && self
                    .0
                    .compare_exchange(until, now_ms + PAUSE_MS, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok()
    }

    /// Redis answered. Says whether it had been away.
    pub fn close(&self) -> bool {
        self.0.swap(CLOSED, Ordering::AcqRel) != CLOSED
    }

    /// Redis did not answer. Says whether that is news.
    pub fn open(&self, now_ms: i64) -> bool {
        self.0.swap(now_ms + PAUSE_MS, Ordering::AcqRel) == CLOSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asks_after_each_pause_and_all_once_it_answered() {
        let breaker = Breaker::default();
        assert!(breaker.admits(0) && breaker.open(0) && !breaker.open(1));
        assert!(!breaker.admits(5_000));
        assert!(breaker.admits(5_001) && !breaker.admits(5_002), "one, and no other");
        assert!(breaker.admits(10_001));
        assert!(breaker.close() && !breaker.close());
        assert!(breaker.admits(10_002) && breaker.admits(10_002));
    }

    #[test]
    fn a_clock_set_back_does_not_lengthen_the_pause() {
        let breaker = Breaker::default();
        breaker.open(1_000_000);
        assert!(breaker.admits(0));
    }
}
