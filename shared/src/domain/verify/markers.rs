//! The markers of an answer, in the many ways in which models write them. Only their form is judged here; whether
//! they prove anything is not.

use super::{
    links::{definition_end, destination_end, is_line_start},
    quotes::{self, Ending},
};

/// Stand-ins for markers while text is worked on: the n-th group of markers is one character, `FIRST` plus n. They are
/// private-use characters that `verify` takes out of the answer first.
const FIRST: u32 = 0xf_0000;
const LAST: u32 = 0xf_fffd;
/// A marker's bracket ends at most this many characters after its words.
const REST_MAX: usize = 300;
/// More numbers than this in one `[1-9]` are no list of passages.
const RANGE_MAX: usize = 20;

/// One proof that the model offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// The number of the passage, from 1 where the model followed the rules.
    pub number: usize,
    /// The words that it copied, if any.
    pub words: Option<String>,
}

/// Markers that stand together, as `[1][2]`, and so prove the same claim.
pub(super) type Group = Vec<Entry>;

/// Which group the character stands for.
pub(super) fn group_index(found: char) -> Option<usize> {
    u32::from(found).checked_sub(FIRST).filter(|index| index + FIRST <= LAST)?.try_into().ok()
}

fn stand_in(index: usize) -> Option<char> {
    u32::try_from(index).ok()?.checked_add(FIRST).filter(|&found| found <= LAST).and_then(char::from_u32)
}

/// Moves the markers of `text` to `groups` and leaves one stand-in for each group; `None` if there are none.
/// `passages_max` bounds the numbers of the form that could be mistaken for text.
pub(super) fn extract(text: &str, passages_max: usize, groups: &mut Vec<Group>) -> Option<String> {
    if !text.contains(['[', '【', '［']) {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let reader = Reader { chars: &chars, passages_max };
    let mut out = String::with_capacity(text.len());
    let (mut at, mut is_changed) = (0, false);
    while let Some(&found) = chars.get(at) {
        let group = match found {
            '[' | '【' | '［' | '\\' => reader.group(at, is_line_start(&out)),
            _ => None,
        };
        if let Some((entries, end)) = group
            && let Some(stand_in) = stand_in(groups.len())
        {
            let end = unwrap(&mut out, &chars, end);
            out.push(stand_in);
            groups.push(entries);
            (at, is_changed) = (end, true);
        } else {
            out.push(found);
            at += 1;
        }
    }
    is_changed.then_some(out)
}

/// Takes away what encloses a marker only: `([1])`, `**[1]**`, `[[1]](…)`.
fn unwrap(out: &mut String, chars: &[char], mut end: usize) -> usize {
    loop {
        let closing = match out.chars().next_back() {
            Some('(') => ')',
            Some('[') => ']',
            Some(mark @ ('*' | '_' | '`')) => mark,
            _ => return end,
        };
        if chars.get(end) != Some(&closing) {
            return end;
        }
        out.pop();
        end = after_link(chars, end + 1);
    }
}

/// Past the `(…)` of a link whose text is a marker.
fn after_link(chars: &[char], end: usize) -> usize {
    destination_end(chars, end).unwrap_or(end)
}

struct Reader<'a> {
    chars: &'a [char],
    passages_max: usize,
}

impl Reader<'_> {
    /// The markers that begin at `at`, and where the text goes on.
    fn group(&self, at: usize, is_line_start: bool) -> Option<(Group, usize)> {
        let is_image = at > 0 && self.get(at - 1) == Some('!');
        let (mut entries, mut end) = self.marker(at)?;
        if is_image && destination_end(self.chars, end).is_some()
            || is_line_start && definition_end(self.chars, end).is_some()
        {
            return None;
        }
        end = after_link(self.chars, end);
        loop {
            let mut next = self.skip(end, |found| matches!(found, ' ' | '\t' | ',' | ';' | '&'));
            if next > end && self.word(next) == "and" {
                next = self.skip(next + 3, |found| found == ' ');
            }
            let Some((more, after)) = self.marker(next) else { return Some((entries, end)) };
            entries.extend(more);
            end = after_link(self.chars, after);
        }
    }

    /// One bracket with its numbers and quotes.
    fn marker(&self, at: usize) -> Option<(Group, usize)> {
        let at = if self.get(at) == Some('\\') { at + 1 } else { at };
        if !matches!(self.get(at)?, '[' | '【' | '［') {
            return None;
        }
        let mut entries = Group::new();
        let mut at = at + 1;
        // The number that the quotes which follow belong to.
        let mut number = None;
        let mut is_quoted = false;
        loop {
            at = self.skip(at, |found| {
                matches!(found, ' ' | '\t' | ',' | ';' | ':' | '&' | '.' | '-' | '–' | '—')
            });
            let Some(found) = self.get(at) else {
                // The answer was cut off here, perhaps within the number: `[1` may have been about to be `[12`.
                if let Some(last) = entries.last_mut().filter(|last| last.words.is_none()) {
                    last.number = 0;
                }
                return Some((entries, at));
            };
            if let Some(end) = quotes::close(self.chars, at) {
                return (!entries.is_empty()).then_some((entries, end));
            }
            if found.is_ascii_digit() {
                let (first, last, end) = self.numbers(at)?;
                entries.extend((first..=last).map(|number| Entry { number, words: None }));
                (number, is_quoted, at) = (Some(last), false, end);
            } else if let (Some(number), Some(quote)) = (number, quotes::quote(self.chars, at)) {
                at = quote.end;
                if !quote.words.trim().is_empty() {
                    if is_quoted {
                        entries.push(Entry { number, words: None });
                    }
                    if let Some(entry) = entries.last_mut() {
                        entry.words = Some(quote.words);
                    }
                    is_quoted = true;
                }
                match quote.ending {
                    Ending::Closed => {}
                    Ending::Lone => return Some((entries, self.rest(at).unwrap_or(at))),
                    Ending::Missing => return Some((entries, at)),
                }
            } else if let Some(end) = self.label(at) {
                at = end;
            } else if is_quoted {
                return Some((entries, self.rest(at).unwrap_or(at)));
            } else if found == '†' {
                return self.rest(at).map(|end| (entries, end));
            } else {
                return self.bare_words(at, entries);
            }
        }
    }

    /// `12`, or `1-3` as 1 to 3. Not `1.5`, `2nd` or `3%`.
    fn numbers(&self, at: usize) -> Option<(usize, usize, usize)> {
        let (first, end) = self.number(at);
        let dash = self.skip(end, |found| found == ' ');
        if matches!(self.get(dash), Some('-' | '–')) {
            let from = self.skip(dash + 1, |found| found == ' ');
            let (last, after) = self.number(from);
            if after > from && last > first && last - first < RANGE_MAX {
                return Some((first, last, after));
            }
        }
        let is_decimal =
            self.get(end) == Some('.') && self.get(end + 1).is_some_and(|next| next.is_ascii_digit());
        let goes_on =
            self.get(end).is_some_and(|next| next.is_alphanumeric() || matches!(next, '%' | '°' | '/'));
        (!is_decimal && !goes_on).then_some((first, first, end))
    }

    fn number(&self, at: usize) -> (usize, usize) {
        let end = self.skip(at, |found| found.is_ascii_digit());
        let digits = self.chars.get(at..end).unwrap_or_default();
        let value = digits.iter().filter_map(|digit| digit.to_digit(10)).fold(0_usize, |value, digit| {
            value.saturating_mul(10).saturating_add(digit.try_into().unwrap_or_default())
        });
        (value, end)
    }

    /// Past `passage`, `#` or `^` before a number, or past `p. 12–13`.
    fn label(&self, at: usize) -> Option<usize> {
        if matches!(self.get(at)?, '#' | '^') && self.get(at + 1)?.is_ascii_digit() {
            return Some(at + 1);
        }
        let word = self.word(at);
        let after = self.skip(at + word.chars().count(), |found| matches!(found, ' ' | '.' | '#'));
        if !self.get(after).is_none_or(|next| next.is_ascii_digit()) {
            return None;
        }
        match word.to_lowercase().as_str() {
            "passage" | "passages" | "source" | "sources" | "excerpt" | "document" | "doc" | "ref"
            | "and" => Some(after),
            "p" | "pp" | "page" | "pages" => {
                Some(self.skip(after, |found| found.is_ascii_digit() || matches!(found, '-' | '–')))
            }
            _ => None,
        }
    }

    /// `[1 words without their quotation marks]`: taken for a quote if there are three or more of them.
    fn bare_words(&self, at: usize, mut entries: Group) -> Option<(Group, usize)> {
        let end = self.rest(at)?;
        let words: String = self.chars.get(at..end.saturating_sub(1))?.iter().collect();
        let [entry] = entries.as_mut_slice() else { return None };
        let is_marker = (1..=self.passages_max).contains(&entry.number)
            && words.split_whitespace().count() >= 3
            && self.get(end) != Some('(');
        entry.words = Some(words);
        is_marker.then_some((entries, end))
    }

    /// Past the bracket's end, if that stands in the same line.
    fn rest(&self, at: usize) -> Option<usize> {
        let tail = self.chars.get(at..)?;
        let stop =
            tail.iter().take(REST_MAX).position(|found| matches!(found, ']' | '】' | '］' | '[' | '\n'))?;
        quotes::close(self.chars, at + stop)
    }

    fn word(&self, at: usize) -> String {
        let end = self.skip(at, char::is_alphabetic);
        self.chars.get(at..end).unwrap_or_default().iter().collect()
    }

    fn get(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn skip(&self, at: usize, skipped: impl Fn(char) -> bool) -> usize {
        let tail = self.chars.get(at..).unwrap_or_default();
        at + tail.iter().take_while(|&&found| skipped(found)).count()
    }
}
