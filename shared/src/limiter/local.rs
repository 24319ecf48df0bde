//! Sliding windows in this process's memory: for one process without Redis, and for the time that Redis is away.

use std::sync::{Mutex, PoisonError};

use super::{Decision, SlidingWindow, bounded::Bounded, policy::Policy};

/// The most identifiers that are remembered per process; about 100 bytes each.
const COUNTERS_MAX: usize = 20_000;

/// Counters by identifier and window.
#[derive(Debug)]
pub struct Local(Mutex<Bounded<Counter>>);

#[derive(Debug, Clone, Copy)]
struct Counter {
    /// Its window's number.
    index: i64,
    current: i64,
    previous: i64,
    /// When nothing of it counts any more.
    ends_ms: i64,
}

impl Default for Local {
    fn default() -> Self {
        Self(Mutex::new(Bounded::new(COUNTERS_MAX)))
    }
}

impl Local {
    /// Takes one from every window of the policy or, if one refuses, from none; `share` is the part of each limit that
    /// counts here. Answers per window the rule that applied and what it said.
    pub fn take(
        &self,
        policy: &Policy,
        key: &str,
        now_ms: i64,
        share: Share,
    ) -> Vec<(SlidingWindow, Decision)> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let windows: Vec<_> = policy
            .windows
            .iter()
            .map(|window| {
                let rule = SlidingWindow { limit: share.of(window.rule.limit), ..window.rule };
                let key = format!("{key}:{}", rule.window_ms);
                let counter = Counter::at(rule, counters.get(&key).copied(), now_ms);
                let admits = rule.decide(now_ms, counter.current, counter.previous, 1).success;
                (rule, key, counter, admits)
            })
            .collect();
        let rate = i64::from(windows.iter().all(|(.., admits)| *admits));
        let mut decisions = Vec::new();
        for (rule, key, mut counter, admits) in windows {
            // A window that would have let a refused request pass says what is left as it is.
            let wanted = if admits { rate } else { 1 };
            decisions.push((rule, rule.decide(now_ms, counter.current, counter.previous, wanted)));
            counter.current += rate;
            // What is over is worth nothing, and of the rest the fuller matters more.
            let worth = |counter: &Counter| if counter.ends_ms <= now_ms { -1 } else { counter.current };
            counters.put(&key, counter, worth);
        }
        decisions
    }
}

impl Counter {
    /// The counter as it stands at `now_ms`.
    fn at(rule: SlidingWindow, known: Option<Self>, now_ms: i64) -> Self {
        let index = rule.index(now_ms);
        let ends_ms = rule.reset_ms(now_ms) + rule.window_ms;
        match known {
            // A clock that steps back does not give anything back.
            Some(known) if known.index >= index && known.index - index <= 1 => known,
            Some(known) if known.index == index - 1 => {
                Self { index, current: 0, previous: known.current, ends_ms }
            }
            _ => Self { index, current: 0, previous: 0, ends_ms },
        }
    }
}

/// The part of a limit that counts in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of it: this process is the only one.
    Whole,
    /// A fifth, and at least one: others may be counting for themselves just now.
    Fifth,
}

impl Share {
    fn of(self, limit: i64) -> i64 {
        match self {
            Self::Whole => limit,
            Self::Fifth => (limit / 5).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::policy::Window, *};

    fn policy(windows: &[(i64, i64)]) -> Policy {
        let window = |&(limit, window_ms): &(i64, i64)| Window {
            name: window_ms.to_string(),
            rule: SlidingWindow { limit, window_ms },
        };
        Policy { name: "chat.user".to_owned(), windows: windows.iter().map(window).collect() }
    }

    fn admitted(local: &Local, policy: &Policy, now_ms: i64, share: Share, tries: usize) -> usize {
        let passes = |_: &usize| local.take(policy, "a", now_ms, share).iter().all(|(_, said)| said.success);
        (0..tries).filter(passes).count()
    }

    #[test]
    fn no_window_is_charged_for_what_another_refused() {
        let (local, policy) = (Local::default(), policy(&[(15, 100_000), (10, 1_000)]));
        assert_eq!(admitted(&local, &policy, 0, Share::Whole, 50), 10);
        let said = local.take(&policy, "a", 0, Share::Whole);
        assert_eq!((said[0].1.success, said[0].1.remaining), (true, 5));
        assert_eq!((said[1].1.success, said[1].1.remaining), (false, 0));
        assert_eq!(admitted(&local, &policy, 5_000, Share::Whole, 50), 5);
    }

    #[test]
    fn a_fifth_is_a_fifth_and_never_nothing() {
        assert_eq!(admitted(&Local::default(), &policy(&[(100, 1_000)]), 0, Share::Fifth, 200), 20);
        assert_eq!(admitted(&Local::default(), &policy(&[(3, 1_000)]), 0, Share::Fifth, 200), 1);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_back() {
        let (local, policy) = (Local::default(), policy(&[(10, 1_000)]));
        assert_eq!(admitted(&local, &policy, 1_000, Share::Whole, 50), 10);
        assert_eq!(admitted(&local, &policy, 999, Share::Whole, 50), 0);
        assert_eq!(admitted(&local, &policy, 2_500, Share::Whole, 50), 5);
    }
}
