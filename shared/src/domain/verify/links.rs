//! What points elsewhere: links, images and definitions in Markdown, as far as their form goes, and whether a passage
//! holds an address.

use super::{
    addresses::address_end,
    ahead::{Ahead, More},
    hosts::has_scheme,
};
use crate::domain::passage::Passage;

/// The text of a link, or of an image, is no longer than this.
const TEXT_MAX: usize = 300;
/// Nor is what it points to; the layer that knows addresses removes longer ones.
const DESTINATION_MAX: usize = 600;

/// What stands at the beginning of a text.
pub(super) enum Link {
    /// It goes without a trace, with so many characters.
    Vanishes(usize),
    /// Only its text stays: this range, of so many characters.
    Text(std::ops::Range<usize>, usize),
    /// A passage holds the address: it stays as it is.
    Known(usize),
}

/// The passages, as far as they vouch for addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a>(pub &'a [Passage]);

impl Known<'_> {
    /// Whether a passage holds exactly this address.
    pub fn holds(self, address: &str) -> bool {
        self.0.iter().any(|passage| holds(&passage.text, address))
    }
}

/// `![alt](address)` and `![alt][name]`, where the text begins with `!`. No passage can vouch for an image: it loads
/// without being asked.
pub(super) fn image(text: Ahead<'_>) -> Result<Option<Link>, More> {
    let Some(end) = text.closing(1, '[', ']', TEXT_MAX)? else { return Ok(None) };
    let end = match text.get(end + 1)? {
        Some('(') => text.closing(end + 1, '(', ')', DESTINATION_MAX)?,
        Some('[') => text.closing(end + 1, '[', ']', TEXT_MAX)?,
        _ => None,
    };
    Ok(end.map(|end| Link::Vanishes(end + 1)))
}

/// `[text](address)`, and at a line's start `[name]: address`, where the text begins with `[`.
pub(super) fn link(text: Ahead<'_>, is_line_start: bool, known: Known<'_>) -> Result<Option<Link>, More> {
    let Some(close) = text.closing(0, '[', ']', TEXT_MAX)? else { return Ok(None) };
    if is_line_start && let Some(end) = definition_end(text, close + 1)? {
        return Ok(Some(Link::Vanishes(end)));
    }
    let Some(end) = destination_end(text, close + 1)? else { return Ok(None) };
    let (inner, destination) = (text.text(1, close), text.text(close + 2, end - 1));
    let is_web = destination.starts_with("https://") || destination.starts_with("http://");
    let is_plain =
        inner.chars().all(|found| found.is_alphanumeric() || matches!(found, ' ' | ',' | '-' | '\''));
    if is_web && is_plain && known.holds(&destination) {
        return Ok(Some(Link::Known(end)));
    }
    Ok(Some(Link::Text(1..close, end)))
}

/// Past the `(…)` at `at` if it is what a link points to, rather than a remark in parentheses.
pub(super) fn destination_end(text: Ahead<'_>, at: usize) -> Result<Option<usize>, More> {
    if text.get(at)? != Some('(') {
        return Ok(None);
    }
    let Some(end) = text.closing(at, '(', ')', DESTINATION_MAX)? else { return Ok(None) };
    let inner = text.text(at + 1, end);
    let mut parts = inner.split_whitespace();
    let Some(first) = parts.next() else { return Ok(None) };
    let is_address = parts.next().is_none_or(|title| {
        title.starts_with(['"', '\'', '('])
            || first.contains("://")
            || first.contains(':') && !first.ends_with(':')
            || first.starts_with(['#', '/', '<'])
            || has_scheme(first)
    });
    Ok(is_address.then_some(end + 1))
}

/// Past the `: https://…` at `at`, with its line, that makes the bracket before it the name of an address.
pub(super) fn definition_end(text: Ahead<'_>, at: usize) -> Result<Option<usize>, More> {
    if text.get(at)? != Some(':') {
        return Ok(None);
    }
    let start = text.skip(at + 1, char::is_whitespace)?;
    let mut end = start;
    while end - at < DESTINATION_MAX {
        match text.get(end)? {
            Some('\n') | None => {
                let line = text.text(start, end);
                let first = line.split_whitespace().next().unwrap_or_default();
                let is_address = first.contains("://")
                    || first.starts_with("//")
                    || first.starts_with("www.")
                    || first.contains(':') && !first.ends_with(':');
                return Ok(is_address.then_some(end));
            }
            Some(_) => end += 1,
        }
    }
    Ok(None)
}

/// Whether `address` stands in `text`, and not only as a part of a longer one.
fn holds(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(at, _)| {
        let is_begun = text.get(..at).and_then(|before| before.chars().next_back()).is_none_or(|before| {
            !before.is_alphanumeric() && !matches!(before, '.' | '-' | '/' | '@' | '_' | ':')
        });
        let tail: Vec<char> = text.get(at..).unwrap_or_default().chars().take(address.len() + 8).collect();
        is_begun && address_end(&tail, 0) == address.chars().count()
    })
}
