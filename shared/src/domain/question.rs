//! A question and what narrows its search.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::ids::DocumentId;

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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// Documents of this body only.
    pub standard: Option<Standard>,
    /// Documents that came into effect on this day (UTC) or later.
    #[serde(default, alias = "dateFrom", deserialize_with = "date_of")]
    pub date_from: Option<Date>,
    /// These documents only.
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

/// The day (UTC) of an RFC 3339 date-time, or of a bare ISO 8601 date; from the year 1, which Postgres can keep.
pub fn parse_date(text: &str) -> Option<Date> {
    let day = text.parse::<Timestamp>().map(|time| time.to_zoned(TimeZone::UTC).date());
    let day = day.or_else(|error| if text.len() == 10 { text.parse() } else { Err(error) });
    day.ok().filter(|day| day.year() > 0)
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
        let early = "-009999-01-02T00:00:00Z";
        for bad in ["2024-13-01", "yesterday", "2024", "2024-05-01T25:00:00Z", "0000-05-01", early] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }
}
