//! Keeps requests from waiting for something that is away: after enough failures in a row it is left alone for a while, then
//! exactly one request tries again.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// While all is well.
const CLOSED: i64 = i64::MIN;

/// Closed while what is behind it answers. Times are milliseconds of any clock that goes on.
#[derive(Debug)]
pub struct Breaker {
    failures_max: u32,
    pause_ms: i64,
    failures: AtomicU32,
    until_ms: AtomicI64,
}

impl Breaker {
    /// Opens for `pause_ms` with the `failures_max`-th failure in a row.
    pub fn new(failures_max: u32, pause_ms: i64) -> Self {
        Self { failures_max, pause_ms, failures: AtomicU32::new(0), until_ms: AtomicI64::new(CLOSED) }
    }

    /// Whether this request may ask. After a pause exactly one may, and the pause begins anew for all others.
    pub fn admits(&self, now_ms: i64) -> bool {
        let until = self.until_ms.load(Ordering::Acquire);
        // A pause that lies too far ahead is one from before the clock was set back.
        let pausing = until > now_ms && until - now_ms <= self.pause_ms;
        until == CLOSED
            || !pausing
                && self
                    .until_ms
                    .compare_exchange(until, now_ms + self.pause_ms, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok()
    }

    /// It answered. Says whether it had been away.
    pub fn close(&self) -> bool {
        self.failures.store(0, Ordering::Release);
        self.until_ms.swap(CLOSED, Ordering::AcqRel) != CLOSED
    }

    /// It did not answer. Says whether this failure is the one that opens the breaker.
    pub fn fail(&self, now_ms: i64) -> bool {
        // It stays at its most, so that a failed trial opens it again.
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if failures < self.failures_max {
            return false;
        }
        self.failures.store(self.failures_max, Ordering::Release);
        self.until_ms.swap(now_ms + self.pause_ms, Ordering::AcqRel) == CLOSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE_MS: i64 = 5_000;

    #[test]
    fn one_asks_after_each_pause_and_all_once_it_answered() {
        let breaker = Breaker::new(1, PAUSE_MS);
        assert!(breaker.admits(0) && breaker.admits(0));
        assert!(breaker.fail(0));
        assert!(!breaker.fail(1), "it is no news any more");
        assert!(!breaker.admits(PAUSE_MS));
        assert!(breaker.admits(PAUSE_MS + 1));
        assert!(!breaker.admits(PAUSE_MS + 1), "one only");
        assert!(breaker.close() && !breaker.close());
        assert!(breaker.admits(PAUSE_MS + 1) && breaker.admits(PAUSE_MS + 1));
    }

    #[test]
    fn it_opens_with_the_fifth_failure_in_a_row_and_again_with_a_failed_trial() {
        let breaker = Breaker::new(5, PAUSE_MS);
        for _ in 0..3 {
            assert_eq!([(); 4].map(|()| breaker.fail(0)), [false; 4]);
            assert!(breaker.admits(0));
            breaker.close();
        }
        assert_eq!([(); 5].map(|()| breaker.fail(0)), [false, false, false, false, true]);
        assert!(!breaker.admits(1));
        assert!(breaker.admits(PAUSE_MS));
        breaker.fail(PAUSE_MS);
        assert!(!breaker.admits(2 * PAUSE_MS - 1), "the trial failed");
        assert!(breaker.admits(2 * PAUSE_MS));
        breaker.close();
        assert!(!breaker.fail(3 * PAUSE_MS) && breaker.admits(3 * PAUSE_MS));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_open() {
        let breaker = Breaker::new(1, PAUSE_MS);
        breaker.fail(1_000_000);
        assert!(breaker.admits(0));
    }
}
