//! A document as it is described, and the states it goes through.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{caller::UserId, ids::DocumentId, question::Standard};

/// The most bytes that a document may have: 50 MiB.
pub const SIZE_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// The most that may come in one request; larger ones go to storage directly: 4 MiB.
pub const DIRECT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The only kind that is read today.
pub const CONTENT_TYPE: &str = "application/pdf";

/// Where a document stands. It is searchable only when `ready`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentStatus)]
pub enum Status {
    /// Its bytes have not come yet.
    AwaitingUpload,
    /// Its bytes are there and are being read, or soon will be.
    Processing,
    /// It answers questions.
    Ready,
    /// It cannot be read; the failure says why.
    Failed,
    /// The workspace holds the same bytes already.
    Duplicate,
}

impl Status {
    /// As the database writes it.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "awaiting_upload" => Self::AwaitingUpload,
            "processing" => Self::Processing,
            "ready" => Self::Ready,
            "failed" => Self::Failed,
            "duplicate" => Self::Duplicate,
            other => anyhow::bail!("no such document status: {other}"),
        })
    }
}

/// Why a document cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DocumentFailure)]
pub struct Failure {
    /// Stable machine code.
    pub code: String,
    /// What the person who uploaded it can do.
    pub detail: String,
}

/// A document to be taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDocument {
    /// Its id, made by us.
    pub id: DocumentId,
    /// For the reader: the title given, else the file's name without its extension.
    pub title: String,
    /// For the reader; never part of a path.
    pub filename: String,
    /// Who published it.
    pub standard: Option<Standard>,
    /// When it came into effect.
    pub effective_date: Option<Date>,
    /// How large it is, or is said to be.
    pub size_bytes: u64,
}

/// A document as its owner sees it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// Its file's name.
    pub filename: String,
    /// Who published it.
    #[schema(required)]
    pub standard: Option<Standard>,
    /// When it came into effect.
    #[schema(required)]
    pub effective_date: Option<Date>,
    /// Where it stands.
    pub status: Status,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<Failure>,
    /// The document that holds the same bytes, for a duplicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub duplicate_of: Option<DocumentId>,
    /// How many pages were read.
    #[schema(required)]
    pub pages: Option<u32>,
    /// How many chunks they became.
    #[schema(required)]
    pub chunks: Option<u32>,
    /// Characters that were left out, because nobody who looks at the pages sees them; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hidden_characters: Option<u32>,
    /// How large it is.
    pub size_bytes: u64,
    /// Of its bytes, in hexadecimal.
    #[schema(required)]
    pub sha256: Option<String>,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When it became searchable.
    #[schema(required)]
    pub ready_at: Option<Timestamp>,
}

/// Where a document's bytes lie in the bucket.
pub fn object_key(owner: &UserId, id: DocumentId) -> String {
    format!("{owner}/{id}")
}

/// The document that an object belongs to; none for keys that we did not make.
pub fn document_of(key: &str) -> Option<DocumentId> {
    let (owner, id) = key.split_once('/')?;
    UserId::parse(owner)?;
    let parsed: DocumentId = id.parse().ok()?;
    // Uuid's parser takes several spellings; ours is the hyphenated one in lower case.
    (parsed.to_string() == id).then_some(parsed)
}

/// A name fit to show: control and path characters replaced, at most 255 characters, never empty.
pub fn display_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|character| !character.is_control()).take(255).collect();
    let clean = clean.trim();
    if clean.is_empty() { "document.pdf".to_owned() } else { clean.to_owned() }
}

/// The title of a file that came without one.
pub fn title_of(filename: &str) -> String {
    let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem).trim();
    if stem.is_empty() { filename.to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_their_documents_and_foreign_ones_nowhere() {
        let (owner, id) = (UserId::parse("user_1").unwrap(), DocumentId::new());
        assert_eq!(document_of(&object_key(&owner, id)), Some(id));
        let upper = id.to_string().to_uppercase();
        for foreign in ["", "a", "a/b", &format!("user_1/{upper}"), &format!("x/{id}/y"), &format!("/{id}")] {
            assert_eq!(document_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn names_are_for_showing_only() {
        assert_eq!(display_name("../../etc/passwd"), "passwd");
        assert_eq!(display_name("C:\\a\\b.pdf"), "b.pdf");
        assert_eq!(display_name("\u{0}\n"), "document.pdf");
        assert_eq!(title_of("Sour service.pdf"), "Sour service");
        assert_eq!(title_of(".pdf"), ".pdf");
    }
}
