//! Any endpoint that speaks OpenAI's chat completions and embeddings: OpenAI, Groq, a local server.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{ChatModel, Completion, Later, ModelFailure};
use crate::domain::prompt::{Prompt, Role};

/// The most that an answer may have; a claim with its quote takes about 60.
const OUTPUT_TOKENS_MAX: u32 = 1_024;
/// The most bytes of a response that are read.
const RESPONSE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One endpoint with its key.
#[derive(Clone)]
pub struct Endpoint {
    http: reqwest::Client,
    base_url: String,
    key: Option<SecretString>,
}

impl Endpoint {
    /// An endpoint under `base_url`, such as `https://api.openai.com/v1`.
    pub fn new(http: reqwest::Client, base_url: &str, key: Option<SecretString>) -> Self {
        Self { http, base_url: base_url.trim_end_matches('/').to_owned(), key }
    }

    /// Posts JSON and reads JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ModelFailure> {
        let mut request = self.http.post(format!("{}{path}", self.base_url)).json(body);
        if let Some(key) = &self.key {
            let bearer = header::HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
            let mut bearer =
                bearer.map_err(|_| ModelFailure::permanent("the key has characters that no header takes"))?;
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| ModelFailure::transient(error.without_url().to_string()))?;
        if !response.status().is_success() {
            return Err(failure(response).await);
        }
        let body = bounded(response).await?;
        serde_json::from_slice(&body).map_err(|error| {
            // Errors also arrive inside a 200.
            match serde_json::from_slice::<ErrorBody>(&body) {
                Ok(body) => ModelFailure::transient(body.error.reason()),
                Err(_) => ModelFailure::transient(format!(
                    "the response is not as documented: {:?}",
                    error.classify()
                )),
            }
        })
    }
}

/// The whole body, unless it is absurdly large.
async fn bounded(mut response: Response) -> Result<Vec<u8>, ModelFailure> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if body.len() + piece.len() <= RESPONSE_BYTES_MAX => {
                body.extend_from_slice(&piece);
            }
            Ok(Some(_)) => return Err(ModelFailure::permanent("the response is too large")),
            Ok(None) => return Ok(body),
            Err(error) => return Err(ModelFailure::transient(error.without_url().to_string())),
        }
    }
}

async fn failure(response: Response) -> ModelFailure {
    let status = response.status();
    let header = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let error = bounded(response).await.ok().and_then(|body| serde_json::from_slice::<ErrorBody>(&body).ok());
    // 429 also means "you have no money left", which waiting does not mend.
    let exhausted = error.as_ref().is_some_and(|body| body.error.is_quota());
    let reason = error.map_or_else(String::new, |body| body.error.reason());
    let transient = (status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT))
        && !exhausted;
    ModelFailure { transient, retry_after, reason: format!("HTTP {} {reason}", status.as_u16()) }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorMember,
}

#[derive(Deserialize)]
struct ErrorMember {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl ErrorMember {
    /// Kind and code only: messages may repeat a piece of the prompt.
    fn reason(&self) -> String {
        format!("{} {}", self.kind.as_deref().unwrap_or_default(), self.code.as_str().unwrap_or_default())
    }

    fn is_quota(&self) -> bool {
        [self.code.as_str(), self.kind.as_deref()]
            .iter()
            .flatten()
            .any(|word| word.contains("quota") || word.contains("billing"))
    }
}

/// One chat model behind an endpoint.
pub struct OpenAi {
    endpoint: Endpoint,
    provider: &'static str,
    name: String,
}

impl OpenAi {
    /// The model that `endpoint` calls `name`.
    pub fn new(endpoint: Endpoint, provider: &'static str, name: &str) -> Self {
        Self { endpoint, provider, name: name.to_owned() }
    }

    async fn complete(&self, prompt: &Prompt) -> Result<Completion, ModelFailure> {
        let system = Message { role: "system", content: &prompt.system };
        let turns = prompt.turns.iter().map(|turn| {
            let role = if turn.role == Role::User { "user" } else { "assistant" };
            Message { role, content: &turn.text }
        });
        let request = Request {
            model: &self.name,
            messages: std::iter::once(system).chain(turns).collect(),
            temperature: 0.0,
            max_tokens: OUTPUT_TOKENS_MAX,
        };
        let response: ResponseBody = self.endpoint.post("/chat/completions", &request).await?;
        let choice = response.choices.into_iter().next();
        let text = choice.and_then(|choice| choice.message.content).filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| ModelFailure::transient("the response holds no text"))?;
        let usage = response.usage.unwrap_or_default();
        Ok(Completion { text, input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens })
    }
}

impl ChatModel for OpenAi {
    fn provider(&self) -> &str {
        self.provider
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn answer<'a>(&'a self, prompt: &'a Prompt) -> Later<'a, Result<Completion, ModelFailure>> {
        Box::pin(self.complete(prompt))
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    temperature: f32,
    max_tokens: u32,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Deserialize)]
struct ResponseBody {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Written,
}

#[derive(Deserialize)]
struct Written {
    content: Option<String>,
}

#[derive(Deserialize, Default)]
struct Usage {
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}
