//! That the patterns of the document say what the rules say.

use std::iter::repeat_n;

use regex::Regex;
use utoipa::PartialSchema;

use crate::{
    domain::{
        described::{Day, FILENAME_CHARACTERS_MAX, Filename, Message, TITLE_CHARACTERS_MAX, Title},
        question::{CHARACTERS_MAX, Question, parse_date},
    },
    http::schema::line,
};

fn pattern<T: PartialSchema>() -> Regex {
    let schema = serde_json::to_value(T::schema()).unwrap();
    Regex::new(schema["pattern"].as_str().unwrap()).unwrap()
}

/// Texts that tell a rule from one that is almost the same: every character of the first plane but for ideographs, in
/// the middle and at the ends, and every length around a bound, bare and between white space.
fn texts(max: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for character in (0..0x4000).chain(0xd000..0x1_0010).filter_map(char::from_u32) {
        texts.extend([
            format!("{character}"),
            format!("a{character}"),
            format!("{character}a"),
            format!("a{character}a"),
        ]);
    }
    for length in [0, 1, 2, 3, max - 1, max, max + 1, max + 2] {
        for character in ['a', '\u{1f600}', ' '] {
            let text: String = repeat_n(character, length).collect();
            texts.extend([format!(" {text}\u{3000}"), format!("\n{text}\t"), format!("a{text}"), text]);
        }
    }
    texts
}

#[test]
fn messages_are_described_as_they_are_checked() {
    let pattern = pattern::<Message>();
    for text in texts(CHARACTERS_MAX) {
        assert_eq!(pattern.is_match(&text), Question::parse(&text, false).is_ok(), "{text:?}");
    }
}

#[test]
fn lines_are_described_as_they_are_checked() {
    for (pattern, max) in
        [(pattern::<Filename>(), FILENAME_CHARACTERS_MAX), (pattern::<Title>(), TITLE_CHARACTERS_MAX)]
    {
        let rule = line(1, max);
        for text in texts(max) {
            let kept = zod_rs::Schema::validate(&rule, &text.clone().into()).is_ok();
            assert_eq!(pattern.is_match(&text), kept, "{text:?}");
        }
    }
}

#[test]
fn the_year_of_a_day_is_described_as_it_is_checked() {
    let schema = serde_json::to_value(Day::schema()).unwrap();
    let pattern = Regex::new(schema["anyOf"][0]["pattern"].as_str().unwrap()).unwrap();
    assert_eq!(schema["anyOf"][0]["pattern"], schema["anyOf"][1]["pattern"]);
    for year in 0..=9_999 {
        for rest in ["-01-02", "-01-02T03:04:05Z"] {
            let text = format!("{year:04}{rest}");
            assert_eq!(pattern.is_match(&text), parse_date(&text).is_some(), "{text}");
        }
    }
}
