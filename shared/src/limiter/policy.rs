//! The table of named policies, as the setting `RATE_LIMITS` writes them: `chat.user=100/1h,10/10s; upload.user=20/1h`.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};

use super::SlidingWindow;
use crate::env::Env;

/// Questions of one user.
pub const CHAT_USER: &str = "chat.user";
/// Documents that one user sends in.
pub const UPLOAD_USER: &str = "upload.user";
/// All else that one user does with documents: listing, reading, deleting.
pub const DOCUMENTS_USER: &str = "documents.user";
/// Listing, reading and deleting conversations.
pub const CONVERSATIONS_USER: &str = "conversations.user";
/// Deletions of an account.
pub const DELETE_USER: &str = "delete.user";
/// Requests from one address that carry no good session token.
pub const ANONYMOUS_IP: &str = "anonymous.ip";
/// All requests from one address but those to health routes; in one process only, and counted there.
pub const REQUESTS_IP: &str = "requests.ip";

/// The policies that are applied; the setting's default has each.
pub const APPLIED: [&str; 7] =
    [CHAT_USER, UPLOAD_USER, DOCUMENTS_USER, CONVERSATIONS_USER, DELETE_USER, ANONYMOUS_IP, REQUESTS_IP];

/// Whose requests a policy may count: the last word of its name.
const IDENTITIES: [&str; 4] = ["user", "ip", "domain", "workspace"];
const LIMIT_MAX: i64 = 1_000_000_000;
const WINDOW_MS_MAX: i64 = 31 * 24 * 3_600_000;
/// The most windows of one policy.
const WINDOWS_MAX: usize = 8;

/// All windows of a policy apply, and the most restrictive answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Such as `chat.user`: the first part of every identifier that it counts.
    pub name: String,
    /// At least one, the longest first.
    pub windows: Vec<Window>,
}

/// One window of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Such as `chat.user:1h`; its name in the headers of responses.
    pub name: String,
    /// Limit and length.
    pub rule: SlidingWindow,
}

/// Every policy by its name.
#[derive(Debug, Clone)]
pub struct Policies(BTreeMap<String, Policy>);

impl Policies {
    /// The default table, with what `RATE_LIMITS` says in place of its policies of the same names.
    pub fn read(env: &Env) -> anyhow::Result<Self> {
        let default = Env::of([]).require("RATE_LIMITS")?;
        let mut policies = parse(&default).context("the default of RATE_LIMITS")?;
        let text = env.require("RATE_LIMITS")?;
        let own = parse(&text).with_context(|| format!("RATE_LIMITS is {text:?}"))?;
        for name in own.keys().filter(|name| !APPLIED.contains(&name.as_str())) {
            tracing::warn!(policy = name, "nothing applies the policy {name} of RATE_LIMITS");
        }
        policies.extend(own);
        Ok(Self(policies))
    }

    /// The policy of that name.
    pub fn get(&self, name: &str) -> Option<&Policy> {
        self.0.get(name)
    }
}

fn parse(text: &str) -> anyhow::Result<BTreeMap<String, Policy>> {
    let mut policies = BTreeMap::new();
    for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, windows) =
            entry.split_once('=').with_context(|| format!("{entry:?} has no =; write name=limit/window"))?;
        let name = name.trim();
        ensure!(
            is_name(name),
            "{name:?} names no policy; a name is words and dots, and ends with one of .{}",
            IDENTITIES.join(", .")
        );
        let windows = parse_windows(name, windows).with_context(|| format!("the policy {name}"))?;
        let policy = Policy { name: name.to_owned(), windows };
        ensure!(policies.insert(name.to_owned(), policy).is_none(), "the policy {name} is there twice");
    }
    Ok(policies)
}

fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
    };
    name.contains('.')
        && name.split('.').all(word)
        && name.rsplit('.').next().is_some_and(|identity| IDENTITIES.contains(&identity))
}

fn parse_windows(policy: &str, text: &str) -> anyhow::Result<Vec<Window>> {
    let mut windows: Vec<Window> =
        text.split(',').map(|window| parse_window(policy, window.trim())).collect::<anyhow::Result<_>>()?;
    ensure!(windows.len() <= WINDOWS_MAX, "it has more than {WINDOWS_MAX} windows");
    windows.sort_by_key(|window| std::cmp::Reverse(window.rule.window_ms));
    // Counters are told apart by the number of their window alone, which for two almost equal lengths is the same.
    let apart = |pair: &[Window]| match pair {
        [longer, shorter] => longer.rule.window_ms / 2 >= shorter.rule.window_ms,
        _ => true,
    };
    ensure!(
        windows.windows(2).all(apart),
        "each window must be at least twice as long as the next shorter one"
    );
    Ok(windows)
}

fn parse_window(policy: &str, text: &str) -> anyhow::Result<Window> {
    let (limit, length) = text
        .split_once('/')
        .with_context(|| format!("{text:?} is no window; write limit/length, such as 10/10s"))?;
    let (limit, length) = (limit.trim(), length.trim());
    let limit = limit.parse::<i64>().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    let limit =
        limit.with_context(|| format!("{text:?}: the limit must be a number from 1 to {LIMIT_MAX}"))?;
    let digits = length.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = length.split_at(digits);
    let unit_ms = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => bail!("{text:?}: the unit {other:?} is none of ms, s, m, h, d"),
    };
    let window_ms = count.parse::<i64>().ok().and_then(|count| count.checked_mul(unit_ms));
    let window_ms = window_ms.filter(|length| (1..=WINDOW_MS_MAX).contains(length));
    let window_ms =
        window_ms.with_context(|| format!("{text:?}: the window must be from 1ms to 31d long"))?;
    let name = format!("{policy}:{count}{}", unit.trim());
    Ok(Window { name, rule: SlidingWindow { limit, window_ms } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Policies> {
        Policies::read(&Env::of([("RATE_LIMITS", text.to_owned())]))
    }

    fn rules(policies: &Policies, name: &str) -> Vec<(i64, i64)> {
        let windows = &policies.get(name).unwrap().windows;
        windows.iter().map(|window| (window.rule.limit, window.rule.window_ms)).collect()
    }

    #[test]
    fn every_applied_policy_has_a_default() {
        let policies = Policies::read(&Env::of([])).unwrap();
        for name in APPLIED {
            assert!(policies.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_policies_of_the_guides_can_be_written() {
        let text = "chat.user=10/10s, 100/1h; api.ip=100/1h; burst.ip=10/10s; site.domain=60/1m;write.user=100/15min;";
        let policies = read(text).unwrap();
        assert_eq!(rules(&policies, "chat.user"), [(100, 3_600_000), (10, 10_000)]);
        assert_eq!(rules(&policies, "api.ip"), [(100, 3_600_000)]);
        assert_eq!(rules(&policies, "burst.ip"), [(10, 10_000)]);
        assert_eq!(rules(&policies, "site.domain"), [(60, 60_000)]);
        assert_eq!(rules(&policies, "write.user"), [(100, 900_000)]);
        assert_eq!(policies.get("chat.user").unwrap().windows[1].name, "chat.user:10s");
    }

    #[test]
    fn what_is_not_mentioned_keeps_its_default() {
        let policies = read("chat.user=3/1s").unwrap();
        assert_eq!(rules(&policies, "chat.user"), [(3, 1_000)]);
        assert!(policies.get("upload.user").is_some());
    }

    #[test]
    fn mistakes_are_said() {
        let cases = [
            ("chat.user", "has no ="),
            ("chat=1/1s", "names no policy"),
            ("chat.users=1/1s", "names no policy"),
            ("Chat.user=1/1s", "names no policy"),
            ("chat.user=", "is no window"),
            ("chat.user=10", "is no window"),
            ("chat.user=0/1s", "the limit must be"),
            ("chat.user=-1/1s", "the limit must be"),
            ("chat.user=many/1s", "the limit must be"),
            ("chat.user=1/1", "the unit"),
            ("chat.user=1/1y", "the unit"),
            ("chat.user=1/s", "the window must be"),
            ("chat.user=1/0s", "the window must be"),
            ("chat.user=1/32d", "the window must be"),
            ("chat.user=1/99999999999999999999d", "the window must be"),
            ("chat.user=1/10s,2/15s", "twice as long"),
            ("chat.user=1/1s;chat.user=2/1s", "there twice"),
        ];
        for (text, reason) in cases {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains("RATE_LIMITS") && error.contains(reason), "{text}: {error}");
        }
    }
}
