//! Cuts text as it comes from PDF pages into sentences. Headings, table rows and list items end at their line's end,
//! prose at its full stops. Rules only, no model: the same text always gives the same cuts.

use super::{
    lines::{Shape, leads_on, shape},
    passage::SEAM,
    word_lists::{NEVER_END, NUMBERED, SELDOM_END, STARTERS, contains},
};

/// One sentence, heading, table row or list item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sentence {
    /// First byte in the text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// The sentences of `text` in order: they do not overlap, neither begin nor end with white space, and between them
/// they hold every character that is not white space. Takes linear time and accepts any text.
pub fn sentences(text: &str) -> Vec<Sentence> {
    let lines = lines(text);
    let mut found = Vec::new();
    let mut start = None;
    for (index, line) in lines.iter().enumerate() {
        let block_start = *start.get_or_insert(line.start);
        let goes_on = lines.get(index + 1).is_some_and(|next| !breaks(line, next, width(&lines, index)));
        if !goes_on {
            split(text, block_start, line.end, &mut found);
            start = None;
        }
    }
    found
}

/// Where a sentence of prose that is still being written ends.
pub(super) enum Ending {
    /// Before this byte, where the next one begins.
    At(usize),
    /// Not yet as far as it is known; what comes next need only be looked at from this byte on.
    NotBefore(usize),
}

/// The end of the sentence that `text` begins with: at a full stop by the rules of `sentences`, at a line's end unless
/// the next line goes on in small letters, always at a blank line. From byte `from` on, before which there is none.
pub(super) fn prose_end(text: &str, from: usize, is_whole: bool) -> Ending {
    let end = text.len();
    let mut at = from;
    while let Some(offset) = slice(text, at, end).find(|found| found == '\n' || is_terminal(found)) {
        let stop = at + offset;
        let after = end
            - slice(text, stop, end).trim_start_matches(|next| is_terminal(next) || is_closing(next)).len();
        let tail = slice(text, after, end);
        let next = tail.trim_start();
        let Some(first) = next.chars().next() else { return Ending::NotBefore(stop) };
        let gap = slice(text, after, end - next.len());
        if gap.contains('\n') {
            let has_text = slice(text, 0, after).contains(|found: char| !found.is_whitespace());
            if has_text && (!first.is_lowercase() || gap.matches('\n').nth(1).is_some()) {
                return Ending::At(end - next.len());
            }
            at = end - next.len();
            continue;
        }
        let opened = next.trim_start_matches(is_opening);
        let is_known = is_whole || opened.contains(|found: char| !found.is_alphanumeric());
        let is_certain = gap.is_empty() || slice(text, stop, after).starts_with(['。', '！', '？']);
        if !is_known && !is_certain {
            return Ending::NotBefore(stop);
        }
        if ends_sentence(text, 0, stop, after, end) {
            return Ending::At(end - next.len());
        }
        at = after;
    }
    Ending::NotBefore(end)
}

/// One line, trimmed, with what must be known of it to decide whether its neighbour continues it.
struct Line<'a> {
    start: usize,
    end: usize,
    text: &'a str,
    shape: Shape,
    chars: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut found = Vec::new();
    for whole in text.split(['\n', SEAM]) {
        let trimmed = whole.trim_start();
        let line_start = start + (whole.len() - trimmed.len());
        let line = trimmed.trim_end();
        let end = line_start + line.len();
        found.push(Line {
            start: line_start,
            end,
            text: line,
            shape: shape(line),
            chars: line.chars().count(),
        });
        start += whole.len() + 1;
    }
    found
}

/// How many characters the column of text around the line holds: the longest of eleven lines, without those that are
/// far longer than most, since a word joined over a line end leaves a line of double length. Columns differ between
/// pages, so that only near lines count.
fn width(lines: &[Line<'_>], index: usize) -> usize {
    let near = lines.get(index.saturating_sub(5)..lines.len().min(index + 6)).unwrap_or_default();
    let mut chars = [0; 11];
    for (slot, line) in chars.iter_mut().zip(near) {
        *slot = line.chars;
    }
    chars.sort_unstable();
    // The unused slots sort first.
    let usual = chars.get(chars.len() - 1 - near.len() / 4).copied().unwrap_or_default();
    chars.into_iter().rev().find(|&count| count * 5 <= usual * 7).unwrap_or(usual)
}

/// Does `next` begin something new?
fn breaks(line: &Line<'_>, next: &Line<'_>, width: usize) -> bool {
    if matches!(line.shape, Shape::Blank | Shape::Contents | Shape::Row)
        || matches!(next.shape, Shape::Blank | Shape::Contents | Shape::Row | Shape::Item)
    {
        return true;
    }
    if leads_on(line.text) {
        return false;
    }
    let begins_anew =
        next.text.trim_start_matches(is_opening).starts_with(|first: char| !first.is_lowercase());
    let is_ended = line.text.ends_with(['.', '!', '?', ':', ';']);
    // The next line's first word would have fitted: the line was ended on purpose.
    let first_word = next.text.split_whitespace().next().map_or(0, |word| word.chars().count());
    let is_short = width.max(line.chars) < 30 || (line.chars + 1 + first_word) * 5 <= width * 4;
    if begins_anew && (line.shape == Shape::Heading || next.shape == Shape::Clause) {
        return true;
    }
    if matches!(next.shape, Shape::Heading | Shape::Clause | Shape::Numbered) {
        return is_ended || is_short;
    }
    // At a full stop the rules for prose decide, which know abbreviations.
    begins_anew && is_short && !line.text.ends_with(['.', '!', '?', ';'])
}

/// Cuts one block of prose, `text[start..end]`, at its sentence ends.
fn split(text: &str, start: usize, end: usize, found: &mut Vec<Sentence>) {
    let (mut from, mut at) = (start, start);
    while let Some(offset) = slice(text, at, end).find(is_terminal) {
        let stop = at + offset;
        let rest = slice(text, stop, end);
        let after = end - rest.trim_start_matches(|next| is_terminal(next) || is_closing(next)).len();
        if ends_sentence(text, from, stop, after, end) {
            push(text, from, after, found);
            from = after;
        }
        at = after;
    }
    push(text, from, end, found);
}

fn push(text: &str, start: usize, end: usize, found: &mut Vec<Sentence>) {
    let whole = slice(text, start, end);
    let trimmed = whole.trim_start();
    let start = start + (whole.len() - trimmed.len());
    let end = start + trimmed.trim_end().len();
    if start < end {
        found.push(Sentence { start, end });
    }
}

/// Does the sentence that began at `from` end with the stop at `stop`? `after` is past its closing marks.
fn ends_sentence(text: &str, from: usize, stop: usize, after: usize, end: usize) -> bool {
    let marks = slice(text, stop, after);
    if marks.starts_with(['。', '！', '？']) {
        return true;
    }
    let tail = slice(text, after, end);
    let next = tail.trim_start();
    if next.is_empty() {
        return true;
    }
    let opened = next.trim_start_matches(is_opening);
    if next.len() == tail.len() || !opened.starts_with(|first: char| first.is_numeric() || begins(first)) {
        return false;
    }
    marks != "." || !is_abbreviation(slice(text, from, stop), opened)
}

/// Is the full stop after `before`, which reaches back to the sentence's start, part of its last word?
fn is_abbreviation(before: &str, next: &str) -> bool {
    let before = before.trim_start();
    let cut = before.rfind(|found: char| found.is_whitespace() || is_opening(found));
    let word_start = cut
        .map_or(0, |at| at + before.get(at..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8));
    let (earlier, word) = before.split_at_checked(word_start).unwrap_or_default();
    if word.is_empty() {
        return false;
    }
    if earlier.is_empty() && is_enumerator(word) || contains(NEVER_END, word) {
        return true;
    }
    if next.starts_with(char::is_numeric) && contains(NUMBERED, word) {
        return true;
    }
    let next_word = next.split(|found: char| !found.is_alphanumeric()).next().unwrap_or_default();
    if contains(STARTERS, next_word) {
        return false;
    }
    contains(SELDOM_END, word) || is_initials(earlier, word)
}

/// `1`, `7.2.1`, `A1`, `iv` or `b` at the very start of a sentence.
fn is_enumerator(word: &str) -> bool {
    word.len() <= 8
        && (word
            .trim_start_matches(|first: char| first.is_ascii_uppercase())
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
            && word.bytes().filter(u8::is_ascii_uppercase).count() <= 1
            || word.len() <= 4 && word.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x'))
            || word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// `J` in a name or `U.S`, but not the unit in `10 V`.
fn is_initials(earlier: &str, word: &str) -> bool {
    let mut parts = 0_u32;
    for part in word.split('.') {
        let mut letters = part.chars();
        if !letters.next().is_some_and(char::is_alphabetic) || letters.next().is_some() {
            return false;
        }
        parts += 1;
    }
    let follows_number = earlier
        .split_whitespace()
        .next_back()
        .is_some_and(|last| last.ends_with(|found: char| found.is_numeric()));
    parts > 1 || word.starts_with(char::is_uppercase) && !follows_number
}

/// A letter that can begin a sentence: a capital, or one of a script without capitals; or a bullet.
fn begins(first: char) -> bool {
    first.is_alphabetic() && !first.is_lowercase() || matches!(first, '•' | '▪' | '●' | '§')
}

fn is_terminal(found: char) -> bool {
    matches!(found, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}

fn is_closing(found: char) -> bool {
    matches!(found, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '）')
}

fn is_opening(found: char) -> bool {
    matches!(found, '"' | '\'' | '(' | '[' | '“' | '‘' | '«' | '„' | '「' | '（')
}

/// The bytes `start..end`; empty where they are no range of whole characters, which callers never ask for.
fn slice(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|sentence| &text[sentence.start..sentence.end]).collect()
    }

    #[test]
    fn prose_is_cut_at_its_full_stops_across_lines() {
        let text = "The limit is 22 HRC. It applies to all welds that are\nexposed to sour service. \"Why?\" (See below.) End";
        assert_eq!(
            cut(text),
            [
                "The limit is 22 HRC.",
                "It applies to all welds that are\nexposed to sour service.",
                "\"Why?\"",
                "(See below.)",
                "End"
            ]
        );
    }

    #[test]
    fn abbreviations_decimals_and_clauses_do_not_end_a_sentence() {
        for whole in [
            "See Fig. 3 and No. 5, e.g. Type A, i.e. Grade B, in Sec. 4.",
            "The approx. Value in vol. 3 by Smith et al. 1999 is 0.25 mm at 7.2.1 of the code.",
            "J. R. Smith of the U.S. Army wrote it.",
            "1. The pipe is cut.",
            "It weighs approx. 22 kg at min. 3 bar and max. 5 bar.",
            "Use file.txt or v1.2.3 then.",
        ] {
            assert_eq!(cut(whole), [whole]);
        }
    }

    #[test]
    fn an_abbreviation_ends_a_sentence_before_a_usual_first_word() {
        assert_eq!(
            cut("Hardness is 22 HRC max. The rest is free."),
            ["Hardness is 22 HRC max.", "The rest is free."]
        );
        assert_eq!(cut("The answer is no. The end."), ["The answer is no.", "The end."]);
        assert_eq!(
            cut("Apply 10 V. Connect it. At 40 °C. Stop."),
            ["Apply 10 V.", "Connect it.", "At 40 °C.", "Stop."]
        );
        assert_eq!(cut("See clause 7.2. Next one."), ["See clause 7.2.", "Next one."]);
    }

    #[test]
    fn headings_rows_and_items_end_at_their_line() {
        let text = "7.2 Hardness Limits\nThe hardness of every weld shall not exceed the values that are given in\n\
                    Table 3 of this standard.\nTable 3 — Limits\nGrade Max HRC Max HBW\nX65 22 250\nX70 23 260\n\
                    a) first item\nb) second item\nNotes\n\nA new block here";
        assert_eq!(
            cut(text),
            [
                "7.2 Hardness Limits",
                "The hardness of every weld shall not exceed the values that are given in\nTable 3 of this standard.",
                "Table 3 — Limits",
                "Grade Max HRC Max HBW",
                "X65 22 250",
                "X70 23 260",
                "a) first item",
                "b) second item",
                "Notes",
                "A new block here"
            ]
        );
    }

    #[test]
    fn wrapped_numbers_and_names_do_not_break_prose() {
        let text = "The hardness of the base metal as well as of the weld must not exceed\n22 HRC when it is measured by the method of the American Society of\nMechanical Engineers.";
        assert_eq!(cut(text), [text]);
    }

    #[test]
    fn any_text_is_covered_in_order() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |bound: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        };
        let alphabet: Vec<char> =
            "aA1. .\n\n !?)(\"“”•|-–…。é漢İßﬁ\u{0}\u{a0}\u{2028}\t\u{1F600}\u{301}\u{200b}".chars().collect();
        for _ in 0..4000 {
            let text: String = (0..next(120))
                .map(|_| {
                    if next(20) == 0 {
                        char::from_u32(u32::try_from(next(0x11_0000)).unwrap()).unwrap_or('x')
                    } else {
                        alphabet[usize::try_from(next(alphabet.len() as u64)).unwrap()]
                    }
                })
                .collect();
            let mut end = 0;
            for sentence in sentences(&text) {
                assert!(sentence.start >= end && sentence.start < sentence.end, "{text:?}");
                assert!(text[end..sentence.start].trim().is_empty(), "{text:?}");
                let inner = &text[sentence.start..sentence.end];
                assert_eq!(inner, inner.trim());
                end = sentence.end;
            }
            assert!(text[end..].trim().is_empty(), "{text:?}");
        }
    }
}
