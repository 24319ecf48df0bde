//! How the values that requests bring look, for the OpenAPI document: each is the twin of a rule that checks them.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

use super::question::CHARACTERS_MAX;

/// The most characters of a file's name.
pub const FILENAME_CHARACTERS_MAX: usize = 255;
/// The most characters of a document's title.
pub const TITLE_CHARACTERS_MAX: usize = 500;

/// What trimming takes off a text's ends (Unicode's `White_Space`), in the syntax of ECMA-262.
const WHITE_SPACE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
/// The white space that is no control character.
const SPACES: &str = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
/// Control characters (Unicode's `Cc`).
const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
/// Control characters but line breaks and tabs.
const CONTROL_IN_TEXT: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f";

/// A question's text: `Question::parse`, as it is without `STRICT_QUERY`.
#[derive(Debug)]
pub struct Message;
/// The name of a document's file: `http::schema::line`.
#[derive(Debug)]
pub struct Filename;
/// A document's title: `http::schema::line`.
#[derive(Debug)]
pub struct Title;
/// A day: `question::parse_date`.
#[derive(Debug)]
pub struct Day;

impl ToSchema for Message {}
impl ToSchema for Filename {}
impl ToSchema for Title {}
impl ToSchema for Day {}

impl PartialSchema for Message {
    fn schema() -> RefOr<Schema> {
        let about = "1 to 2,000 characters after trimming, no control characters but line breaks and tabs. Under \
                     `STRICT_QUERY` 1 to 1,000: letters, digits, white space and `-_,.?`.";
        trimmed(WHITE_SPACE, CONTROL_IN_TEXT, CHARACTERS_MAX, about)
    }
}

impl PartialSchema for Filename {
    fn schema() -> RefOr<Schema> {
        let about = "1 to 255 characters after trimming, no control characters. For showing only.";
        trimmed(SPACES, CONTROL, FILENAME_CHARACTERS_MAX, about)
    }
}

impl PartialSchema for Title {
    fn schema() -> RefOr<Schema> {
        let about = "1 to 500 characters after trimming, no control characters.";
        trimmed(SPACES, CONTROL, TITLE_CHARACTERS_MAX, about)
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let one = |format| {
            let text = ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(format)));
            // The year 0 is one of RFC 3339, and none that Postgres keeps.
            text.pattern(Some("^0{0,3}[1-9]"))
        };
        let either = AnyOfBuilder::new().item(one(KnownFormat::Date)).item(one(KnownFormat::DateTime));
        either.description(Some("A day, or a time (RFC 3339): its day in UTC.")).into()
    }
}

/// 1 to `max` characters between what trimming takes off, none of them a control character.
fn trimmed(space: &str, control: &str, max: usize, about: &str) -> RefOr<Schema> {
    let (edge, inner) = (format!("[^{space}{control}]"), format!("[^{control}]"));
    let pattern = format!("^[{space}]*{edge}(?:{inner}{{0,{}}}{edge})?[{space}]*$", max - 2);
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).description(Some(about)).into()
}
