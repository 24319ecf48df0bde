//! Request schemas over zod-rs: its own parts where they are right, ours where they count bytes, lose integers or miss a
//! format; and its findings as our issues, sorted, because it reports members in random order.

use std::fmt;

use serde_json::Value;
pub use zod_rs::ObjectSchema as Schema;
use zod_rs::Schema as _;
use zod_rs_util::{StringFormat, ValidateResult, ValidationError, ValidationOrigin, ValidationType};

use crate::{Error, error::Issue};

/// The rules' verdict on a value: every rule that it breaks, in a stable order.
pub fn check(schema: &Schema, value: &Value) -> Result<(), Error> {
    let Err(found) = schema.safe_parse(value) else { return Ok(()) };
    let mut issues: Vec<Issue> =
        found.issues.into_iter().flat_map(|issue| issues(issue.path, issue.error)).collect();
    issues.sort();
    issues.dedup();
    Err(Error::Invalid(issues))
}

/// Gives members that go by another name their own. One that is there under both names stays, to be refused as unknown.
pub fn rename(value: &mut Value, aliases: &[(&str, &str)]) {
    let Some(members) = value.as_object_mut() else { return };
    for (other, ours) in aliases {
        if !members.contains_key(*ours)
            && let Some(member) = members.remove(*other)
        {
            members.insert((*ours).to_owned(), member);
        }
    }
}

/// Makes `5.0` and `5e0` what they are in JSON: the same number as `5`.
pub fn write_whole_numbers_alike(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(write_whole_numbers_alike),
        Value::Object(members) => members.values_mut().for_each(write_whole_numbers_alike),
        Value::Number(number) if number.is_f64() => {
            // Up to 2^53 every whole number has an f64 of its own.
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= WHOLE_MAX);
            if let Some(whole) = whole.and_then(|whole| format!("{whole:.0}").parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// 2^53.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A rule that a closure checks: the code of what is wrong and a sentence, or nothing.
pub struct Rule<F>(pub ValidationType, pub F);

impl<F> fmt::Debug for Rule<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Rule({:?})", self.0)
    }
}

impl<F> zod_rs::Schema<Value> for Rule<F>
where
    F: Fn(&Value) -> Option<Result<(), (&'static str, String)>>,
{
    fn validate(&self, value: &Value) -> ValidateResult<Value> {
        match (self.1)(value) {
            Some(Ok(())) => Ok(value.clone()),
            Some(Err((code, message))) => Err(finding(code, message).into()),
            None => Err(ValidationError::invalid_type(self.0.clone(), value.into()).into()),
        }
    }
}

/// A finding with a code and a sentence of ours. The library has no place for both but a format of one's own.
fn finding(code: &'static str, message: String) -> ValidationError {
    ValidationError::invalid_format(StringFormat::custom(code), Some(message))
}

/// Text that a closure checks.
pub fn text(
    check: impl Fn(&str) -> Result<(), (&'static str, String)> + Send + Sync + 'static,
) -> impl zod_rs::Schema<Value> + Send + Sync + 'static {
    Rule(ValidationType::String, move |value: &Value| value.as_str().map(&check))
}

/// Text of `min` to `max` characters after trimming, without control characters.
pub fn line(min: usize, max: usize) -> impl zod_rs::Schema<Value> + Send + Sync + 'static {
    text(move |text| {
        let characters = text.trim().chars().count();
        if characters < min {
            return Err(("too_small", format!("Must have at least {min} characters")));
        }
        if characters > max {
            return Err(("too_big", format!("Must have at most {max} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(("invalid_format", "Must not hold control characters".to_owned()));
        }
        Ok(())
    })
}

/// A UUID in its hyphenated form.
pub fn uuid() -> impl zod_rs::Schema<Value> + Send + Sync + 'static {
    text(|text| {
        let valid = text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
        if valid { Ok(()) } else { Err(("invalid_format", "Invalid UUID".to_owned())) }
    })
}

/// An RFC 3339 date-time or an ISO 8601 date.
pub fn date() -> impl zod_rs::Schema<Value> + Send + Sync + 'static {
    text(|text| {
        let valid = crate::domain::question::parse_date(text).is_some();
        if valid { Ok(()) } else { Err(("invalid_format", "Invalid ISO datetime".to_owned())) }
    })
}

/// One of some words.
pub fn one_of(words: &'static [&'static str]) -> impl zod_rs::Schema<Value> + Send + Sync + 'static {
    text(move |text| {
        let valid = words.contains(&text);
        if valid { Ok(()) } else { Err(("invalid_value", format!("Must be one of {}", words.join(", ")))) }
    })
}

/// A whole number from `min` to `max`.
pub fn integer(min: u64, max: u64) -> impl zod_rs::Schema<Value> + Send + Sync + 'static {
    Rule(ValidationType::Number, move |value: &Value| {
        let number = value.as_number()?;
        let Some(whole) = number.as_u64() else {
            let below = number.as_i64().is_some_and(|number| number < 0);
            return Some(Err(if below {
                ("too_small", format!("Must be at least {min}"))
            } else {
                ("invalid_type", "Must be a whole number".to_owned())
            }));
        };
        Some(match whole {
            _ if whole < min => Err(("too_small", format!("Must be at least {min}"))),
            _ if whole > max => Err(("too_big", format!("Must be at most {max}"))),
            _ => Ok(()),
        })
    })
}

/// Zod's code and message for a finding; unknown members are one issue each, at their own path's parent, as Zod has it.
fn issues(path: Vec<String>, error: ValidationError) -> Vec<Issue> {
    let message = error.to_string();
    let (code, message) = match error {
        ValidationError::Required => ("invalid_type", "Required".to_owned()),
        ValidationError::InvalidType { .. } | ValidationError::InvalidNumber { .. } => {
            ("invalid_type", message)
        }
        ValidationError::InvalidValue { .. } | ValidationError::InvalidValues { .. } => {
            ("invalid_value", message)
        }
        ValidationError::TooBig { origin: ValidationOrigin::Array, maximum, .. } => {
            ("too_big", format!("Must have at most {maximum} items"))
        }
        ValidationError::TooSmall { origin: ValidationOrigin::Array, minimum, .. } => {
            ("too_small", format!("Must have at least {minimum} items"))
        }
        ValidationError::TooBig { .. } => ("too_big", message),
        ValidationError::TooSmall { .. } => ("too_small", message),
        ValidationError::InvalidFormat { format: StringFormat::Custom(code), detail: Some(detail) } => {
            (CODES.iter().find(|known| **known == code).copied().unwrap_or("custom"), detail)
        }
        ValidationError::InvalidFormat { .. } => ("invalid_format", message),
        ValidationError::UnrecognizedKeys { mut keys } => {
            keys.sort();
            for key in &mut keys {
                *key = format!("\"{}\"", key.chars().take(64).collect::<String>());
            }
            ("unrecognized_keys", format!("Unrecognized keys: {}", keys.join(", ")))
        }
        ValidationError::InvalidUnion { .. } => ("invalid_union", message),
        ValidationError::Custom { message } => ("custom", message),
    };
    vec![Issue { path, code, message }]
}

/// Codes that our own rules give.
const CODES: [&str; 5] = ["too_small", "too_big", "invalid_format", "invalid_value", "invalid_type"];

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::json;
    use zod_rs::{array, boolean, object};

    use super::*;

    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        object()
            .field("name", line(1, 3))
            .optional_field("count", integer(1, 9))
            .optional_field("ids", array(uuid()).max(1))
            .optional_field("flag", boolean())
            .strict()
    });

    fn findings(value: &Value) -> Vec<(String, &'static str, String)> {
        match check(&SCHEMA, value) {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(issues)) => {
                issues.into_iter().map(|issue| (issue.path.join("."), issue.code, issue.message)).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn all_broken_rules_are_told_at_once_and_in_order() {
        let found =
            findings(&json!({ "name": "ä€ö!", "count": 1.5, "ids": ["x"], "flag": 1, "b": 1, "a": 2 }));
        let expected = [
            ("", "unrecognized_keys", "Unrecognized keys: \"a\", \"b\""),
            ("count", "invalid_type", "Must be a whole number"),
            ("flag", "invalid_type", "Invalid input: expected bool, received number"),
            ("ids.0", "invalid_format", "Invalid UUID"),
            ("name", "too_big", "Must have at most 3 characters"),
        ];
        assert_eq!(found, expected.map(|(path, code, message)| (path.to_owned(), code, message.to_owned())));
    }

    #[test]
    fn characters_count_and_not_bytes() {
        assert_eq!(findings(&json!({ "name": "äöü" })), []);
        assert_eq!(findings(&json!({ "name": "a", "count": null })), []);
        assert_eq!(findings(&json!({}))[0].2, "Required");
        assert_eq!(findings(&json!([]))[0].1, "invalid_type");
    }

    #[test]
    fn a_member_under_both_its_names_is_refused() {
        let mut value = json!({ "title": "x", "name": "y" });
        rename(&mut value, &[("title", "name")]);
        assert_eq!(findings(&value)[0].1, "unrecognized_keys");
    }
}
