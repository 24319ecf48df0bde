//! Who is asking, and for which workspace.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::hash::sha256;

/// A person, as the identity provider names them: 1 to 128 characters of `A–Z a–z 0–9 _ . | -`, not dots alone.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(max_length = 128, pattern = r"^\.*[A-Za-z0-9_|-][A-Za-z0-9_.|-]*$")]
pub struct UserId(String);

impl UserId {
    /// The id, if it is one: identifiers become object keys and paths, so that nothing else may pass.
    pub fn parse(text: &str) -> Option<Self> {
        is_identifier(text).then(|| Self(text.to_owned()))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands in logs for the person: the first eight bytes of the id's SHA-256, in hexadecimal.
    pub fn hashed(&self) -> String {
        super::hash::hex(sha256(self.0.as_bytes()).get(..8).unwrap_or_default())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Whether `text` may serve as a user's or an organisation's id.
pub fn is_identifier(text: &str) -> bool {
    // `.` and `..` mean another place in a path.
    (1..=128).contains(&text.len())
        && text.bytes().any(|byte| byte != b'.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'|' | b'-'))
}

/// The key of a workspace: computed from whose it is, so that no request has to look it up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub Uuid);

/// A workspace: an organisation's, or one person's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workspace {
    /// Its key.
    pub id: WorkspaceId,
    /// `organization` or `personal`.
    pub kind: &'static str,
    /// The organisation's or the person's id.
    pub external_id: String,
}

impl Workspace {
    /// The workspace of an organisation.
    pub fn of_organization(id: &str) -> Self {
        Self::new("organization", id)
    }

    /// A person's own workspace, which can never be an organisation's, even where the two ids read the same.
    pub fn of_person(id: &UserId) -> Self {
        Self::new("personal", id.as_str())
    }

    /// A version 8 UUID (RFC 9562 §5.8) from SHA-256 over kind and id.
    fn new(kind: &'static str, external_id: &str) -> Self {
        let digest = sha256(format!("footnote:{kind}:{external_id}").as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self {
            id: WorkspaceId(uuid::Builder::from_custom_bytes(bytes).into_uuid()),
            kind,
            external_id: external_id.to_owned(),
        }
    }
}

/// An authenticated person and the workspace that their session token is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// The organisation's workspace if the token names one, else the person's own.
    pub workspace: Workspace,
    /// What they ask now: rows of the audit log name the request.
    pub request: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_and_a_person_of_the_same_name_share_nothing() {
        let person = UserId::parse("acme").unwrap();
        assert_ne!(Workspace::of_organization("acme").id, Workspace::of_person(&person).id);
        assert_eq!(Workspace::of_person(&person), Workspace::of_person(&person));
    }

    #[test]
    fn ids_that_could_become_paths_are_refused() {
        for bad in ["", ".", "..", "a/b", "a b", "ü", "a\n", &"a".repeat(129)] {
            assert_eq!(UserId::parse(bad), None, "{bad:?}");
        }
        assert!(UserId::parse("auth0|user_2ab-C.d").is_some());
    }
}
