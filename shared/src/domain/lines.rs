//! What one line of a page looks like: heading, table row, list item, line of a table of contents, or prose.

use super::word_lists::{HEADING_WORDS, LEADS_ON, UNITS, VERBS, contains};

/// The look of one line, judged without its neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Blank,
    /// A numbered or captioned heading, or one in capitals.
    Heading,
    /// Cells: pipes, tabs, or mostly figures.
    Row,
    /// Begins with a bullet or an enumerator such as `a)`.
    Item,
    /// Begins with a clause number such as `7.2`.
    Clause,
    /// Begins with a number and a full stop, which wrapped prose does by accident too.
    Numbered,
    /// A title, dot leaders and a page number.
    Contents,
    Prose,
}

/// The shape of a line; `line` is trimmed and holds no line feed.
pub(super) fn shape(line: &str) -> Shape {
    let Some(first) = line.chars().next() else { return Shape::Blank };
    if is_contents(line) {
        return Shape::Contents;
    }
    if is_bullet(first) || is_lettered(line) {
        return Shape::Item;
    }
    if is_caption(line) {
        return Shape::Heading;
    }
    if is_row(line) {
        return Shape::Row;
    }
    if is_strict_heading(line) {
        return Shape::Heading;
    }
    numbered(line)
}

/// Does a whole sentence read like a heading? More liberal than [`shape`], since a sentence's ends are known.
pub(super) fn is_heading(sentence: &str) -> bool {
    if sentence.len() > 160 || sentence.contains('\n') {
        return false;
    }
    match shape(sentence) {
        Shape::Heading => true,
        Shape::Prose | Shape::Numbered | Shape::Clause => {
            let words = sentence.split_whitespace().count();
            let letters = sentence.chars().filter(|found| found.is_alphabetic()).count();
            words <= 10
                && letters >= 3
                && sentence.chars().next().is_some_and(|first| first.is_uppercase() || first.is_numeric())
                && !sentence.ends_with(ends_prose)
                && !has_verb(sentence)
        }
        _ => false,
    }
}

/// Is it a line of a table of contents: dot leaders before the page number?
pub(super) fn is_contents(line: &str) -> bool {
    line.contains("....") || line.contains(". . . .") || line.contains("……")
}

/// Does the line's last word ask for another, so that it cannot be the end of anything?
pub(super) fn leads_on(line: &str) -> bool {
    line.ends_with([',', '(', '[', '/', '-', '–', '&'])
        || line.split_whitespace().next_back().is_some_and(|word| contains(LEADS_ON, word))
}

/// Punctuation at which prose stops or pauses, and headings do not.
pub(super) fn ends_prose(last: char) -> bool {
    matches!(last, '.' | ',' | ';' | '!')
}

fn has_verb(text: &str) -> bool {
    text.split_whitespace().any(|word| contains(VERBS, word))
}

fn is_bullet(first: char) -> bool {
    matches!(first, '•' | '‣' | '◦' | '▪' | '▫' | '■' | '□' | '●' | '○' | '∙' | '·' | '➢' | '✓' | '\u{f0b7}')
}

/// `a)`, `(iv)`, `12)`, `- `, `* `, `– `; or a program's option such as `--output`.
fn is_lettered(line: &str) -> bool {
    if line
        .strip_prefix("--")
        .or(line.strip_prefix('-'))
        .is_some_and(|rest| rest.starts_with(char::is_alphabetic))
    {
        return true;
    }
    let Some((label, rest)) = line.split_once(char::is_whitespace) else { return false };
    if rest.is_empty() || label.len() > 6 {
        return false;
    }
    if matches!(label, "-" | "*" | "–" | "—" | "o" | "+") {
        return true;
    }
    let Some(inner) = label.strip_suffix(')') else { return false };
    let inner = inner.strip_prefix('(').unwrap_or(inner);
    (1..=4).contains(&inner.len())
        && (inner.bytes().all(|byte| byte.is_ascii_digit())
            || inner.len() == 1 && inner.bytes().all(|byte| byte.is_ascii_alphabetic())
            || inner.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x' | b'I' | b'V' | b'X')))
}

/// `7.2.1 Text` is a clause, `1. Text` is numbered.
fn numbered(line: &str) -> Shape {
    let Some((label, rest)) = line.split_once(' ') else { return Shape::Prose };
    let word = rest.split_whitespace().next().unwrap_or_default();
    if !label.contains('.') || !is_section_number(label) || contains(UNITS, word) {
        return Shape::Prose;
    }
    let is_clause =
        !label.ends_with('.') && word.starts_with(|first: char| first.is_uppercase() || first == '(');
    if is_clause { Shape::Clause } else { Shape::Numbered }
}

/// Pipes, tabs, or at least two figures that are about half of the words.
fn is_row(line: &str) -> bool {
    if line.contains('\t') || line.starts_with('|') || line.matches(" | ").nth(1).is_some() {
        return true;
    }
    if line.len() > 240 || line.ends_with(ends_prose) {
        return false;
    }
    let (mut words, mut figures, mut run, mut longest_run) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut groups_thousands = false;
    for word in line.split_whitespace() {
        let is_digits = word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
        if groups_thousands && is_digits && word.len() == 3 {
            continue;
        }
        groups_thousands = is_digits;
        let is_dash = matches!(word, "-" | "–" | "—" | "N/A" | "n/a" | "none");
        let is_figure = word.bytes().any(|byte| byte.is_ascii_digit())
            && !word.ends_with([',', '.', ';', ')'])
            && word.starts_with(|first: char| first.is_alphanumeric() || "±+-−<≤≥>~$€".contains(first));
        if is_figure || is_dash {
            words += 1;
            figures += 1;
            run += u32::from(is_figure);
            longest_run = longest_run.max(run);
        } else if !contains(UNITS, word) {
            words += 1;
            run = 0;
        }
    }
    // Prose hardly ever has two figures side by side.
    figures >= 2 && figures * 2 >= words
        || figures >= 3 && figures * 5 >= words * 2
        || longest_run >= 2 && words <= 12
}

/// `7`, `7.2`, `7.2.1.`, `A.1`, `A1.`; at most three digits a level, so that years and amounts are none.
fn is_section_number(label: &str) -> bool {
    label.len() <= 14
        && label.strip_suffix('.').unwrap_or(label).split('.').enumerate().all(|(level, part)| {
            let is_lettered = level == 0 && part.starts_with(|first: char| first.is_ascii_uppercase());
            let digits = if is_lettered { part.get(1..).unwrap_or_default() } else { part };
            digits.len() <= 3
                && (is_lettered || !digits.is_empty())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
        && label.bytes().any(|byte| byte.is_ascii_digit() || byte == b'.')
        && (label.contains('.') || label.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `Annex B`, `Table 3 — Limits`, but not `Table 3 lists`.
fn is_caption(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(word), Some(number), title) = (words.next(), words.next(), words.next()) else { return false };
    let number = number.trim_end_matches([':', '.', '-', '–', '—']);
    word.starts_with(|first: char| first.is_uppercase())
        && contains(HEADING_WORDS, word)
        && (number.bytes().any(|byte| byte.is_ascii_digit()) || number.len() == 1)
        && title
            .is_none_or(|word| !word.starts_with(|first: char| first.is_lowercase() || first.is_numeric()))
        && line.len() <= 120
        && !line.ends_with(ends_prose)
        && !has_verb(line)
}

fn is_strict_heading(line: &str) -> bool {
    if line.len() > 120 || line.ends_with(ends_prose) || line.ends_with(':') {
        return false;
    }
    let mut words = line.split_whitespace();
    let Some(label) = words.next() else { return false };
    let Some(next) = words.next() else { return is_capitals(line) };
    let count = words.count() + 2;
    if count > 14 || has_verb(line) {
        return false;
    }
    if is_section_number(label) {
        let is_titled = next.starts_with(|first: char| first.is_uppercase() || first == '(');
        let is_dotted = label.contains('.');
        // "22 HRC" and "7.2 MPa" begin wrapped lines of prose; "7 Hardness" and "7 SCOPE" are headings.
        let is_word = next.len() >= 4 || next.chars().nth(1).is_some_and(char::is_lowercase);
        return is_titled && !contains(UNITS, next) && (is_dotted || is_word);
    }
    is_capitals(line)
}

/// All letters are capitals and one word has at least four of them.
fn is_capitals(line: &str) -> bool {
    let mut run = 0_u32;
    let mut longest = 0_u32;
    for found in line.chars() {
        if found.is_lowercase() || found.is_ascii_digit() {
            return false;
        }
        run = if found.is_uppercase() { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_apart() {
        for (line, expected) in [
            ("", Shape::Blank),
            ("7.2 Hardness Limits", Shape::Heading),
            ("7 Hardness", Shape::Heading),
            ("A.1 General", Shape::Heading),
            ("Annex B", Shape::Heading),
            ("Table 3 — Limits of hardness", Shape::Heading),
            ("SCOPE AND PURPOSE", Shape::Heading),
            ("22 HRC maximum when tested", Shape::Prose),
            ("7.2 MPa at the inlet", Shape::Prose),
            ("7.2 The pipe shall be made of steel that", Shape::Clause),
            ("Table 3 lists the limits of", Shape::Prose),
            ("X65 450 535 22", Shape::Row),
            ("Carbon steel 22 HRC 250 HBW", Shape::Row),
            ("| a | b |", Shape::Row),
            ("Butt welds, radiographic or ultrasonic 10 % 25 % 100 %", Shape::Row),
            ("Hardness of base metal 5 8 200 pieces", Shape::Row),
            ("water must not contain more chloride than 50 000 mg/L", Shape::Prose),
            ("A1. Test Method", Shape::Heading),
            ("--output=FILE output file", Shape::Item),
            ("a) first", Shape::Item),
            ("(iv) fourth", Shape::Item),
            ("• bullet", Shape::Item),
            ("- dash", Shape::Item),
            ("1. The pipe is cut.", Shape::Numbered),
            ("A1.2 Specimens. Each is", Shape::Clause),
            ("different days, increased by 10 %.1", Shape::Prose),
            ("4.1 Scope ........ 12", Shape::Contents),
            ("The limit is 22 and it applies to", Shape::Prose),
        ] {
            assert_eq!(shape(line), expected, "{line}");
        }
    }

    #[test]
    fn a_short_title_reads_like_a_heading_and_a_sentence_does_not() {
        assert!(is_heading("Installing the library"));
        assert!(!is_heading("The limit is 22 HRC."));
        assert!(!is_heading("Then it is cut"));
    }
}
