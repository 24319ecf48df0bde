//! A small client of the Upstash REST protocol over the bundle's one HTTP stack: commands, pipelines, scripts. No crate
//! speaks it on stable Rust with scripts, pipelines, typed errors and a time-out (docs/adr/0008-limiter-client.md).

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{env::Env, tls};

/// The most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A client; cloning shares its connections.
#[derive(Clone)]
pub struct Upstash {
    http: reqwest::Client,
    url: String,
    /// The token is read anew for each call, so that a rotated one needs no restart.
    env: Env,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// It took longer than the caller would wait.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Network(String),
    /// The token was refused.
    #[error("the token was refused")]
    Refused,
    /// Redis does not know the script by its digest.
    #[error("the script is not known")]
    UnknownScript,
    /// Redis answered with an error.
    #[error("Redis: {0}")]
    Redis(String),
    /// The answer is not what the protocol says.
    #[error("not an answer of the protocol: {0}")]
    Malformed(String),
}

/// A Lua script and what Redis calls it.
pub struct Script {
    text: &'static str,
    digest: String,
}

impl Script {
    /// With its digest.
    pub fn new(text: &'static str) -> Self {
        let mut hex = String::new();
        for byte in digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref() {
            write!(hex, "{byte:02x}").ok();
        }
        Self { text, digest: hex }
    }
}

impl Upstash {
    /// None where neither `UPSTASH_REDIS_REST_URL` nor `UPSTASH_REDIS_REST_TOKEN` is set; one without the other is a
    /// mistake.
    pub fn connect(env: &Env) -> anyhow::Result<Option<Self>> {
        let (url, token) = (env.get("UPSTASH_REDIS_REST_URL"), env.secret("UPSTASH_REDIS_REST_TOKEN"));
        if url.is_none() && token.is_none() {
            return Ok(None);
        }
        let url = url.context("UPSTASH_REDIS_REST_TOKEN is set, and UPSTASH_REDIS_REST_URL is not")?;
        anyhow::ensure!(
            token.is_some(),
            "UPSTASH_REDIS_REST_URL is set, and UPSTASH_REDIS_REST_TOKEN is not"
        );
        let parsed = url.parse::<reqwest::Url>().context("UPSTASH_REDIS_REST_URL is no URL")?;
        anyhow::ensure!(
            matches!(parsed.scheme(), "http" | "https"),
            "UPSTASH_REDIS_REST_URL must begin with https://"
        );
        let url = url.trim_end_matches('/').to_owned();
        Ok(Some(Self { http: tls::http_client()?, url, env: env.clone() }))
    }

    /// One command.
    pub async fn command(&self, command: &[String], timeout: Duration) -> Result<Value, Failure> {
        outcome(self.post("", &serde_json::json!(command), timeout).await?)
    }

    /// Several commands in one round trip, each with an outcome of its own.
    pub async fn pipeline(
        &self,
        commands: &[Vec<String>],
        timeout: Duration,
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let answer = self.post("/pipeline", &serde_json::json!(commands), timeout).await?;
        match answer {
            Value::Array(outcomes) if outcomes.len() == commands.len() => {
                Ok(outcomes.into_iter().map(outcome).collect())
            }
            other => {
                Err(outcome(other).err().unwrap_or(Failure::Malformed("one outcome per command".to_owned())))
            }
        }
    }

    /// A script by its digest, and whole where Redis does not know it; both within one time-out.
    pub async fn script(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[String],
        timeout: Duration,
    ) -> Result<Value, Failure> {
        let command = |verb: &str, script: &str| {
            let head = [verb.to_owned(), script.to_owned(), keys.len().to_string()];
            head.iter().chain(keys).chain(arguments).cloned().collect::<Vec<_>>()
        };
        let known_or_whole = async {
            match self.command(&command("EVALSHA", &script.digest), timeout).await {
                Err(Failure::UnknownScript) => self.command(&command("EVAL", script.text), timeout).await,
                other => other,
            }
        };
        tokio::time::timeout(timeout, known_or_whole).await.unwrap_or(Err(Failure::Timeout(timeout)))
    }

    async fn post(&self, path: &str, body: &Value, timeout: Duration) -> Result<Value, Failure> {
        let exchange = self.exchange(path, body);
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(Failure::Timeout(timeout)))
    }

    async fn exchange(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let token = self.env.secret("UPSTASH_REDIS_REST_TOKEN").ok_or(Failure::Refused)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
        let mut bearer = bearer.map_err(|_| Failure::Refused)?;
        bearer.set_sensitive(true);
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, bearer)
            // Strings come back in base64, because those of Redis need not be UTF-8.
            .header("upstash-encoding", "base64")
            .json(body);
        // The URL is left out of what is logged: it names the database.
        let network = |error: reqwest::Error| {
            Failure::Network(format!("{:#}", anyhow::Error::new(error.without_url())))
        };
        let mut response = request.send().await.map_err(network)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(network)? {
            if bytes.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(Failure::Malformed("the answer is too large".to_owned()));
            }
            bytes.extend_from_slice(&piece);
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Failure::Refused);
        }
        let answer: Result<Value, _> = serde_json::from_slice(&bytes);
        match answer {
            // An error of a single command comes with status 400, and its text is in the body.
            Ok(answer) if status.is_success() || answer.get("error").is_some() => Ok(answer),
            _ => Err(Failure::Malformed(format!("status {}, {} bytes", status.as_u16(), bytes.len()))),
        }
    }
}

/// `{"result": …}` or `{"error": "…"}`; the latter also arrives with status 200.
fn outcome(answer: Value) -> Result<Value, Failure> {
    let Value::Object(mut members) = answer else {
        return Err(Failure::Malformed("neither a result nor an error".to_owned()));
    };
    match (members.remove("error"), members.remove("result")) {
        (Some(Value::String(error)), _) if error.starts_with("NOSCRIPT") => Err(Failure::UnknownScript),
        (Some(Value::String(error)), _) => Err(Failure::Redis(error)),
        (None | Some(Value::Null), Some(result)) => Ok(decoded(result)),
        _ => Err(Failure::Malformed("neither a result nor an error".to_owned())),
    }
}

/// The result with its strings as they are in Redis. `OK` comes as it is.
fn decoded(result: Value) -> Value {
    match result {
        Value::String(text) if text != "OK" => {
            let bytes = STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes());
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(decoded).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_errors_whatever_the_status_was() {
        assert_eq!(outcome(json!({ "error": "ERR no" })), Err(Failure::Redis("ERR no".to_owned())));
        assert_eq!(outcome(json!({ "error": "NOSCRIPT No matching script." })), Err(Failure::UnknownScript));
        assert_eq!(outcome(json!({ "result": null })), Ok(Value::Null));
        for odd in [json!({}), json!([]), json!("OK"), json!({ "error": 1 }), json!({ "errors": "x" })] {
            assert!(matches!(outcome(odd.clone()), Err(Failure::Malformed(_))), "{odd}");
        }
    }

    #[test]
    fn strings_leave_base64_at_every_depth() {
        assert_eq!(
            outcome(json!({ "result": ["aGk=", 1, ["w7w=", null], "OK"] })),
            Ok(json!(["hi", 1, ["ü", null], "OK"]))
        );
    }

    #[test]
    fn scripts_are_named_as_redis_names_them() {
        assert_eq!(Script::new("return 1").digest, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
