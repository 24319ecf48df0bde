//! One provider's HTTP endpoint: a key in a header, JSON out, JSON or a stream back, failures told apart.

use std::time::Duration;

use anyhow::Context;
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::ModelFailure;

/// The most bytes of a response that are read at once.
const RESPONSE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// An endpoint with its key.
#[derive(Clone)]
pub struct Endpoint {
    http: reqwest::Client,
    base_url: String,
    headers: HeaderMap,
}

impl Endpoint {
    /// An endpoint under `base_url`, such as `https://api.openai.com/v1`.
    pub fn new(http: reqwest::Client, base_url: &str) -> Self {
        Self { http, base_url: base_url.trim_end_matches('/').to_owned(), headers: HeaderMap::new() }
    }

    /// With a bearer key, if there is one: a local server may ask for none.
    pub fn bearer(self, key: Option<&SecretString>) -> anyhow::Result<Self> {
        match key {
            Some(key) => self.with("authorization", &format!("Bearer {}", key.expose_secret())),
            None => Ok(self),
        }
    }

    /// With one more header, whose value is never shown.
    pub fn with(mut self, name: &'static str, value: &str) -> anyhow::Result<Self> {
        let mut value = HeaderValue::from_str(value)
            .ok()
            .with_context(|| format!("the key for {} has characters that no header takes", self.base_url))?;
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Posts JSON; answers the response if it is a success.
    pub async fn send(&self, path: &str, body: &impl Serialize) -> Result<Response, ModelFailure> {
        let request =
            self.http.post(format!("{}{path}", self.base_url)).headers(self.headers.clone()).json(body);
        let response = request.send().await.map_err(|error| lost(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(failure(response).await) }
    }

    /// Posts JSON and reads JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ModelFailure> {
        let response = self.send(path, body).await?;
        parse(&bounded(response).await?)
    }
}

/// A connection that broke.
pub fn lost(error: &reqwest::Error) -> ModelFailure {
    // The address may hold a key.
    let kind = if error.is_timeout() { "the connection timed out" } else { "the connection was lost" };
    ModelFailure::transient(kind)
}

/// The value of a JSON text, or the error that a provider sends inside a success.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ModelFailure> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => body.error.failure(),
        Err(_) => {
            ModelFailure::transient(format!("the response is not as documented: {:?}", error.classify()))
        }
    })
}

/// The whole body, unless it is absurdly large.
pub async fn bounded(mut response: Response) -> Result<Vec<u8>, ModelFailure> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if body.len() + piece.len() <= RESPONSE_BYTES_MAX => {
                body.extend_from_slice(&piece);
            }
            Ok(Some(_)) => return Err(ModelFailure::permanent("the response is too large")),
            Ok(None) => return Ok(body),
            Err(error) => return Err(lost(&error)),
        }
    }
}

async fn failure(response: Response) -> ModelFailure {
    let status = response.status();
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let error = bounded(response).await.ok().and_then(|body| serde_json::from_slice::<ErrorBody>(&body).ok());
    let error = error.map(|body| body.error).unwrap_or_default();
    let transient = (status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT))
        && !error.is_quota();
    let parameter = if status == StatusCode::BAD_REQUEST { error.param.clone() } else { None };
    ModelFailure {
        transient,
        retry_after,
        parameter,
        again: false,
        reason: format!("HTTP {} {}", status.as_u16(), error.reason()),
    }
}

/// OpenAI's and Anthropic's are one shape.
#[derive(Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorMember,
}

/// Kind, code and the parameter at fault; the message may repeat a piece of the prompt and is not read but for one word.
#[derive(Deserialize, Default)]
pub struct ErrorMember {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    param: Option<String>,
    #[serde(default)]
    message: serde_json::Value,
}

impl ErrorMember {
    /// An error inside a success: of the world, unless it is about money or the request itself.
    pub fn failure(&self) -> ModelFailure {
        let lasting = self.is_quota()
            || self.kind.as_deref().is_some_and(|kind| {
                matches!(
                    kind,
                    "invalid_request_error" | "authentication_error" | "permission_error" | "not_found_error"
                )
            });
        ModelFailure { transient: !lasting, ..ModelFailure::transient(self.reason()) }
    }

    fn reason(&self) -> String {
        format!("{} {}", self.kind.as_deref().unwrap_or_default(), self.code.as_str().unwrap_or_default())
    }

    /// 429 also means "you have no money left", and so does Anthropic's 400 about the credit balance: waiting mends neither.
    fn is_quota(&self) -> bool {
        [self.code.as_str(), self.kind.as_deref()]
            .iter()
            .flatten()
            .any(|word| word.contains("quota") || word.contains("billing"))
            || self.message.as_str().is_some_and(|message| message.contains("credit balance"))
    }
}
