//! The quoted words within a marker. Models nest quotation marks, escape them and forget to close them, so that where
//! a quote ends is decided by what follows.

use super::ahead::{Ahead, More};

/// Quotes are a few words; one that is longer than this many characters was never closed.
const QUOTE_MAX: usize = 800;
/// An unclosed quote this close to the answer's end was cut off with the answer.
const CUT_MAX: usize = 300;

/// How a quote ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// With a quotation mark, and the marker goes on or ends after it.
    Closed,
    /// With a quotation mark or bracket alone; the other is missing.
    Lone,
    /// Not at all: the answer was cut off (the words are those that are surely whole), or it is no quote (no words).
    Missing,
}

/// The words of a quote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Quote {
    /// Without the quotation marks and backslashes.
    pub words: String,
    /// Where the marker goes on.
    pub end: usize,
    pub ending: Ending,
}

/// Past the bracket that ends a marker, if one stands at `at`.
pub(super) fn close(text: Ahead<'_>, at: usize) -> Result<Option<usize>, More> {
    Ok(match text.get(at)? {
        Some(']' | '】' | '］') => Some(at + 1),
        Some('\\') if text.get(at + 1)? == Some(']') => Some(at + 2),
        _ => None,
    })
}

/// The quote that begins at `at`.
pub(super) fn quote(text: Ahead<'_>, at: usize) -> Result<Option<Quote>, More> {
    let is_escaped = text.get(at)? == Some('\\');
    let open = at + usize::from(is_escaped);
    let Some(mark) = text.get(open)? else { return Ok(None) };
    let is_single = is_single_mark(mark);
    if !is_single && !is_double_mark(mark) {
        return Ok(None);
    }
    let start = open + 1;
    let mut words = String::new();
    // The first place where the quote may have ended although nothing confirms it: bytes of `words`, and the index.
    let mut lone = None;
    // Brackets and curly quotation marks that were opened within the quote.
    let (mut depth, mut nested) = (0_u32, 0_u32);
    let mut index = start;
    let is_cut_off = loop {
        let Some(found) = text.get(index)? else { break true };
        if index - start > QUOTE_MAX {
            break false;
        }
        if found == '\n' && text.get(index + 1)? == Some('\n')
            || found == '[' && begins_marker(text, index + 1)?
        {
            break false;
        }
        if found == '\\' {
            let next = text.get(index + 1)?;
            if next.is_some_and(|next| is_mark(next) || matches!(next, '\\' | '[' | ']')) {
                if is_escaped && next.is_some_and(is_mark) && is_confirmed(text, index + 2)? {
                    return Ok(Some(Quote { words, end: index + 2, ending: Ending::Closed }));
                }
                words.extend(next);
                index += 2;
                continue;
            }
        }
        if !is_single
            && matches!(found, '“' | '„' | '«')
            && text.get(index + 1)?.is_some_and(char::is_alphanumeric)
        {
            nested += 1;
        } else if nested > 0 && matches!(found, '”' | '“' | '»') {
            nested -= 1;
        } else if if is_single { is_single_mark(found) } else { is_double_mark(found) } {
            if is_confirmed(text, index + 1)? {
                return Ok(Some(Quote { words, end: index + 1, ending: Ending::Closed }));
            }
            // An apostrophe is not the end.
            if !is_single || !text.get(index + 1)?.is_some_and(char::is_alphanumeric) {
                lone = lone.or(Some((words.len(), index + 1)));
            }
        } else if found == '[' {
            depth += 1;
        } else if close(text, index)?.is_some() {
            if depth == 0 {
                lone = lone.or(Some((words.len(), index)));
            }
            depth = depth.saturating_sub(1);
        }
        words.push(found);
        index += 1;
    };
    if let Some((length, end)) = lone {
        words.truncate(length);
        return Ok(Some(Quote { words, end, ending: Ending::Lone }));
    }
    if !is_cut_off || index - start > CUT_MAX {
        return Ok(Some(Quote { words: String::new(), end: start, ending: Ending::Missing }));
    }
    // The last word may have been cut in the middle.
    words.truncate(words.rfind(char::is_whitespace).unwrap_or_default());
    Ok(Some(Quote { words, end: index, ending: Ending::Missing }))
}

/// Does what follows a quotation mark show that the quote ended there: the bracket, another quote, the next number?
fn is_confirmed(text: Ahead<'_>, at: usize) -> Result<bool, More> {
    let at = text.skip(at, |found| matches!(found, ' ' | '\t' | ',' | ';' | ':' | '.'))?;
    let Some(found) = text.get(at)? else { return Ok(true) };
    if close(text, at)?.is_some() || is_mark(found) {
        return Ok(true);
    }
    let number = text.skip(at, |found| matches!(found, 'p' | 'P' | '.' | ' '))?;
    let after = text.skip(number, |found| found.is_ascii_digit())?;
    if after == number {
        return Ok(false);
    }
    let end = text.skip(after, |found| matches!(found, ' ' | ':' | ','))?;
    Ok(close(text, end)?.is_some() || text.get(end)?.is_some_and(is_double_mark))
}

/// `1 "`, after the bracket of the next marker.
fn begins_marker(text: Ahead<'_>, at: usize) -> Result<bool, More> {
    let digits = text.skip(at, |found| found.is_ascii_digit())?;
    if digits == at {
        return Ok(false);
    }
    let end = text.skip(digits, |found| matches!(found, ' ' | ':' | ','))?;
    Ok(text.get(end)?.is_some_and(is_double_mark))
}

fn is_mark(found: char) -> bool {
    is_double_mark(found) || is_single_mark(found)
}

fn is_double_mark(found: char) -> bool {
    matches!(found, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '＂')
}

fn is_single_mark(found: char) -> bool {
    matches!(found, '\'' | '‘' | '’' | '‚' | '‛' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_ends_where_the_marker_goes_on() {
        for (text, words, rest, ending) in [
            (r#""two words"]"#, "two words", "]", Ending::Closed),
            ("“two words”]", "two words", "]", Ending::Closed),
            ("„zwei Worte“】", "zwei Worte", "】", Ending::Closed),
            ("«deux mots» ]", "deux mots", " ]", Ending::Closed),
            ("'it's two' ]", "it's two", " ]", Ending::Closed),
            (r#""the "maximum" value"]"#, r#"the "maximum" value"#, "]", Ending::Closed),
            (r#""the \"maximum\" value"]"#, r#"the "maximum" value"#, "]", Ending::Closed),
            (r#"\"two words\"]"#, "two words", "]", Ending::Closed),
            (r#""see [3] there"]"#, "see [3] there", "]", Ending::Closed),
            (r#""the “top” “end” of”]"#, "the “top” “end” of", "]", Ending::Closed),
            ("“the “top” “end” of”]", "the “top” “end” of", "]", Ending::Closed),
            (r#""of 5" pipe"]"#, r#"of 5" pipe"#, "]", Ending::Closed),
            (r#""one" 2 "two"]"#, "one", r#" 2 "two"]"#, Ending::Closed),
            (r#""one", "two"]"#, "one", r#", "two"]"#, Ending::Closed),
            (r#""one", p. 12]"#, "one", ", p. 12]", Ending::Closed),
            (r#""one""#, "one", "", Ending::Closed),
            (r#""one" and more"#, "one", " and more", Ending::Lone),
            (r#""one] and more"#, "one", "] and more", Ending::Lone),
            (r#""one two thr"#, "one two", "", Ending::Missing),
            (r#""one"#, "", "", Ending::Missing),
            ("\"one\n\nNext", "", "one\n\nNext", Ending::Missing),
            (r#""one [2 "two"]"#, "", r#"one [2 "two"]"#, Ending::Missing),
        ] {
            let chars: Vec<char> = text.chars().collect();
            let quote = quote(Ahead::new(&chars, true), 0).unwrap().unwrap();
            let after: String = chars[quote.end..].iter().collect();
            assert_eq!((quote.words.as_str(), after.as_str(), quote.ending), (words, rest, ending), "{text}");
        }
    }
}
