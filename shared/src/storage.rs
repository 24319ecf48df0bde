//! The bucket: documents' bytes, written once, read by ingestion, erased in every version.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, bail};
use aws_credential_types::provider::ProvideCredentials;
use aws_lc_rs::{digest, hmac};
use aws_sdk_s3::{
    Client,
    error::SdkError,
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use crate::{
    Error, Result,
    domain::{document::CONTENT_TYPE, hash::hex},
    env::Env,
    tls,
};

/// How long a presigned upload may be used.
const UPLOAD_LIFETIME: Duration = Duration::from_hours(1);
/// What any one call of storage may take, but for the transfer of a large body.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// One bucket. Cloning shares it.
#[derive(Clone)]
pub struct Storage {
    client: Client,
    bucket: String,
    endpoint: Option<String>,
    config: aws_config::SdkConfig,
}

/// A form that a browser posts a file with, straight to the bucket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = UploadForm)]
pub struct Upload {
    /// Where to post it.
    pub url: String,
    /// The form's members, to be sent before the file.
    pub fields: BTreeMap<&'static str, String>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What the bucket says of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// Its size.
    pub size_bytes: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
}

/// An object that was written to a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Downloaded {
    /// How many bytes there were.
    pub size_bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl Storage {
    /// The bucket of the settings `BUCKET` and, for one that is not Amazon's, `AWS_ENDPOINT_URL`.
    pub async fn connect(env: &Env) -> anyhow::Result<Self> {
        let config = tls::aws_config(env).await?;
        let endpoint = env.get("AWS_ENDPOINT_URL");
        let timeouts =
            aws_sdk_s3::config::timeout::TimeoutConfig::builder().operation_attempt_timeout(CALL_TIMEOUT);
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(endpoint.is_some())
            .timeout_config(timeouts.build())
            .build();
        Ok(Self { client: Client::from_conf(s3), bucket: env.require("BUCKET")?, endpoint, config })
    }

    /// Whether the bucket answers; for readiness.
    pub async fn ping(&self) -> Result<()> {
        let answer = self.client.head_bucket().bucket(&self.bucket).send().await;
        answer.map(drop).map_err(|error| unavailable(error, "ask for the bucket"))
    }

    /// Writes a whole object.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type(CONTENT_TYPE);
        let answer = request.body(ByteStream::from(body)).send().await;
        answer.map(drop).map_err(|error| unavailable(error, "write an object"))
    }

    /// What the bucket says of the object; none if it is not there.
    pub async fn head(&self, key: &str) -> Result<Option<Object>> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => Ok(Some(Object {
                size_bytes: answer.content_length().and_then(|length| length.try_into().ok()).unwrap_or(0),
                etag: answer.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
            })),
            Err(SdkError::ServiceError(error)) if error.err().is_not_found() => Ok(None),
            Err(error) => Err(unavailable(error, "ask for an object")),
        }
    }

    /// Writes the object to a file, hashing on the way. `Ok(None)`: it is not there, or has more than `size_max` bytes
    /// by now.
    pub async fn download(&self, key: &str, to: &Path, size_max: u64) -> Result<Option<Downloaded>> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(SdkError::ServiceError(error)) if error.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(unavailable(error, "read an object")),
        };
        let mut file = tokio::fs::File::create(to).await.context("make a file for a document")?;
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut size_bytes = 0;
        let mut body = answer.body;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| Error::unavailable("storage_unavailable", error))?;
            size_bytes += piece.len() as u64;
            if size_bytes > size_max {
                return Ok(None);
            }
            hash.update(&piece);
            file.write_all(&piece).await.context("write a document to a file")?;
        }
        file.flush().await.context("write a document to a file")?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        Ok(Some(Downloaded { size_bytes, sha256 }))
    }

    /// Deletes every version of an object. Doing it twice is like once.
    pub async fn erase(&self, key: &str) -> Result<()> {
        let mut found = Vec::new();
        let (mut next_key, mut next_version) = (None, None);
        loop {
            let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key);
            let request = request.set_key_marker(next_key.take()).set_version_id_marker(next_version.take());
            let page =
                request.send().await.map_err(|error| unavailable(error, "list an object's versions"))?;
            let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
            // A longer key may begin with this one.
            let ours = versions.chain(markers).filter(|(of, _)| *of == Some(key));
            found.extend(ours.map(|(_, version)| version.unwrap_or("null").to_owned()));
            if page.is_truncated() != Some(true) {
                break;
            }
            next_key = page.next_key_marker().map(str::to_owned);
            next_version = page.next_version_id_marker().map(str::to_owned);
        }
        for versions in found.chunks(1_000) {
            let identify =
                |version: &String| ObjectIdentifier::builder().key(key).version_id(version).build();
            let objects: Result<Vec<_>, _> = versions.iter().map(identify).collect();
            let delete = Delete::builder()
                .set_objects(Some(objects.map_err(anyhow::Error::from)?))
                .quiet(true)
                .build();
            let delete = delete.map_err(anyhow::Error::from)?;
            let answer = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
            let answer = answer.map_err(|error| unavailable(error, "delete an object"))?;
            if let Some(error) = answer.errors().first() {
                let message = error.message().unwrap_or_default().to_owned();
                return Err(Error::unavailable(
                    "storage_unavailable",
                    anyhow::anyhow!("delete an object: {message}"),
                ));
            }
        }
        Ok(())
    }

    /// A form that takes exactly `size_bytes` of PDF under `key`, for an hour.
    pub async fn presign(&self, key: &str, size_bytes: u64, now: Timestamp) -> Result<Upload> {
        let provider = self.config.credentials_provider().context("no AWS credentials are configured")?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| Error::unavailable("storage_unavailable", error))?;
        let region = self.config.region().context("no AWS region is configured")?.as_ref();
        let day = now.strftime("%Y%m%d").to_string();
        let expires_at = now.checked_add(UPLOAD_LIFETIME).context("add an hour to the time")?;
        let mut fields = BTreeMap::from([
            ("key", key.to_owned()),
            ("Content-Type", CONTENT_TYPE.to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", format!("{}/{day}/{region}/s3/aws4_request", credentials.access_key_id())),
            ("x-amz-date", now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()),
        ]);
        if let Some(token) = credentials.session_token() {
            fields.insert("x-amz-security-token", token.to_owned());
        }
        let policy = policy(&self.bucket, &fields, size_bytes, expires_at);
        fields.insert("x-amz-signature", sign(credentials.secret_access_key(), &day, region, &policy));
        fields.insert("policy", policy);
        let url = match &self.endpoint {
            Some(endpoint) => format!("{}/{}", endpoint.trim_end_matches('/'), self.bucket),
            None => format!("https://{}.s3.{region}.amazonaws.com/", self.bucket),
        };
        Ok(Upload { url, fields, expires_at })
    }
}

/// The POST policy: every member of the form is pinned, and so is the size.
fn policy(
    bucket: &str,
    fields: &BTreeMap<&'static str, String>,
    size_bytes: u64,
    expires_at: Timestamp,
) -> String {
    let mut conditions =
        vec![json!({ "bucket": bucket }), json!(["content-length-range", size_bytes, size_bytes])];
    conditions.extend(fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value])));
    let expiration = expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    STANDARD.encode(json!({ "expiration": expiration, "conditions": conditions }).to_string())
}

/// Signature version 4 of a POST policy (AWS General Reference, "Signature Version 4").
fn sign(secret: &str, day: &str, region: &str, policy: &str) -> String {
    let mac =
        |key: &[u8], message: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    let mut key = mac(format!("AWS4{secret}").as_bytes(), day);
    for part in [region, "s3", "aws4_request", policy] {
        key = mac(key.as_ref(), part);
    }
    hex(key.as_ref())
}

fn unavailable<E, R>(error: SdkError<E, R>, doing: &'static str) -> Error
where
    SdkError<E, R>: std::error::Error + Send + Sync + 'static,
{
    Error::unavailable("storage_unavailable", anyhow::Error::new(error).context(doing))
}

/// Whether `bytes` begin like a PDF: the header may stand anywhere in the first 1,024 bytes (ISO 32000-1, annex H).
pub fn looks_like_pdf(bytes: &[u8]) -> bool {
    bytes.get(..bytes.len().min(1_024)).is_some_and(|head| head.windows(5).any(|window| window == b"%PDF-"))
}

/// The bucket and key that an S3 event names; the key is decoded exactly once, `+` being a space.
pub fn decode_key(key: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits =
                    [rest.next(), rest.next()].map(|digit| digit.and_then(|d| char::from(d).to_digit(16)));
                let [Some(high), Some(low)] = digits else { bail!("an object key ends within an escape") };
                u8::try_from(high * 16 + low)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).context("an object key is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_amazons_worked_example() {
        // "Example: Browser-based upload using HTTP POST" of the Amazon S3 API reference; the policy there is signed as is.
        let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
        let signature = sign("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20151229", "us-east-1", policy);
        assert_eq!(signature, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e");
    }

    #[test]
    fn keys_are_decoded_once() {
        assert_eq!(decode_key("user_1/a+b%2Bc%257C").unwrap(), "user_1/a b+c%7C");
        assert!(decode_key("a%2").is_err());
        assert!(decode_key("%ff").is_err());
    }

    #[test]
    fn a_pdf_is_known_by_its_first_bytes() {
        assert!(looks_like_pdf(b"%PDF-1.7\n"));
        assert!(looks_like_pdf(b"\xef\xbb\xbf\n%PDF-1.4"));
        assert!(!looks_like_pdf(b""));
        assert!(!looks_like_pdf(b"PK\x03\x04"));
    }
}
