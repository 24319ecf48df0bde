//! What a policy said to one request.

use super::{Decision, SlidingWindow, policy::Policy};

/// The answer of a whole policy: the most restrictive of its windows speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request may pass.
    pub success: bool,
    /// The limit of the window that speaks.
    pub limit: i64,
    /// What is left of it.
    pub remaining: i64,
    /// Where it ends, in Unix milliseconds.
    pub reset_ms: i64,
    /// How long until then.
    pub reset_in_ms: i64,
    /// Its name, such as `chat.user:1h`.
    pub window: String,
    /// Every window that applied: its name, its limit as it counted, its length in milliseconds.
    pub windows: Vec<(String, SlidingWindow)>,
    /// Whether Redis was not asked, although it should have been.
    pub degraded: bool,
}

impl Verdict {
    /// None where the policy has no window. A window that refuses goes before one that does not; of several that refuse,
    /// the last to open again; else the one with the least left.
    pub(super) fn of(policy: &Policy, said: &[(SlidingWindow, Decision)], now_ms: i64) -> Option<Self> {
        let windows = || policy.windows.iter().zip(said);
        let weight = |decision: &Decision| {
            let Decision { success, remaining, reset_ms } = *decision;
            if success { (true, remaining, -reset_ms) } else { (false, -reset_ms, 0) }
        };
        let (window, (rule, decision)) = windows().min_by_key(|(_, (_, decision))| weight(decision))?;
        Some(Self {
            success: decision.success,
            limit: rule.limit,
            remaining: decision.remaining,
            reset_ms: decision.reset_ms,
            reset_in_ms: (decision.reset_ms - now_ms).max(0),
            window: window.name.clone(),
            windows: windows().map(|(window, (rule, _))| (window.name.clone(), *rule)).collect(),
            degraded: false,
        })
    }

    /// Whole seconds until the window that speaks ends, at least one.
    pub fn retry_after_s(&self) -> u64 {
        u64::try_from(self.reset_in_ms).unwrap_or_default().div_ceil(1_000).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::policy::Window, *};

    fn speaks(said: &[(bool, i64, i64)]) -> (String, bool, u64) {
        let rule = SlidingWindow { limit: 10, window_ms: 1_000 };
        let windows = (0..said.len()).map(|number| Window { name: number.to_string(), rule }).collect();
        let policy = Policy { name: "chat.user".to_owned(), windows };
        let said: Vec<_> = said
            .iter()
            .map(|&(success, remaining, reset_ms)| (rule, Decision { success, remaining, reset_ms }))
            .collect();
        let verdict = Verdict::of(&policy, &said, 500).unwrap();
        (verdict.window.clone(), verdict.success, verdict.retry_after_s())
    }

    #[test]
    fn the_most_restrictive_window_speaks() {
        assert_eq!(speaks(&[(true, 5, 9_000), (true, 3, 1_000)]), ("1".to_owned(), true, 1));
        assert_eq!(speaks(&[(true, 3, 9_000), (true, 3, 1_000)]), ("0".to_owned(), true, 9));
        assert_eq!(speaks(&[(true, 0, 9_000), (false, 0, 1_000)]), ("1".to_owned(), false, 1));
        assert_eq!(speaks(&[(false, 0, 1_000), (false, 0, 9_000)]), ("1".to_owned(), false, 9));
    }
}
