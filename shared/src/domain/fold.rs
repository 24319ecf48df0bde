//! Text folded for comparison: what a reader takes for the same words becomes the same characters, and every folded
//! character still knows where it came from.

use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use super::hidden::is_hidden;

/// Stands for a hyphen at a line's end, which is either part of the word or only of the typesetting.
const LINE_HYPHEN: char = '\u{2027}';

/// Folded text. Case, ligatures, composed accents, quotation marks, dashes, soft hyphens and white space (one space
/// for each run, none at the ends) make no difference in it; letters, digits, accents and punctuation do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folded {
    text: Vec<char>,
    /// For each character of `text`, the code point of the source that it came from; never falls.
    at: Vec<u32>,
}

impl Folded {
    /// Folds `text` in one pass.
    pub fn new(text: &str) -> Self {
        let mut folded = Self { text: Vec::with_capacity(text.len()), at: Vec::with_capacity(text.len()) };
        let mut gap = None;
        let mut is_soft = false;
        for (at, found) in (0_u32..).zip(text.chars()) {
            if found.is_whitespace() {
                let (_, is_line_end) = gap.get_or_insert((at, false));
                *is_line_end |= found == '\n';
            } else if is_ignored(found) {
                is_soft = gap.is_none() && matches!(found, '\u{ad}' | '\u{2}' | '\u{fffe}');
            } else {
                if let Some((gap_at, is_line_end)) = gap.take() {
                    folded.push_gap(gap_at, is_line_end, is_soft, found);
                }
                is_soft = false;
                folded.push_folded(found, at);
            }
        }
        folded
    }

    /// The folded characters.
    pub fn chars(&self) -> &[char] {
        &self.text
    }

    /// The folded characters that come from the code points `range` of the source, and for each of them its code
    /// point there.
    pub fn within(&self, range: &Range<u32>) -> (&[char], &[u32]) {
        let start = self.at.partition_point(|&at| at < range.start);
        let end = self.at.partition_point(|&at| at < range.end);
        (self.text.get(start..end).unwrap_or_default(), self.at.get(start..end).unwrap_or_default())
    }

    /// Where the folded characters `needle` stand as whole words and whole numbers: ranges of the source's code
    /// points, in order.
    pub fn occurrences<'a>(&'a self, needle: &'a [char]) -> impl Iterator<Item = Range<u32>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let first = needle.first()?;
            loop {
                let start = from + self.text.get(from..)?.iter().position(|found| found == first)?;
                from = start + 1;
                if let Some(end) = self.match_end(start, needle)
                    && self.is_whole(start, end, needle)
                {
                    return Some(*self.at.get(start)?..self.at.get(end - 1)? + 1);
                }
            }
        })
    }

    /// Pushes the space for a run of white space before `next`, unless the run only ends a line within a word or
    /// parts a number from its sign.
    fn push_gap(&mut self, at: u32, is_line_end: bool, is_soft: bool, next: char) {
        let Some(&last) = self.text.last() else { return };
        if is_line_end && last == '-' {
            let before = self.text.iter().rev().nth(1).copied().unwrap_or(' ');
            if before.is_alphabetic() && next.is_alphabetic() {
                self.text.pop();
                self.text.push(LINE_HYPHEN);
                return;
            }
            if before.is_numeric() && next.is_numeric() {
                return;
            }
        }
        let is_joined = is_line_end && is_soft || last.is_ascii_digit() && matches!(next, '%' | '‰' | '°');
        if !is_joined {
            self.push(' ', at);
        }
    }

    fn push_folded(&mut self, found: char, at: u32) {
        if found.is_ascii() {
            return self.push(found.to_ascii_lowercase(), at);
        }
        if let Some(letters) = letters(found) {
            return letters.chars().for_each(|letter| self.push(letter, at));
        }
        decompose_canonical(found, |part| {
            part.to_lowercase().for_each(|lower| self.push(if lower == 'ς' { 'σ' } else { lower }, at));
        });
    }

    fn push(&mut self, folded: char, at: u32) {
        self.text.push(folded);
        self.at.push(at);
    }

    /// One past the match of `needle` that begins at `start`.
    fn match_end(&self, start: usize, needle: &[char]) -> Option<usize> {
        let (mut at, mut used) = (start, 0);
        while let Some(&wanted) = needle.get(used) {
            let found = *self.text.get(at)?;
            if found == wanted {
                (at, used) = (at + 1, used + 1);
            } else if found == LINE_HYPHEN {
                at += 1;
                // The hyphen itself, perhaps with the line's end written as a space.
                if wanted == '-' {
                    used += 1 + usize::from(needle.get(used + 1) == Some(&' '));
                }
            } else if wanted == LINE_HYPHEN {
                (at, used) = (at + usize::from(found == '-'), used + 1);
            } else {
                return None;
            }
        }
        Some(at)
    }

    /// Is the match `start..end` cut at the edges of words and numbers, and not within one source character?
    fn is_whole(&self, start: usize, end: usize, needle: &[char]) -> bool {
        let char_at = |index: usize| self.text.get(index).copied();
        let before = |steps: usize| start.checked_sub(steps).and_then(char_at);
        if start > 0 && self.at.get(start - 1) == self.at.get(start)
            || end > 0 && self.at.get(end - 1) == self.at.get(end)
        {
            return false;
        }
        let (Some(&first), Some(last)) = (needle.first(), char_at(end - 1)) else { return false };
        begins_whole(before(2), before(1), first, needle.get(1).copied())
            && ends_whole(last, char_at(end), char_at(end + 1))
    }
}

/// Can a word or number begin with `first`, where `earlier` and `before` stand before it?
fn begins_whole(earlier: Option<char>, before: Option<char>, first: char, second: Option<char>) -> bool {
    let Some(before) = before else { return true };
    let earlier = earlier.unwrap_or(' ');
    if is_one_word(before, first) {
        return false;
    }
    if first == '-' && second.is_some_and(char::is_numeric) {
        return !is_word(before);
    }
    if !first.is_numeric() {
        return true;
    }
    match before {
        // `5` is not a number of `2.5`, `1,5`, `1/5` or `.5`, but one of `No.5`.
        '.' | ',' | '/' => !earlier.is_numeric() && (before != '.' || earlier.is_alphabetic()),
        // Nor one of `-5`, but the second of `2-5`.
        '-' => is_word(earlier) || matches!(earlier, ')' | ']' | '%'),
        '^' => false,
        _ => true,
    }
}

/// Can a word or number end with `last`, where `after` and `later` stand after it?
fn ends_whole(last: char, after: Option<char>, later: Option<char>) -> bool {
    let Some(after) = after else { return true };
    if is_one_word(last, after) {
        return false;
    }
    match after {
        '.' | ',' | '/' if last.is_numeric() => !later.is_some_and(char::is_numeric),
        '^' => !last.is_numeric(),
        _ => true,
    }
}

/// Do the neighbours belong to one word?
fn is_one_word(left: char, right: char) -> bool {
    is_combining_mark(right)
        || is_word(left) && is_word(right) && !has_no_spaces(left) && !has_no_spaces(right)
}

/// Whether the character is part of a word or a number, rather than between them.
pub fn is_word(found: char) -> bool {
    found.is_alphanumeric() || found == '_' || (!found.is_ascii() && is_combining_mark(found))
}

/// Whether the character belongs to a script that puts no spaces between words, so that each counts as a word.
pub fn has_no_spaces(found: char) -> bool {
    matches!(found,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Characters that are not seen: soft hyphens (also as PDF readers write them), joiners and selectors.
fn is_ignored(found: char) -> bool {
    is_hidden(found)
        || matches!(found, '\u{0}' | '\u{2}' | '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// What a character is written with on a keyboard. Superscript digits are not here: 10² is not 102.
fn letters(found: char) -> Option<&'static str> {
    Some(match found {
        '‘' | '’' | '‚' | '‛' | '′' | 'ʹ' | 'ʼ' | '´' | '＇' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' | '〝' | '〞' | '＂' => "\"",
        // The prompt writes these for brackets that look like its own boundaries.
        '‹' | '＜' | '﹤' | '\u{2329}' | '⟨' | '〈' | '⟪' | '❬' | '❮' | '❰' | '⧼' | '⦑' | '⦓' | '˂' | 'ᐸ'
        | '≺' | '≪' | '⋖' | '𝈶' => "<",
        '›' | '＞' => ">",
        '［' => "[",
        '］' => "]",
        '＆' => "&",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹘' | '﹣' | '－' => "-",
        '…' => "...",
        '⁄' | '∕' | '／' => "/",
        '％' => "%",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ĳ' | 'Ĳ' => "ij",
        'µ' => "μ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::new(text).chars().iter().collect()
    }

    fn found<'a>(text: &'a str, quote: &str) -> Vec<&'a str> {
        let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let slice = |range: Range<u32>| &text[bytes[range.start as usize]..bytes[range.end as usize]];
        Folded::new(text).occurrences(Folded::new(quote).chars()).map(slice).collect()
    }

    #[test]
    fn what_looks_the_same_folds_the_same() {
        for (text, expected) in [
            ("  The \n MAXIMUM\u{a0}\tis  ", "the maximum is"),
            ("eﬃcient ﬂow oﬀ", "efficient flow off"),
            ("“it’s” – 5 − 3", "\"it's\" - 5 - 3"),
            ("hard\u{ad}ness zero\u{200b}width", "hardness zerowidth"),
            ("hard\u{ad}\nness", "hardness"),
            ("5 % of 20 °C", "5% of 20°c"),
            ("Stra\u{df}e Ωμ µm", "strasse ωμ μm"),
            ("10² and …", "10² and ..."),
            ("", ""),
            (" \n ", ""),
        ] {
            assert_eq!(folded(text), expected);
        }
        assert_eq!(folded("café Å"), folded("cafe\u{301} \u{212b}"));
    }

    #[test]
    fn words_are_found_where_they_stand() {
        for (text, quote, expected) in [
            ("the\nMaximum  value", "maximum value", "Maximum  value"),
            ("an eﬃcient way", "Efficient Way", "eﬃcient way"),
            ("the hard-\nness of", "hardness of", "hard-\nness of"),
            ("a well-\nknown rule", "well-known rule", "well-\nknown rule"),
            ("a well-\nknown rule", "well- known rule", "well-\nknown rule"),
            ("a well-known rule", "well-\nknown rule", "well-known rule"),
            ("from 22-\n25 HRC", "22–25 hrc", "22-\n25 HRC"),
            ("see No.5 here", "5 here", "5 here"),
            ("from 22-25 HRC", "25 HRC", "25 HRC"),
            ("is 22 HRC.", "22 HRC", "22 HRC"),
            ("最大硬度は22です", "硬度は22で", "硬度は22で"),
            ("an <end of", "‹end of", "<end of"),
        ] {
            assert_eq!(found(text, quote), [expected]);
        }
        assert_eq!(found("a b a b", "A b").len(), 2);
    }

    #[test]
    fn parts_of_words_and_numbers_are_not_found() {
        for (text, quote) in [
            ("22 HRC", "22 HR"),
            ("22 HRC", "2 HRC"),
            ("is 22.5 mm", "is 22"),
            ("is 22.5 mm", "5 mm"),
            ("is .5 mm", "5 mm"),
            ("is 1,000 mm", "is 1"),
            ("at -5 °C", "5 °C"),
            ("at –5 °C", "5 °C"),
            ("of 2-5 °C", "-5 °C"),
            ("of 3/4 in", "4 in"),
            ("10^6 psi", "6 psi"),
            ("is 10² psi", "is 10"),
            ("is 10² psi", "is 102 psi"),
            ("cafe\u{301} bar", "the cafe"),
            ("the cafe\u{301} bar", "the cafe"),
            ("the ﬁx is", "ix is"),
            ("the … end", ". end"),
            ("22 25", "2225"),
            ("anything", ""),
        ] {
            assert!(found(text, quote).is_empty(), "{quote:?} in {text:?}");
        }
    }
}
