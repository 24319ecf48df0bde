//! A question and what narrows its search.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{described, ids::DocumentId};

/// The most characters that a question may have after trimming.
pub const CHARACTERS_MAX: usize = 2_000;
/// The most under `STRICT_QUERY=true`.
pub const STRICT_CHARACTERS_MAX: usize = 1_000;

/// A question: trimmed, 1 to 2,000 characters, no control characters but line breaks and tabs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question(String);

impl Question {
    /// The question, or what is wrong with it: a code of Zod's and a sentence. `strict` allows at most 1,000 characters
    /// and only letters, digits, white space and `-_,.?`.
    pub fn parse(text: &str, strict: bool) -> Result<Self, (&'static str, String)> {
        let text = text.trim();
        let characters_max = if strict { STRICT_CHARACTERS_MAX } else { CHARACTERS_MAX };
        if text.is_empty() {
            return Err(("too_small", "Query cannot be empty".to_owned()));
        }
        if text.chars().count() > characters_max {
            return Err(("too_big", format!("Query too long (max {characters_max} chars)")));
        }
        let control = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        let plain = |character: char| {
            character.is_ascii_alphanumeric() || character.is_whitespace() || "-_,.?".contains(character)
        };
        if text.chars().any(control) || (strict && !text.chars().all(plain)) {
            return Err(("invalid_format", "Invalid characters in query".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The question's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A body that publishes standards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Standard {
    Astm,
    Nace,
    Api,
    Asme,
}

impl Standard {
    /// All of them, as they are written.
    pub const NAMES: [&'static str; 4] = ["ASTM", "NACE", "API", "ASME"];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Astm => "ASTM",
            Self::Nace => "NACE",
            Self::Api => "API",
            Self::Asme => "ASME",
        }
    }
}

/// What a search is limited to. All that is set applies.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// Documents of this body only.
    pub standard: Option<Standard>,
    /// Documents that came into effect on this day (UTC) or later.
    #[serde(default, alias = "dateFrom", deserialize_with = "date_of")]
    #[schema(value_type = Option<described::Day>)]
    pub date_from: Option<Date>,
    /// These documents only.
    #[schema(max_items = 100)]
    pub document_ids: Option<Vec<DocumentId>>,
}

impl Filters {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn date_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_date(&text).ok_or_else(|| serde::de::Error::custom("Invalid ISO datetime")))
        .transpose()
}

/// The day (UTC) of an RFC 3339 date-time, or of a bare ISO 8601 date; from the year 1 to 9999, which Postgres can keep: a
/// time whose day in UTC is before or after them counts as the first or the last of them.
pub fn parse_date(text: &str) -> Option<Date> {
    let (day, time) = text.split_at_checked(10)?;
    // jiff reads more spellings than RFC 3339 has.
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let [year, month, of_month] = <[&str; 3]>::try_from(day.split('-').collect::<Vec<_>>()).ok()?;
    let spelt = [year, month, of_month].map(str::len) == [4, 2, 2];
    let spelt = spelt && [year, month, of_month].into_iter().all(digits);
    let day = day.parse().ok().filter(|day: &Date| spelt && day.year() > 0)?;
    if time.is_empty() {
        return Some(day);
    }
    let time = time.strip_prefix(['T', 't'])?;
    let (time, ahead) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => offset(time)?,
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (clock, seconds) = clock.rsplit_once(':')?;
    // 60 is a leap second.
    number(seconds, 60).filter(|_| !fraction.is_empty() && digits(fraction))?;
    match minutes(clock)? - ahead {
        ..0 => Some(day.yesterday().ok().filter(|day| day.year() > 0).unwrap_or(day)),
        1440.. => Some(day.tomorrow().unwrap_or(day)),
        _ => Some(day),
    }
}

/// A time before `+hh:mm` or `-hh:mm`, and how many minutes it is ahead of UTC.
fn offset(time: &str) -> Option<(&str, i32)> {
    let (time, offset) = time.split_at_checked(time.len().checked_sub(6)?)?;
    let ahead = match offset.strip_prefix('+') {
        Some(offset) => minutes(offset)?,
        None => -minutes(offset.strip_prefix('-')?)?,
    };
    Some((time, ahead))
}

/// `hh:mm` in minutes.
fn minutes(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    Some(number(hours, 23)? * 60 + number(minutes, 59)?)
}

/// Two digits, as a number of at most `max`.
fn number(text: &str, max: i32) -> Option<i32> {
    let spelt = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| spelt && *number <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_after_trimming() {
        assert!(Question::parse(&format!("  {}  ", "ü".repeat(2_000)), false).is_ok());
        assert_eq!(
            Question::parse(&"x".repeat(2_001), false).unwrap_err().1,
            "Query too long (max 2000 chars)"
        );
        assert_eq!(Question::parse(" \n ", false).unwrap_err().1, "Query cannot be empty");
        assert_eq!(Question::parse("a\u{0}b", false).unwrap_err().1, "Invalid characters in query");
    }

    #[test]
    fn strict_questions_are_plain_and_shorter() {
        assert!(Question::parse("What is A-106, grade B?", true).is_ok());
        assert_eq!(Question::parse("<b>", true).unwrap_err().1, "Invalid characters in query");
        assert_eq!(
            Question::parse(&"x".repeat(1_001), true).unwrap_err().1,
            "Query too long (max 1000 chars)"
        );
    }

    #[test]
    fn dates_are_days_in_utc() {
        assert_eq!(parse_date("2024-05-01T23:30:00-02:00"), Some(jiff::civil::date(2024, 5, 2)));
        assert_eq!(parse_date("2024-05-01"), Some(jiff::civil::date(2024, 5, 1)));
        assert_eq!(
            parse_date("2024-03-01t00:59:60.123456789012+01:00"),
            Some(jiff::civil::date(2024, 2, 29))
        );
        assert_eq!(parse_date("2024-12-31T23:00:00-01:00"), Some(jiff::civil::date(2025, 1, 1)));
        assert_eq!(parse_date("2024-12-31T22:59:59.9-01:00"), Some(jiff::civil::date(2024, 12, 31)));
        assert_eq!(parse_date("0001-01-01T00:00:00+01:00"), Some(jiff::civil::date(1, 1, 1)));
        assert_eq!(parse_date("9999-12-31T23:59:59-23:59"), Some(jiff::civil::date(9999, 12, 31)));
        for bad in [
            "",
            "2024",
            "yesterday",
            "2024-13-01",
            "2023-02-29",
            "20240501T1",
            "2024-5-001",
            "+24-05-001",
            "0000-05-01",
            "-009999-01-02T00:00:00Z",
            "2024-05-01T",
            "2024-05-01Z",
            "2024-05-01T25:00:00Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T10:60:00Z",
            "2024-05-01T10:00:61Z",
            "2024-05-01T10:00Z",
            "2024-05-01T10:00:00",
            "2024-05-01T10:00:00.Z",
            "2024-05-01T10:00:00,5Z",
            "2024-05-01T10:00:00+1:00",
            "2024-05-01T10:00:00+24:00",
            "2024-05-01T10:00:00+0100",
            "2024-05-01T10:00:00Z[UTC]",
            "2024-05-01T+1:00:00Z",
            "2024-05-01 10:00:00Z",
            "2024-05-01T10:00:00ü01:00",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }
}
