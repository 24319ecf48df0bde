//! The markers of an answer, in the many ways in which models write them. Only their form is judged here; whether
//! they prove anything is not.

use super::{
    ahead::{Ahead, More},
    links::destination_end,
    quotes::{self, Ending},
};

/// A marker's bracket ends at most this many characters after its words.
const REST_MAX: usize = 300;
/// More numbers than this in one `[1-9]` are no list of passages.
const RANGE_MAX: usize = 20;
/// Markers are read on to others that stand beside them, or enclose more of them, for so many characters.
const GROUP_MAX: usize = 1_200;
/// Marks that enclose nothing but a marker, one within the other.
const ENCLOSING_MAX: u8 = 4;

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

/// Reads markers. `passages_max` bounds the numbers of the form that could be mistaken for text.
pub(super) struct Reader<'a> {
    pub text: Ahead<'a>,
    pub passages_max: usize,
}

impl Reader<'_> {
    /// The markers that begin at `at`, with the marks that enclose nothing else, as `([1])`, `**[1]**`, `[[1]](…)`;
    /// and where the text goes on.
    pub fn enclosed(&self, at: usize) -> Result<Option<(Group, usize)>, More> {
        self.within(at, ENCLOSING_MAX)
    }

    fn within(&self, at: usize, depth: u8) -> Result<Option<(Group, usize)>, More> {
        let closing = match self.text.get(at)? {
            Some('(') => ')',
            Some('[') => {
                if let Some(found) = self.group(at)? {
                    return Ok(Some(found));
                }
                ']'
            }
            Some(mark @ ('*' | '_' | '`')) => mark,
            _ => return self.group(at),
        };
        if depth == 0 {
            return Ok(None);
        }
        let Some((group, end)) = self.within(at + 1, depth - 1)? else { return Ok(None) };
        let is_enclosed = self.text.get(end)? == Some(closing);
        Ok(if is_enclosed { Some((group, self.after_link(end + 1)?)) } else { None })
    }

    /// The markers that begin at `at` and follow each other.
    pub fn group(&self, at: usize) -> Result<Option<(Group, usize)>, More> {
        let Some((mut entries, end)) = self.marker(at)? else { return Ok(None) };
        let mut end = self.after_link(end)?;
        while end - at < GROUP_MAX {
            let mut next = self.text.skip(end, |found| matches!(found, ' ' | '\t' | ',' | ';' | '&'))?;
            if next > end && self.text.get(next)? == Some('a') && self.text.word(next)? == "and" {
                next = self.text.skip(next + 3, |found| found == ' ')?;
            }
            let Some((more, after)) = self.marker(next)? else { break };
            entries.extend(more);
            end = self.after_link(after)?;
        }
        Ok(Some((entries, end)))
    }

    /// Past the `(…)` of a link whose text is a marker.
    fn after_link(&self, end: usize) -> Result<usize, More> {
        Ok(destination_end(self.text, end)?.unwrap_or(end))
    }

    /// One bracket with its numbers and quotes.
    fn marker(&self, at: usize) -> Result<Option<(Group, usize)>, More> {
        let at = if self.text.get(at)? == Some('\\') { at + 1 } else { at };
        if !matches!(self.text.get(at)?, Some('[' | '【' | '［')) {
            return Ok(None);
        }
        let begin = at;
        let mut entries = Group::new();
        let mut at = at + 1;
        // The number that the quotes which follow belong to.
        let mut number = None;
        let mut is_quoted = false;
        loop {
            at = self.text.skip(at, |found| {
                matches!(found, ' ' | '\t' | ',' | ';' | ':' | '&' | '.' | '-' | '–' | '—')
            })?;
            let Some(found) = self.text.get(at)? else {
                // The answer was cut off here, perhaps within the number: `[1` may have been about to be `[12`.
                if let Some(last) = entries.last_mut().filter(|last| last.words.is_none()) {
                    last.number = 0;
                }
                return Ok(Some((entries, at)));
            };
            if let Some(end) = quotes::close(self.text, at)? {
                return Ok((!entries.is_empty()).then_some((entries, end)));
            }
            if at - begin > GROUP_MAX {
                return Ok(is_quoted.then_some((entries, at)));
            }
            if found.is_ascii_digit() {
                let Some((first, last, end)) = self.numbers(at)? else { return Ok(None) };
                entries.extend((first..=last).map(|number| Entry { number, words: None }));
                (number, is_quoted, at) = (Some(last), false, end);
            } else if let Some(number) = number
                && let Some(quote) = quotes::quote(self.text, at)?
            {
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
                    Ending::Lone => return Ok(Some((entries, self.rest(at)?.unwrap_or(at)))),
                    Ending::Missing => return Ok(Some((entries, at))),
                }
            } else if let Some(end) = self.label(at)? {
                at = end;
            } else if is_quoted {
                return Ok(Some((entries, self.rest(at)?.unwrap_or(at))));
            } else if found == '†' {
                return Ok(self.rest(at)?.map(|end| (entries, end)));
            } else {
                return self.bare_words(at, entries);
            }
        }
    }

    /// `12`, or `1-3` as 1 to 3. Not `1.5`, `2nd` or `3%`.
    fn numbers(&self, at: usize) -> Result<Option<(usize, usize, usize)>, More> {
        let (first, end) = self.number(at)?;
        let dash = self.text.skip(end, |found| found == ' ')?;
        if matches!(self.text.get(dash)?, Some('-' | '–')) {
            let from = self.text.skip(dash + 1, |found| found == ' ')?;
            let (last, after) = self.number(from)?;
            if after > from && last > first && last - first < RANGE_MAX {
                return Ok(Some((first, last, after)));
            }
        }
        let Some(next) = self.text.get(end)? else { return Ok(Some((first, first, end))) };
        let is_decimal = next == '.' && self.text.get(end + 1)?.is_some_and(|next| next.is_ascii_digit());
        let goes_on = next.is_alphanumeric() || matches!(next, '%' | '°' | '/');
        Ok((!is_decimal && !goes_on).then_some((first, first, end)))
    }

    fn number(&self, at: usize) -> Result<(usize, usize), More> {
        let end = self.text.skip(at, |found| found.is_ascii_digit())?;
        let digits = self.text.slice(at, end).iter().filter_map(|digit| digit.to_digit(10));
        let value = digits.fold(0_usize, |value, digit| {
            value.saturating_mul(10).saturating_add(digit.try_into().unwrap_or_default())
        });
        Ok((value, end))
    }

    /// Past `passage`, `#` or `^` before a number, or past `p. 12–13`.
    fn label(&self, at: usize) -> Result<Option<usize>, More> {
        let Some(first) = self.text.get(at)? else { return Ok(None) };
        if matches!(first, '#' | '^') {
            return Ok(self.text.get(at + 1)?.filter(char::is_ascii_digit).map(|_| at + 1));
        }
        if !first.is_alphabetic() {
            return Ok(None);
        }
        let word = self.text.word(at)?;
        let is_page = matches!(word.as_str(), "p" | "pp" | "page" | "pages");
        let is_label = is_page
            || matches!(
                word.as_str(),
                "passage"
                    | "passages"
                    | "source"
                    | "sources"
                    | "excerpt"
                    | "document"
                    | "doc"
                    | "ref"
                    | "and"
            );
        if !is_label {
            return Ok(None);
        }
        let length = word.chars().count();
        let after = self.text.skip(at + length, |found| matches!(found, ' ' | '.' | '#'))?;
        if !self.text.get(after)?.is_none_or(|next| next.is_ascii_digit()) {
            return Ok(None);
        }
        if is_page {
            return self
                .text
                .skip(after, |found| found.is_ascii_digit() || matches!(found, '-' | '–'))
                .map(Some);
        }
        Ok(Some(after))
    }

    /// `[1 words without their quotation marks]`: taken for a quote if there are three or more of them.
    fn bare_words(&self, at: usize, mut entries: Group) -> Result<Option<(Group, usize)>, More> {
        let [entry] = entries.as_mut_slice() else { return Ok(None) };
        if !(1..=self.passages_max).contains(&entry.number) {
            return Ok(None);
        }
        let Some(end) = self.rest(at)? else { return Ok(None) };
        let words = self.text.text(at, end.saturating_sub(1));
        let is_marker = words.split_whitespace().count() >= 3 && self.text.get(end)? != Some('(');
        entry.words = Some(words);
        Ok(is_marker.then_some((entries, end)))
    }

    /// Past the bracket's end, if that stands in the same line.
    fn rest(&self, at: usize) -> Result<Option<usize>, More> {
        for stop in at..at + REST_MAX {
            match self.text.get(stop)? {
                None | Some('[' | '\n') => return Ok(None),
                Some(']' | '】' | '］') => return quotes::close(self.text, stop),
                Some(_) => {}
            }
        }
        Ok(None)
    }
}
