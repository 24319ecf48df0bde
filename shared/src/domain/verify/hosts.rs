//! What a browser, a mail program or a chat program makes a link of, in a word however it is disguised.

use std::ops::Range;

use unicode_normalization::char::decompose_compatible;

use super::{addresses::address_end, stand_ins::is_stand_in};

/// Schemes that lead somewhere without `//`.
const SCHEMES: [&str; 9] =
    ["blob", "data", "file", "intent", "javascript", "livescript", "mailto", "vbscript", "view-source"];
/// Ends of names of hosts that programs take for a link even where nothing follows. Those of countries are words too
/// often: of them a path is asked for.
const DOMAINS: [&str; 22] = [
    "agency", "app", "biz", "cloud", "com", "dev", "edu", "gov", "info", "link", "live", "mil", "mobi",
    "net", "online", "org", "page", "shop", "site", "store", "tech", "xyz",
];

/// Whether the text begins with a scheme that leads somewhere without `//`.
pub(super) fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()))
}

/// One character of a word as a program would read it, and the range of the word that it was written with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    pub read: char,
    pub start: usize,
    pub end: usize,
}

/// The word in plain lower-case letters: full-width and mathematical forms, look-alikes of punctuation and percent-encoded
/// characters are what they stand for; stand-ins are left out.
pub(super) fn view(word: &[char]) -> Vec<Part> {
    let mut view = Vec::with_capacity(word.len());
    for (at, &found) in word.iter().enumerate().filter(|(_, found)| !is_stand_in(**found)) {
        let mut push = |read: char| view.push(Part { read, start: at, end: at + 1 });
        if found.is_ascii() {
            push(found.to_ascii_lowercase());
            continue;
        }
        match found {
            '。' | '．' | '｡' => push('.'),
            '∶' | 'ː' | '꞉' | '︰' => push(':'),
            '⁄' | '∕' | '╱' | '⧸' => push('/'),
            _ => decompose_compatible(found, |part| part.to_lowercase().for_each(&mut push)),
        }
    }
    // `%253A` is `%3A` is a colon.
    for _ in 0..3 {
        let decoded = decoded(&view);
        if decoded.len() == view.len() {
            break;
        }
        view = decoded;
    }
    view
}

fn decoded(view: &[Part]) -> Vec<Part> {
    let mut out = Vec::with_capacity(view.len());
    let mut rest = view;
    while let [first, tail @ ..] = rest {
        let code = match tail {
            [high, low, ..] if first.read == '%' => {
                high.read.to_digit(16).zip(low.read.to_digit(16)).map(|(high, low)| (high * 16 + low, low))
            }
            _ => None,
        };
        let read = code.and_then(|(code, _)| char::from_u32(code)).filter(char::is_ascii_graphic);
        if let (Some(read), [_, low, after @ ..]) = (read, tail) {
            out.push(Part { read: read.to_ascii_lowercase(), start: first.start, end: low.end });
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

/// The range of the first address in the view.
pub(super) fn first(view: &[Part]) -> Option<Range<usize>> {
    let chars: Vec<char> = view.iter().map(|part| part.read).collect();
    let mut at = 0;
    while at < chars.len() {
        // A marker within a word parts it, if it is let out.
        let is_parted = at > 0
            && view
                .get(at - 1..=at)
                .is_some_and(|pair| matches!(pair, [last, next] if last.end < next.start));
        if let Some(start) = start(&chars, at, is_parted) {
            let end = address_end(&chars, at).max(at + 1);
            return Some(start..end);
        }
        at += 1;
    }
    None
}

/// Where the address begins that is recognised at `at`, where a word may begin if something `is_parted` from it.
fn start(chars: &[char], at: usize, is_parted: bool) -> Option<usize> {
    let get = |index: usize| chars.get(index).copied();
    let before = |steps: usize| at.checked_sub(steps).and_then(get);
    // `-evil.example` and `x..evil.example` begin with the `e`.
    let marks = chars.get(..at)?.iter().rev().take_while(|found| matches!(found, '-' | '_' | '.')).count();
    let is_doubled = chars.get(at - marks..at)?.windows(2).any(|pair| pair == ['.', '.']);
    let begins_word = is_parted || is_doubled || !before(marks + 1).is_some_and(char::is_alphanumeric);
    match get(at)? {
        ':' => {
            let letters = |found: &&char| found.is_ascii_alphanumeric() || matches!(found, '+' | '-');
            let length = chars.get(..at)?.iter().rev().take_while(letters).count();
            let scheme: String = chars.get(at - length..at)?.iter().collect();
            let next = get(at + 1)?;
            let slashes = matches!(next, '/' | '\\') && matches!(get(at + 2), Some('/' | '\\'));
            let named = SCHEMES.iter().find(|known| scheme.ends_with(**known));
            let is_named = match named {
                // "data:5" is none, "data:text/html" is.
                Some(&"data") => {
                    next.is_alphabetic() && chars.get(at..)?.iter().any(|found| matches!(found, '/' | ','))
                }
                Some(known) if known.ends_with("script") => true,
                Some(_) => next.is_alphanumeric() || matches!(next, '/' | '\\' | '%'),
                None => false,
            };
            (slashes || is_named).then_some(at - length)
        }
        '/' if get(at + 1) == Some('/') && (is_parted || before(1).is_none_or(is_opening)) => {
            host(chars, at + 2).map(|_| at)
        }
        '@' => {
            let local =
                |found: &&char| found.is_alphanumeric() || matches!(found, '.' | '_' | '%' | '+' | '-');
            let length = chars.get(..at)?.iter().rev().take_while(local).count();
            let is_mail = length > 0 && host(chars, at + 1).is_some();
            is_mail.then_some(at - length)
        }
        'w' if begins_word && chars.get(at..at + 4) == Some(&['w', 'w', 'w', '.']) => {
            get(at + 4).filter(|next| is_label(*next)).map(|_| at)
        }
        found if begins_word && found.is_alphanumeric() => {
            let (end, domain) = host(chars, at)?;
            let is_followed = match get(end) {
                Some('/') => get(end + 1).is_some_and(|next| !next.is_whitespace()),
                Some('?' | '#' | '\\') => get(end + 1).is_some_and(char::is_alphanumeric),
                Some(':') => get(end + 1).is_some_and(|next| next.is_ascii_digit()),
                _ => false,
            };
            let tail = chars.get(end..).unwrap_or_default();
            let carries = is_followed && tail.iter().any(|found| matches!(found, '?' | '=' | '%' | '&'));
            let name = chars.get(at..end)?.iter().take_while(|found| **found != '.').count();
            let is_host =
                DOMAINS.contains(&domain.as_str()) || carries || is_followed && name > 2 && domain.len() > 1;
            is_host.then_some(at)
        }
        _ => None,
    }
}

/// The end of the name of a host that begins at `at`, and its last label: `a.b.example` and `example`.
fn host(chars: &[char], at: usize) -> Option<(usize, String)> {
    let length = chars.get(at..)?.iter().take_while(|found| is_label(**found) || **found == '.').count();
    let name: String = chars.get(at..at + length)?.iter().collect();
    let name = name.trim_end_matches(['.', '-', '_']);
    let (before, domain) = name.rsplit_once('.')?;
    let is_domain =
        domain.chars().count() > 1 && (domain.chars().all(char::is_alphabetic) || domain.starts_with("xn--"));
    let is_host = is_domain && before.split('.').all(|label| !label.is_empty());
    is_host.then(|| (at + name.chars().count(), domain.to_owned()))
}

fn is_label(found: char) -> bool {
    found.is_alphanumeric() || matches!(found, '-' | '_')
}

fn is_opening(found: char) -> bool {
    matches!(found, '(' | '[' | '{' | '<' | '"' | '\'' | '“' | '‘' | '*' | '_' | '`' | '|' | ':' | '=' | ',')
}
