//! The arithmetic of a sliding window, to the bit that of `slidingWindow` in `@upstash/ratelimit` 2: pure.

/// At most `limit` in any `window_ms`: the running window counts whole, the one before by the share of it that still
/// reaches into the last `window_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingWindow {
    /// The most that one window takes.
    pub limit: i64,
    /// Its length in milliseconds, at least 1.
    pub window_ms: i64,
}

/// What a window says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may pass.
    pub success: bool,
    /// What is left after it, at least 0.
    pub remaining: i64,
    /// The end of the running window, in Unix milliseconds.
    pub reset_ms: i64,
}

impl SlidingWindow {
    /// The number of the window in which `now_ms` lies; its counter's key ends with it.
    pub fn index(self, now_ms: i64) -> i64 {
        now_ms.div_euclid(self.length_ms())
    }

    /// Where the window of `now_ms` ends, in Unix milliseconds.
    pub fn reset_ms(self, now_ms: i64) -> i64 {
        (self.index(now_ms) + 1) * self.length_ms()
    }

    /// How much of the window before still counts at `now_ms`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "Lua knows only doubles; counters stay far below 2^53"
    )]
    pub fn weighted(self, now_ms: i64, previous: i64) -> i64 {
        let length = self.length_ms();
        let elapsed = now_ms.rem_euclid(length) as f64 / length as f64;
        ((1.0 - elapsed) * previous as f64).floor() as i64
    }

    /// What the window says to a request that weighs `rate`, after `current` in this window and `previous` in the one
    /// before. A `rate` below 0 gives back, and is never refused.
    pub fn decide(self, now_ms: i64, current: i64, previous: i64, rate: i64) -> Decision {
        let reset_ms = self.reset_ms(now_ms);
        let used = self.weighted(now_ms, previous) + current;
        if rate > 0 && used >= self.limit {
            return Decision { success: false, remaining: 0, reset_ms };
        }
        let remaining = self.limit - (used + rate);
        Decision { success: remaining >= 0, remaining: remaining.max(0), reset_ms }
    }

    fn length_ms(self) -> i64 {
        self.window_ms.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: SlidingWindow = SlidingWindow { limit: 10, window_ms: 1_000 };

    #[test]
    fn the_last_free_place_is_given_and_the_next_refused() {
        assert_eq!(TEN.decide(500, 9, 0, 1), Decision { success: true, remaining: 0, reset_ms: 1_000 });
        assert_eq!(TEN.decide(500, 10, 0, 1), Decision { success: false, remaining: 0, reset_ms: 1_000 });
    }

    #[test]
    fn the_window_before_fades() {
        for (now, left) in [(1_000, -1), (1_001, 0), (1_100, 0), (1_101, 1), (1_999, 9), (2_000, -1)] {
            let decision = TEN.decide(now, 0, 10, 1);
            assert_eq!((decision.success, decision.remaining), (left >= 0, left.max(0)), "at {now}");
        }
    }

    #[test]
    fn giving_back_is_never_refused() {
        assert_eq!(TEN.decide(0, 12, 0, -1), Decision { success: false, remaining: 0, reset_ms: 1_000 });
        assert_eq!(TEN.decide(0, 10, 0, -3), Decision { success: true, remaining: 3, reset_ms: 1_000 });
    }

    #[test]
    fn a_heavy_request_may_overdraw_and_is_told_so() {
        assert_eq!(TEN.decide(0, 9, 0, 5), Decision { success: false, remaining: 0, reset_ms: 1_000 });
    }
}
