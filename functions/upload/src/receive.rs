//! What a request brings: a description of a document, and perhaps its bytes.

use std::sync::LazyLock;

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, header};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    Error, Result,
    domain::{
        described::{self, FILENAME_CHARACTERS_MAX, TITLE_CHARACTERS_MAX},
        document::{CONTENT_TYPE, DIRECT_BYTES_MAX, NewDocument, SIZE_BYTES_MAX, display_name, title_of},
        ids::DocumentId,
        question::{Standard, parse_date},
    },
    error::Issue,
    http::{self as shared_http, Body, paging::query, read_bounded, read_json, schema},
};
use utoipa::ToSchema;
use zod_rs::object;

/// What a multipart body may have beside its file.
pub const FORM_BYTES_MAX: u64 = 64 * 1024;

/// A document as it is announced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// Its file's name.
    #[schema(value_type = described::Filename)]
    filename: String,
    /// How many bytes will be posted, exactly.
    #[schema(minimum = 1, maximum = 52_428_800)]
    size_bytes: u64,
    /// What they will be.
    #[serde(rename = "content_type")]
    #[schema(value_type = DocumentKind)]
    _content_type: String,
    /// Its title; none: the file's name without its extension.
    #[schema(value_type = Option<described::Title>)]
    title: Option<String>,
    /// Who published it.
    standard: Option<Standard>,
    /// When it came into effect.
    #[schema(value_type = Option<described::Day>)]
    effective_date: Option<String>,
}

const _: () = assert!(SIZE_BYTES_MAX == 52_428_800, "a document's size is described as it is checked");

/// What is read today.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document")]
enum DocumentKind {
    #[schema(rename = "application/pdf")]
    Pdf,
}

/// What the query may say of a document, whatever the body is.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Description {
    /// Its file's name. `x-filename` says it better, and the body best: in JSON it always does.
    #[param(value_type = described::Filename, required = false)]
    filename: String,
    /// Its title; none: the file's name without its extension. The body says it better.
    #[param(value_type = described::Title, required = false)]
    title: String,
    /// Who published it. The body says it better.
    #[param(required = false)]
    standard: Standard,
    /// When it came into effect. The body says it better.
    #[param(value_type = described::Day, required = false)]
    effective_date: String,
}

/// What a header may say of it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Name {
    /// The file's name as percent-encoded UTF-8: 1 to 255 characters after trimming, no control characters.
    #[param(rename = "x-filename", required = false, format = "percent-encoded")]
    filename: String,
}

/// A PDF of at most 4 MiB, and what describes it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DocumentForm)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Form {
    /// The PDF. Its part may have a `filename` of its own.
    #[schema(content_media_type = "application/pdf", format = Binary, min_length = 1)]
    file: String,
    /// Its file's name.
    #[schema(value_type = described::Filename, required = false)]
    filename: String,
    /// Its title; none: the file's name without its extension.
    #[schema(value_type = described::Title, required = false)]
    title: String,
    /// Who published it.
    #[schema(required = false)]
    standard: Standard,
    /// When it came into effect.
    #[schema(value_type = described::Day, required = false)]
    effective_date: String,
}

/// A PDF of at most 4 MiB.
#[derive(ToSchema)]
#[schema(content_media_type = "application/pdf", format = Binary, min_length = 1)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub struct Pdf(String);

impl shared_http::Request for Announcement {
    fn schema() -> &'static schema::Schema {
        static SCHEMA: LazyLock<schema::Schema> = LazyLock::new(|| {
            object()
                .field("filename", schema::line(1, FILENAME_CHARACTERS_MAX))
                .field("size_bytes", schema::integer(1, SIZE_BYTES_MAX))
                .field("content_type", schema::one_of(&[CONTENT_TYPE]))
                .optional_field("title", schema::line(1, TITLE_CHARACTERS_MAX))
                .optional_field("standard", schema::one_of(&Standard::NAMES))
                .optional_field("effective_date", schema::date())
                .strict()
        });
        &SCHEMA
    }
}

impl Announcement {
    /// The document, with an id of its own.
    pub fn document(self) -> Result<NewDocument> {
        let filename = display_name(&self.filename);
        let date = |text: String| -> Result<Date> {
            parse_date(&text)
                .ok_or_else(|| Error::invalid("effective_date", "invalid_format", "Invalid ISO datetime"))
        };
        Ok(NewDocument {
            id: DocumentId::new(),
            title: self.title.map_or_else(|| title_of(&filename), |title| title.trim().to_owned()),
            filename,
            standard: self.standard,
            effective_date: self.effective_date.map(date).transpose()?,
            size_bytes: self.size_bytes,
        })
    }
}

/// An announcement in JSON, with what it does not say taken from the query. The file's name it does say.
pub async fn json(request: Request) -> Result<Announcement> {
    let mut description = description(&request)?;
    description.remove("filename");
    let mut value = read_json(request).await?;
    if let Some(members) = value.as_object_mut() {
        complete(members, description);
    }
    Body::of(value).map(|Body(announcement)| announcement)
}

/// A PDF as the whole body.
pub async fn direct(request: Request) -> Result<(Announcement, Bytes)> {
    let members = description(&request)?;
    let bytes = read_bounded(request, bytes_max(DIRECT_BYTES_MAX)).await?;
    announced(members, &bytes).map(|announcement| (announcement, bytes))
}

/// `multipart/form-data` with one part `file`, and parts of text that describe it.
pub async fn multipart(request: Request) -> Result<(Announcement, Bytes)> {
    let description = description(&request)?;
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(|_| {
        Error::malformed("invalid_multipart", "The Content-Type names no multipart boundary.")
    })?;
    let body = read_bounded(request, bytes_max(DIRECT_BYTES_MAX + FORM_BYTES_MAX)).await?;
    let whole = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(body) });
    let mut form = multer::Multipart::new(whole, boundary);
    let unreadable = |_| Error::malformed("invalid_multipart", "The body is not a complete multipart form.");
    let (mut members, mut file, mut file_name) = (Map::new(), None, None);
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name != "file" {
            let bytes = part.bytes().await.map_err(unreadable)?;
            let text = String::from_utf8(bytes.into());
            let text = text.map_err(|_| Error::invalid(&name, "invalid_format", "Must be UTF-8"))?;
            if members.insert(name.clone(), text.into()).is_some() {
                return Err(Error::invalid(&name, "custom", "This part comes twice"));
            }
            continue;
        }
        if part.content_type().is_some_and(|kind| kind.essence_str() != CONTENT_TYPE) {
            return Err(Error::invalid("file", "invalid_value", format!("The part must be {CONTENT_TYPE}")));
        }
        file_name = part.file_name().map(str::to_owned);
        if file.replace(part.bytes().await.map_err(unreadable)?).is_some() {
            return Err(Error::invalid("file", "custom", "There must be one file only"));
        }
    }
    let bytes = file.ok_or_else(|| Error::invalid("file", "invalid_type", "Required"))?;
    // A part of its own says it better, wherever it stands.
    if let Some(name) = file_name {
        members.entry("filename").or_insert(name.into());
    }
    complete(&mut members, description);
    if bytes.len() as u64 > DIRECT_BYTES_MAX {
        return Err(Error::TooLarge { limit_bytes: DIRECT_BYTES_MAX });
    }
    announced(members, &bytes).map(|announcement| (announcement, bytes))
}

/// Puts a description through the same rules as an announcement in JSON.
fn announced(mut members: Map<String, Value>, bytes: &Bytes) -> Result<Announcement> {
    if bytes.is_empty() {
        return Err(Error::invalid("file", "too_small", "The file is empty"));
    }
    members.entry("filename").or_insert("document.pdf".into());
    for given in ["size_bytes", "content_type"] {
        if members.contains_key(given) {
            let message = format!("Unrecognized keys: \"{given}\"");
            return Err(Error::Invalid(vec![Issue { path: Vec::new(), code: "unrecognized_keys", message }]));
        }
    }
    members.insert("size_bytes".to_owned(), bytes.len().into());
    members.insert("content_type".to_owned(), CONTENT_TYPE.into());
    Body::of(Value::Object(members)).map(|Body(announcement)| announcement)
}

/// What the query and `x-filename` say of the document, held to the same rules as what the body says.
fn description(request: &Request) -> Result<Map<String, Value>> {
    static RULES: LazyLock<schema::Schema> = LazyLock::new(|| {
        object()
            .optional_field("filename", schema::line(1, FILENAME_CHARACTERS_MAX))
            .optional_field("title", schema::line(1, TITLE_CHARACTERS_MAX))
            .optional_field("standard", schema::one_of(&Standard::NAMES))
            .optional_field("effective_date", schema::date())
            .strict()
    });
    let mut members = query(request.uri().query().unwrap_or_default())?;
    schema::check(&RULES, &Value::Object(members.clone()))?;
    if let Some(name) = filename(request.headers())? {
        schema::check(&RULES, &json!({ "filename": name }))?;
        members.insert("filename".to_owned(), name.into());
    }
    Ok(members)
}

/// Adds what is not said yet.
fn complete(members: &mut Map<String, Value>, description: Map<String, Value>) {
    for (name, value) in description {
        members.entry(name).or_insert(value);
    }
}

fn filename(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("x-filename") else { return Ok(None) };
    // `+` is a plus sign here, not a space: this is no form.
    let text = value.to_str().ok().map(|text| text.replace('+', "%2B"));
    let name = text.and_then(|text| shared::storage::decode_key(&text).ok());
    let name =
        name.ok_or_else(|| Error::invalid("x-filename", "invalid_format", "Must be percent-encoded UTF-8"))?;
    Ok(Some(name))
}

fn bytes_max(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
