//! The check of one session token: pure, strict, and the same for every source of keys.
//!
//! Rules: RFC 7515 (signature), RFC 7519 (claims), RFC 8725 (best practice), and Clerk's session tokens, versions 1 and 2.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, crypto};
use serde_json::{Map, Value};

use super::{Keys, strict_json};
use crate::{domain::caller::is_identifier, error::Reason};

/// The most bytes of a token; Clerk's own are below 1,500, and cookies end at 4,096.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far two clocks may differ.
const LEEWAY_S: i64 = 5;
/// No instant outside of 1970 to 9999 is a time that anyone meant.
const TIMES: std::ops::RangeInclusive<i64> = 0..=253_402_300_799;

/// What a token must say besides being signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Its `iss`, exactly.
    pub issuer: String,
    /// What its `azp` may name, if it has one; empty: anything.
    pub authorized_parties: Vec<String>,
}

/// What a good token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// The person.
    pub subject: String,
    /// The session, if it names one.
    pub session: Option<String>,
    /// The organisation that is active in the session.
    pub organization: Option<Organization>,
    /// Whom it is for, where it says so.
    pub audiences: Vec<String>,
    /// When it ends, in Unix seconds.
    pub expires_at: i64,
}

impl Claims {
    /// Whether the token is for one of `audiences`. One that names an audience is for nobody else (RFC 7519 §4.1.3); Clerk's
    /// session tokens name none.
    pub fn is_for(&self, audiences: &[String]) -> bool {
        self.audiences.is_empty() || self.audiences.iter().any(|named| audiences.contains(named))
    }
}

/// An organisation and what the person is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// The role, without Clerk's `org:` before it.
    pub role: Option<String>,
}

/// Why a token is refused: for the logs. The caller is told the same for every reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", self.reason())]
#[expect(missing_docs, reason = "`reason` says each")]
pub enum Rejection {
    TooLong,
    Encoding,
    Json,
    Type,
    Algorithm,
    Critical,
    UnknownKey,
    Signature,
    Claim,
    Time,
    Expired,
    NotYet,
    Issuer,
    AuthorizedParty,
    Audience,
    Pending,
    Subject,
    Organization,
}

impl Rejection {
    /// The reason, as a code and a sentence for the logs.
    pub fn reason(self) -> Reason {
        let (code, sentence) = match self {
            Self::TooLong => ("too_long", "the token is too long"),
            Self::Encoding => ("encoding", "the token is not three parts of base64url"),
            Self::Json => ("json", "a part is not a JSON object, or a member comes twice"),
            Self::Type => ("type", "the type is not JWT"),
            Self::Algorithm => ("algorithm", "the algorithm is not RS256"),
            Self::Critical => ("critical", "the header has an extension that must be understood"),
            Self::UnknownKey => ("unknown_key", "the key is not known"),
            Self::Signature => ("signature", "the signature is wrong"),
            Self::Claim => ("claim", "a claim is missing or of the wrong type"),
            Self::Time => ("time", "a time is absurd"),
            Self::Expired => ("expired", "the token has expired"),
            Self::NotYet => ("not_yet", "the token is not valid yet"),
            Self::Issuer => ("issuer", "the issuer is another"),
            Self::AuthorizedParty => ("authorized_party", "the authorised party is another"),
            Self::Audience => ("audience", "the token is for someone else"),
            Self::Pending => ("pending", "the session is pending"),
            Self::Subject => ("subject", "the subject is no identifier"),
            Self::Organization => ("organization", "the organisation is no identifier"),
        };
        Reason::new(code, sentence)
    }
}

/// The claims of a token that is signed with one of the keys, says what the rules ask for, and is valid at `now_unix_s`.
/// Whether one is in its audience is for the caller to say: [`Claims::is_for`].
pub fn verify(token: &str, keys: &Keys, rules: &Rules, now_unix_s: i64) -> Result<Claims, Rejection> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Rejection::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Rejection::Encoding)?;
    let (header, payload) = message.split_once('.').ok_or(Rejection::Encoding)?;
    let header = part(header)?;
    let kid = check_header(&header)?;
    // Strict base64url before the verifier, which may be lenient about trailing bits and padding.
    decode(signature)?;
    let payload_json = part(payload)?;
    let key = keys.find(kid).ok_or(Rejection::UnknownKey)?;
    match crypto::verify(signature, message.as_bytes(), key, Algorithm::RS256) {
        Ok(true) => check_claims(&payload_json, rules, now_unix_s),
        Ok(false) | Err(_) => Err(Rejection::Signature),
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Encoding)
}

fn part(text: &str) -> Result<Map<String, Value>, Rejection> {
    strict_json::object(&decode(text)?).ok_or(Rejection::Json)
}

/// Checks the header; answers the key's name.
fn check_header(header: &Map<String, Value>) -> Result<Option<&str>, Rejection> {
    match header.get("typ") {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("JWT") => {}
        Some(_) => return Err(Rejection::Type),
    }
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(Rejection::Algorithm);
    }
    if header.contains_key("crit") {
        return Err(Rejection::Critical);
    }
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) => Ok(Some(kid)),
        // Null too: RFC 7515 §4.1.4 knows a text or nothing.
        Some(_) => Err(Rejection::UnknownKey),
    }
}

fn check_claims(claims: &Map<String, Value>, rules: &Rules, now: i64) -> Result<Claims, Rejection> {
    let expires_at = time(claims, "exp")?.ok_or(Rejection::Claim)?;
    // Both may be left out (RFC 7519 §4.1); Clerk's own check asks for neither.
    let (issued_at, not_before) = (time(claims, "iat")?, time(claims, "nbf")?);
    if expires_at <= now - LEEWAY_S {
        return Err(Rejection::Expired);
    }
    if [issued_at, not_before].into_iter().flatten().any(|time| time > now + LEEWAY_S) {
        return Err(Rejection::NotYet);
    }
    if issued_at.is_some_and(|issued_at| expires_at <= issued_at) {
        return Err(Rejection::Time);
    }
    if text(claims, "iss")? != Some(&rules.issuer) {
        return Err(Rejection::Issuer);
    }
    if let Some(party) = text(claims, "azp")?
        && !rules.authorized_parties.is_empty()
        && !rules.authorized_parties.iter().any(|known| known == party)
    {
        return Err(Rejection::AuthorizedParty);
    }
    match text(claims, "sts")? {
        None | Some("active") => {}
        Some(_) => return Err(Rejection::Pending),
    }
    let subject = text(claims, "sub")?.filter(|id| is_identifier(id)).ok_or(Rejection::Subject)?;
    let session = text(claims, "sid")?.map(str::to_owned);
    let (audiences, organization) = (audiences(claims)?, organization(claims)?);
    Ok(Claims { subject: subject.to_owned(), session, organization, audiences, expires_at })
}

/// One text or a list of texts (RFC 7519 §4.1.3).
fn audiences(claims: &Map<String, Value>) -> Result<Vec<String>, Rejection> {
    match claims.get("aud") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            several.iter().map(|one| one.as_str().map(str::to_owned).ok_or(Rejection::Claim)).collect()
        }
        Some(_) => Err(Rejection::Claim),
    }
}

/// Version 2 keeps the organisation in `o`, version 1 in `org_id` and `org_role`. A token that says both, and not the
/// same, is refused: two readers would see two tenants.
fn organization(claims: &Map<String, Value>) -> Result<Option<Organization>, Rejection> {
    let second = match claims.get("o") {
        None | Some(Value::Null) => None,
        Some(Value::Object(members)) => {
            let id = text(members, "id")?.ok_or(Rejection::Organization)?;
            Some((id, text(members, "rol")?))
        }
        Some(_) => return Err(Rejection::Organization),
    };
    let first = text(claims, "org_id")?.map(|id| Ok((id, text(claims, "org_role")?))).transpose()?;
    if let (Some((one, _)), Some((other, _))) = (first, second)
        && one != other
    {
        return Err(Rejection::Organization);
    }
    let Some((id, role)) = second.or(first) else { return Ok(None) };
    if !is_identifier(id) {
        return Err(Rejection::Organization);
    }
    let role = role.map(|role| role.strip_prefix("org:").unwrap_or(role).to_owned());
    Ok(Some(Organization { id: id.to_owned(), role }))
}

/// A text member; null counts as absent, anything else is refused.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Rejection> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejection::Claim),
    }
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction: rounded up, so that comparing it with whole seconds is exact.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Rejection> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => return Err(Rejection::Claim),
    };
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and the range check follows")]
    let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds.ceil() as i64));
    seconds.filter(|seconds| TIMES.contains(seconds)).map(Some).ok_or(Rejection::Time)
}
