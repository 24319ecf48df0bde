//! What an answer must not carry to its reader's browser: links that no passage holds, images, and HTML. Only text
//! remains of them.

/// The names of the elements that begin a new line, so that their neighbours are not glued together.
const BLOCKS: [&str; 18] = [
    "address", "article", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "section",
    "td", "tr", "ul",
];

/// Brackets that are further apart than this many characters do not belong together.
const LINK_MAX: usize = 2_000;

/// The text without them; `None` if there are none. One pass: what remains may form new ones, so that the caller
/// repeats until nothing changes. `is_known` says whether a passage holds exactly this address.
pub(super) fn clean(text: &str, is_known: &impl Fn(&str) -> bool) -> Option<String> {
    let suspects = ["<", "](", "]:", "://", "www.", "WWW.", "mailto:"];
    if !suspects.iter().any(|suspect| text.contains(suspect)) {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let mut cleaner = Cleaner { chars: &chars, out: String::with_capacity(text.len()), is_known };
    let mut at = 0;
    while let Some(&found) = chars.get(at) {
        at = match found {
            '<' => cleaner.angle(at),
            '!' if chars.get(at + 1) == Some(&'[') => cleaner.image(at),
            '[' => cleaner.link(at),
            ':' | 'w' | 'W' => cleaner.address(at),
            _ => None,
        }
        .unwrap_or_else(|| {
            cleaner.out.push(found);
            at + 1
        });
    }
    (cleaner.out != text).then_some(cleaner.out)
}

/// Whether `address` stands in `text`, and not only as the beginning of a longer one.
pub(super) fn holds(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(at, _)| {
        let tail: Vec<char> = text.get(at..).unwrap_or_default().chars().take(address.len() + 8).collect();
        address_end(&tail, 0) == address.chars().count()
    })
}

/// Past the `(…)` at `at` if it is what a link points to, rather than a remark in parentheses.
pub(super) fn destination_end(chars: &[char], at: usize) -> Option<usize> {
    let end = closing(chars, at, '(', ')')?;
    let inner: String = chars.get(at + 1..end)?.iter().collect();
    let mut parts = inner.split_whitespace();
    let first = parts.next()?;
    let is_address = parts.next().is_none_or(|title| {
        title.starts_with(['"', '\'', '(']) || first.contains("://") || first.starts_with(['#', '/', '<'])
    });
    is_address.then_some((end + 1).min(chars.len()))
}

/// Past the `: https://…` at `at`, with its line end, that makes the bracket before it the name of an address.
pub(super) fn definition_end(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at) != Some(&':') {
        return None;
    }
    let end = at + chars.get(at..)?.iter().take_while(|&&found| found != '\n').count();
    let line: String = chars.get(at + 1..end)?.iter().collect();
    let address = line.trim_start();
    let is_address = address.split_whitespace().next().is_some_and(|first| first.contains("://"))
        || address.starts_with("www.")
        || address.starts_with("mailto:");
    is_address.then_some((end + 1).min(chars.len()))
}

/// Whether the next character will be the first of its line, but for its indentation.
pub(super) fn is_line_start(out: &str) -> bool {
    let kept = out.trim_end_matches([' ', '\t']);
    kept.is_empty() || kept.ends_with('\n')
}

/// Takes what vanished at `rest` out of the line without a trace: no double space, no space before a stop, no empty
/// parentheses. Returns how many characters of `rest` go with it.
pub(super) fn mend(out: &mut String, rest: &[char]) -> usize {
    let mut skipped = 0;
    loop {
        let kept = out.trim_end_matches([' ', '\t']).len();
        let had_space = kept < out.len();
        let is_line_start = is_line_start(out);
        if !is_line_start {
            out.truncate(kept);
        }
        let tail = rest.get(skipped..).unwrap_or_default();
        let spaces = tail.iter().take_while(|found| matches!(found, ' ' | '\t')).count();
        let next = tail.get(spaces).copied();
        if out.ends_with('(') && next == Some(')') {
            out.pop();
            skipped += spaces + 1;
            continue;
        }
        if next.is_none_or(|next| next == '\n' || is_stop(next)) || is_line_start {
            skipped += spaces;
        } else if had_space && spaces == 0 {
            out.push(' ');
        } else {
            skipped += spaces.saturating_sub(1);
        }
        // `22 HRC. [1].` has one stop too many.
        if next == Some('.') && out.ends_with(['.', '!', '?']) && rest.get(skipped + 1) != Some(&'.') {
            skipped += 1;
        }
        return skipped;
    }
}

fn is_stop(found: char) -> bool {
    matches!(found, '.' | ',' | ';' | ':' | '!' | '?' | ')')
}

struct Cleaner<'a, F: Fn(&str) -> bool> {
    chars: &'a [char],
    out: String,
    is_known: &'a F,
}

impl<'a, F: Fn(&str) -> bool> Cleaner<'a, F> {
    /// A tag, a comment or `<https://…>`.
    fn angle(&mut self, at: usize) -> Option<usize> {
        let next = *self.chars.get(at + 1)?;
        if !next.is_ascii_alphabetic() && !matches!(next, '/' | '!' | '?') {
            return None;
        }
        let Some(end) = tag_end(self.chars, at) else {
            // With a space it is no tag for any reader, and `p <q` keeps its meaning.
            self.out.push_str("< ");
            return Some(at + 1);
        };
        let inner = self.text(at + 1, end);
        if inner.contains("://") && !inner.contains(char::is_whitespace) {
            if (self.is_known)(&inner) {
                self.out.push_str(&inner);
                return Some(end + 1);
            }
            return Some(self.vanish(end + 1));
        }
        let name = inner.trim_start_matches('/').split(|found: char| !found.is_ascii_alphanumeric()).next();
        let is_block = name.is_some_and(|name| BLOCKS.contains(&name.to_ascii_lowercase().as_str()));
        let is_glued = !self.out.is_empty()
            && !self.out.ends_with(char::is_whitespace)
            && self.chars.get(end + 1).is_some_and(|after| after.is_alphanumeric());
        if is_block && is_glued {
            self.out.push(' ');
        }
        let is_spaced = self.out.is_empty() || self.out.ends_with(char::is_whitespace);
        Some(end + 1 + usize::from(is_spaced && self.chars.get(end + 1) == Some(&' ')))
    }

    /// `![alt](address)` and `![alt][name]`. No passage can vouch for an image: it loads without being asked.
    fn image(&mut self, at: usize) -> Option<usize> {
        let text_end = closing(self.chars, at + 1, '[', ']')?;
        let end = match self.chars.get(text_end + 1) {
            Some('(') => closing(self.chars, text_end + 1, '(', ')')?,
            Some('[') => closing(self.chars, text_end + 1, '[', ']')?,
            _ => return None,
        };
        let end = (end + 1).min(self.chars.len());
        Some(self.vanish(end))
    }

    /// `[text](address)` becomes its text unless a passage holds the address; `[name]: address` vanishes.
    fn link(&mut self, at: usize) -> Option<usize> {
        let text_end = closing(self.chars, at, '[', ']')?;
        let after = text_end + 1;
        if is_line_start(&self.out)
            && let Some(end) = definition_end(self.chars, after)
        {
            return Some(end);
        }
        let end = destination_end(self.chars, after)?;
        let inner = self.text(at + 1, text_end);
        let destination = self.text(after + 1, end - 1);
        let is_web = destination.starts_with("https://") || destination.starts_with("http://");
        if is_web && !inner.contains(['[', '<', ':']) && (self.is_known)(&destination) {
            let whole = self.text(at, end);
            self.out.push_str(&whole);
        } else {
            self.out.push_str(&inner);
        }
        Some(end)
    }

    /// `https://…`, `www.…` or `mailto:…` in running text, found at its colon or its first letter.
    fn address(&mut self, at: usize) -> Option<usize> {
        let is_scheme = self.text(at, at + 3) == "://";
        let is_host = self.text(at, at + 4).eq_ignore_ascii_case("www.")
            && !self.out.ends_with(|before: char| before.is_alphanumeric());
        let is_mail = self.chars.get(at) == Some(&':')
            && self
                .out
                .len()
                .checked_sub(6)
                .and_then(|start| self.out.get(start..))
                .is_some_and(is_mail_scheme)
            && self.chars.get(at + 1).is_some_and(|next| next.is_alphanumeric());
        if !is_scheme && !is_host && !is_mail {
            return None;
        }
        let is_scheme_letter = |found: char| found.is_ascii_alphanumeric() || matches!(found, '+' | '-');
        let scheme_start =
            if is_host { self.out.len() } else { self.out.trim_end_matches(is_scheme_letter).len() };
        if !is_host && scheme_start == self.out.len() {
            return None;
        }
        let end = address_end(self.chars, at);
        let address = format!("{}{}", self.out.get(scheme_start..)?, self.text(at, end));
        if (self.is_known)(&address) {
            self.out.truncate(scheme_start);
            self.out.push_str(&address);
            return Some(end);
        }
        self.out.truncate(scheme_start);
        Some(self.vanish(end))
    }

    /// Leaves out what stood before `end`, which is where the text goes on or a little later.
    fn vanish(&mut self, end: usize) -> usize {
        let tail = self.tail(end);
        end + mend(&mut self.out, tail)
    }

    fn tail(&self, at: usize) -> &'a [char] {
        self.chars.get(at..).unwrap_or_default()
    }

    fn text(&self, start: usize, end: usize) -> String {
        self.chars.get(start..end.min(self.chars.len())).unwrap_or_default().iter().collect()
    }
}

fn is_mail_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("mailto")
}

/// The index of the bracket that closes the one at `at`, within the paragraph; the text's end if it was cut off.
fn closing(chars: &[char], at: usize, open: char, close: char) -> Option<usize> {
    if chars.get(at) != Some(&open) {
        return None;
    }
    let mut depth = 0_usize;
    for (index, &found) in chars.iter().enumerate().skip(at).take(LINK_MAX) {
        if found == open {
            depth += 1;
        } else if found == close {
            depth -= 1;
            if depth == 0 {
                return Some(index);
            }
        } else if found == '\n' && (open == '(' || chars.get(index + 1) == Some(&'\n')) {
            return None;
        }
    }
    (open == '(' && chars.len() - at <= LINK_MAX).then_some(chars.len())
}

/// The index of the `>` that ends the tag at `at`; `>` within quoted attributes does not.
fn tag_end(chars: &[char], at: usize) -> Option<usize> {
    let tail = chars.get(at..)?;
    if tail.starts_with(&['<', '!', '-', '-']) {
        let end = tail.windows(3).position(|window| window == ['-', '-', '>'])?;
        return Some(at + end + 2);
    }
    let mut quote = None;
    for (index, &found) in tail.iter().enumerate().skip(1) {
        match (quote, found) {
            (None, '>') => return Some(at + index),
            (None, '<') => return None,
            (None, '"' | '\'') if tail.get(index - 1) == Some(&'=') => quote = Some(found),
            (Some(mark), _) if mark == found => quote = None,
            _ => {}
        }
    }
    None
}

/// One past the address that goes on at `at`: not the punctuation after it.
fn address_end(chars: &[char], at: usize) -> usize {
    let is_part = |found: char| {
        !found.is_whitespace()
            && !matches!(
                found,
                '<' | '>' | '"' | '`' | '|' | '[' | ']' | '{' | '}' | '“' | '”' | '‘' | '’' | '«' | '»'
            )
            && super::markers::group_index(found).is_none()
    };
    let address = chars.get(at..).unwrap_or_default();
    let mut length = address.iter().take_while(|&&found| is_part(found)).count();
    while let Some((last, before)) = address.get(..length).and_then(<[char]>::split_last) {
        let is_unopened = *last == ')' && !before.contains(&'(');
        if !is_unopened && !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~') {
            break;
        }
        length -= 1;
    }
    at + length
}
