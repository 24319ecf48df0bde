//! Raw glyphs → the text that is stored and cited. Pure, and glyph by glyph, so that every character keeps
//! its box.

use std::collections::HashSet;
use std::iter::once;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{Glyph, LINE_END_HYPHEN, Layout, Page, RawPage, Word, union};

const SOFT_HYPHEN: char = '\u{ad}';
const REPLACEMENT: char = '\u{fffd}';

/// The page as it is stored; `page` counts from 1.
pub(super) fn page(page: u32, raw: &RawPage) -> Page {
    let glyphs = composed(&spaced(&joined(&cleaned(&raw.glyphs))));
    let text = glyphs.iter().map(|glyph| glyph.character).collect();
    let layout = raw.size.map(|[width, height]| Layout {
        width: one_decimal(width),
        height: one_decimal(height),
        words: words(&glyphs),
    });
    Page { page, text, hidden: raw.hidden, layout }
}

/// Whether there is anything to search for: a page of rules, bullets and unknown glyphs needs OCR as much as
/// a scan.
pub(super) fn has_text(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Each glyph alone: line ends unified, ligatures expanded, all spaces one space, what is not text removed.
fn cleaned(glyphs: &[Glyph]) -> Vec<Glyph> {
    let mut clean: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    for (index, glyph) in glyphs.iter().enumerate() {
        let mut push = |character| clean.push(Glyph { character, ..*glyph });
        match glyph.character {
            '\r' if glyphs.get(index + 1).is_some_and(|next| next.character == '\n') => {}
            '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => push('\n'),
            LINE_END_HYPHEN | SOFT_HYPHEN => push(glyph.character),
            c if c.is_whitespace() => push(' '),
            c if c.is_control() || is_invisible(c) => {}
            '\u{fb00}'..='\u{fb06}' => ligature(glyph.character).chars().for_each(push),
            // Symbol fonts put their bullets here; they begin list items, which is worth keeping.
            '\u{f0b7}' | '\u{f0a7}' | '\u{f0d8}' => push('•'),
            c if is_private(c) || c == REPLACEMENT => {
                // One mark says that something unreadable stood here; a run of them says no more.
                if clean.last().is_none_or(|last| last.character != REPLACEMENT) {
                    clean.push(Glyph { character: REPLACEMENT, ..*glyph });
                }
            }
            c => push(c),
        }
    }
    clean
}

/// Characters that carry no text: marks of direction, joiners without shape, tags and noncharacters. They
/// would split words for the search, and can hide text from a reader that a model still sees.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

fn ligature(c: char) -> &'static str {
    match c {
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        _ => "st",
    }
}

/// Words broken at line ends made whole; the line end moves behind the word. Soft hyphens elsewhere are
/// dropped.
fn joined(glyphs: &[Glyph]) -> Vec<Glyph> {
    let mut whole: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut compounds = None;
    let mut owes_line_end = false;
    let mut index = 0;
    while let Some(&glyph) = glyphs.get(index) {
        index += 1;
        if !matches!(glyph.character, '-' | '\u{2010}' | SOFT_HYPHEN | LINE_END_HYPHEN) {
            if owes_line_end && glyph.character.is_whitespace() {
                owes_line_end = false;
                whole.push(Glyph::new('\n', None));
            }
            whole.push(glyph);
            continue;
        }
        let marked = glyph.character == LINE_END_HYPHEN;
        let soft = glyph.character == SOFT_HYPHEN;
        let hyphen = Glyph { character: if marked || soft { '-' } else { glyph.character }, ..glyph };
        let gap = glyphs.iter().skip(index).take_while(|next| next.character.is_whitespace());
        let (gap_length, lines) =
            gap.fold((0, 0), |(n, lines), next| (n + 1, lines + usize::from(next.character == '\n')));
        if lines == 0 && !marked {
            if !soft {
                whole.push(hyphen);
            }
            continue;
        }
        let next = glyphs.get(index + gap_length);
        let breaks_word = lines <= 1
            && whole.last().is_some_and(|last| last.character.is_alphabetic())
            && next.is_some_and(|next| next.character.is_alphanumeric());
        let (true, Some(&next)) = (breaks_word, next) else {
            whole.push(hyphen);
            continue;
        };
        let keeps_hyphen = !soft && {
            let compounds = compounds.get_or_insert_with(|| compounds_within_lines(glyphs));
            is_compound(&whole, &glyphs[index + gap_length..], compounds)
        };
        if keeps_hyphen {
            whole.push(hyphen);
        }
        whole.push(Glyph { begins_line: true, ..next });
        owes_line_end = true;
        index += gap_length + 1;
    }
    whole
}

/// Whether the hyphen between these belongs to the word: "X-ray", "COVID-19", "state-of-the-art", or a
/// compound that the same page writes with its hyphen in the middle of a line.
fn is_compound(before: &[Glyph], after: &[Glyph], compounds: &HashSet<String>) -> bool {
    if after.first().is_some_and(|next| !next.character.is_alphabetic() || next.character.is_uppercase()) {
        return true;
    }
    let in_word = |glyph: &&Glyph| glyph.character.is_alphanumeric() || glyph.character == '-';
    let mut word: Vec<char> = before.iter().rev().take_while(in_word).map(|glyph| glyph.character).collect();
    // No rule of hyphenation leaves a single letter behind.
    if word.len() == 1 || word.contains(&'-') {
        return true;
    }
    word.reverse();
    word.push('-');
    word.extend(after.iter().take_while(in_word).map(|glyph| glyph.character));
    compounds.contains(&word.iter().collect::<String>().to_lowercase())
}

fn compounds_within_lines(glyphs: &[Glyph]) -> HashSet<String> {
    glyphs
        .split(|glyph| !(glyph.character.is_alphanumeric() || glyph.character == '-'))
        .map(|word| word.iter().map(|glyph| glyph.character).collect::<String>().to_lowercase())
        .filter(|word| word.contains('-') && !word.ends_with('-'))
        .collect()
}

/// Single spaces, none at either end of a line, at most one blank line, none at either end of the page.
fn spaced(glyphs: &[Glyph]) -> Vec<Glyph> {
    let mut tidy: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    for &glyph in glyphs {
        let last = tidy.last().map(|last| last.character);
        match glyph.character {
            ' ' if matches!(last, None | Some(' ' | '\n')) => {}
            '\n' => {
                tidy.pop_if(|last| last.character == ' ');
                let blank = tidy.iter().rev().take(2).filter(|last| last.character == '\n').count();
                if !tidy.is_empty() && blank < 2 {
                    tidy.push(glyph);
                }
            }
            _ => tidy.push(glyph),
        }
    }
    while tidy.pop_if(|last| last.character.is_whitespace()).is_some() {}
    tidy
}

/// NFC. Where composition changes the number of characters, all that came of a cluster share its box.
fn composed(glyphs: &[Glyph]) -> Vec<Glyph> {
    if is_nfc_quick(glyphs.iter().map(|glyph| glyph.character)) == IsNormalized::Yes {
        return glyphs.to_vec();
    }
    let mut text = Vec::with_capacity(glyphs.len());
    let mut rest = glyphs;
    while let Some(first) = rest.first() {
        let length = 1 + rest.iter().skip(1).take_while(|next| !begins_cluster(next.character)).count();
        let (cluster, after) = rest.split_at(length);
        rest = after;
        let characters: Vec<char> = cluster.iter().map(|glyph| glyph.character).nfc().collect();
        let shared = cluster.iter().fold(None, |area, glyph| union(area, glyph.area));
        let same = characters.len() == cluster.len();
        text.extend(characters.into_iter().enumerate().map(|(index, character)| Glyph {
            character,
            area: if same { cluster[index].area } else { shared },
            begins_line: index == 0 && first.begins_line,
        }));
    }
    text
}

/// Whether nothing before this character can change in NFC because of it, nor it because of what stands
/// before.
fn begins_cluster(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_nfc_quick(once(c)) == IsNormalized::Yes
}

/// Runs of visible characters on one line that have a box.
fn words(glyphs: &[Glyph]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = 0;
    while start < glyphs.len() {
        if glyphs[start].character.is_whitespace() {
            start += 1;
            continue;
        }
        let within = |glyph: &&Glyph| !glyph.character.is_whitespace() && !glyph.begins_line;
        let end = start + 1 + glyphs.iter().skip(start + 1).take_while(within).count();
        let area = glyphs[start..end].iter().fold(None, |area, glyph| union(area, glyph.area));
        if let (Some(area), Ok(first), Ok(last)) = (area, u32::try_from(start), u32::try_from(end)) {
            words.push(Word { start: first, end: last, r#box: area.map(one_decimal) });
        }
        start = end;
    }
    words
}

fn one_decimal(points: f32) -> f32 {
    (points * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each character in a box of its own, one point wide, its line number as its height on the page.
    #[expect(clippy::cast_precision_loss, reason = "no test has many characters")]
    fn raw(text: &str) -> RawPage {
        let mut line = 0.0;
        let glyphs = text.chars().enumerate().map(|(index, character)| {
            line += f32::from(u8::from(character == '\n' || character == LINE_END_HYPHEN));
            let left = index as f32;
            Glyph::new(character, Some([left, line, left + 1.0, line + 1.0]))
        });
        RawPage { size: Some([612.0, 792.0]), glyphs: glyphs.collect(), hidden: 0 }
    }

    fn text(raw_text: &str) -> String {
        page(1, &raw(raw_text)).text
    }

    #[test]
    fn control_characters_and_hidden_ones_go() {
        assert_eq!(text("a\0b\u{7}c\u{200b}d\u{feff}e\u{202e}f\u{e0041}g\u{ffff}h"), "abcdefgh");
    }

    #[test]
    fn line_ends_and_spaces_are_unified() {
        assert_eq!(text(" \r\n a\u{a0}\u{2003}\t b  \r\nc\rd\u{2028}e\n\n\n\n f \n "), "a b\nc\nd\ne\n\nf");
    }

    #[test]
    fn ligatures_are_spelt_out() {
        assert_eq!(
            text("o\u{fb03}ce \u{fb00}\u{fb01}\u{fb02}\u{fb04}\u{fb05}\u{fb06}"),
            "office fffiflfflstst"
        );
    }

    #[test]
    fn unknown_glyphs_leave_one_mark() {
        assert_eq!(text("a\u{e000}\u{f8ff}\u{fffd}b \u{f0b7} item"), "a\u{fffd}b • item");
        assert!(!has_text("• \u{fffd}\n–") && has_text("7"));
    }

    #[test]
    fn words_broken_at_line_ends_are_joined() {
        assert_eq!(text("the hard-\nness of it"), "the hardness\nof it");
        assert_eq!(text("the hard\u{2}ness of it"), "the hardness\nof it");
        assert_eq!(text("the hard\u{ad} \n ness"), "the hardness");
        assert_eq!(text("hard\u{ad}ness"), "hardness");
        assert_eq!(text("con-\ncate-\nnate x"), "concatenate\nx");
    }

    #[test]
    fn hyphens_that_belong_to_the_word_stay() {
        assert_eq!(text("an X-\nray"), "an X-ray");
        assert_eq!(text("COVID\u{2}19"), "COVID-19");
        assert_eq!(text("Anglo-\nSaxon"), "Anglo-Saxon");
        assert_eq!(text("state-of-the-\nart"), "state-of-the-art");
        assert_eq!(text("Well-known. A well-\nknown one"), "Well-known. A well-known\none");
    }

    #[test]
    fn other_dashes_at_line_ends_stay_where_they_are() {
        assert_eq!(text("2-\n3"), "2-\n3");
        assert_eq!(text("this -\nthat"), "this -\nthat");
        assert_eq!(text("end-\n\nnext"), "end-\n\nnext");
        assert_eq!(text("end-"), "end-");
        assert_eq!(text("end\u{2}"), "end-");
    }

    #[test]
    fn offsets_and_boxes_follow_the_final_text() {
        let page = page(1, &raw("e\u{301}t\u{fb01}  hard-\nness"));
        assert_eq!(page.text, "étfi hardness");
        let words = page.layout.unwrap().words;
        let boxes: Vec<_> = words.iter().map(|word| (word.start, word.end, word.r#box)).collect();
        assert_eq!(
            boxes,
            [(0, 4, [0.0, 0.0, 4.0, 1.0]), (5, 9, [6.0, 0.0, 10.0, 1.0]), (9, 13, [12.0, 1.0, 16.0, 2.0])]
        );
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(text("A\u{30a}ngstro\u{308}m \u{212b} \u{1100}\u{1161}"), "Ångström Å 가");
        let marks: String = once('a').chain(std::iter::repeat_n('\u{301}', 100_000)).collect();
        assert_eq!(text(&marks).chars().count(), 100_000);
    }

    #[test]
    fn normalising_twice_is_like_once() {
        for sample in [
            "a-\nb c",
            "x \u{ad}\n y",
            "state-of-\nthe-\nart",
            "\u{fb01}\u{301}",
            "a\r\r\r\rb",
            "o\u{2}- \u{2}p",
        ] {
            let once = text(sample);
            assert_eq!(text(&once), once, "{sample:?}");
        }
    }
}
