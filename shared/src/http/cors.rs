//! Which pages may call: an allow-list of origins, never any with everything.

use std::time::Duration;

use anyhow::{Context, ensure};
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::env::Env;

/// What `CORS_ALLOWED_ORIGINS` allows; none where it allows nobody. No cookies are used, so that none are allowed.
pub fn cors(env: &Env) -> anyhow::Result<Option<CorsLayer>> {
    let origins: anyhow::Result<Vec<HeaderValue>> =
        env.list("CORS_ALLOWED_ORIGINS").iter().map(|text| origin(text)).collect();
    let origins = origins?;
    if origins.is_empty() {
        return Ok(None);
    }
    let name = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            name("idempotency-key"),
            name("x-filename"),
            name("x-vercel-ai-ui-message-stream"),
        ])
        .expose_headers([
            header::LINK,
            header::RETRY_AFTER,
            name("idempotency-replayed"),
            name("ratelimit"),
            name("ratelimit-policy"),
            name("x-ratelimit-limit"),
            name("x-ratelimit-remaining"),
            name("x-ratelimit-reset"),
            name("x-request-id"),
        ])
        .max_age(Duration::from_hours(2));
    Ok(Some(layer))
}

/// A web origin as a browser writes it: scheme, host and perhaps a port, nothing after (RFC 6454 §6.2).
fn origin(text: &str) -> anyhow::Result<HeaderValue> {
    let url: reqwest::Url =
        text.parse().with_context(|| format!("CORS_ALLOWED_ORIGINS holds no origin: {text:?}"))?;
    ensure!(
        url.origin().ascii_serialization() == text,
        "CORS_ALLOWED_ORIGINS takes origins such as https://app.example.com, not {text:?}"
    );
    HeaderValue::from_str(text).context("CORS_ALLOWED_ORIGINS holds a character that no header takes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_origins_are_taken() {
        let with = |text: &str| cors(&Env::of([("CORS_ALLOWED_ORIGINS", text.to_owned())]));
        assert!(with("").unwrap().is_none());
        assert!(with("https://a.example, http://localhost:3000").unwrap().is_some());
        for bad in ["*", "null", "https://a.example/", "a.example", "https://A.example"] {
            assert!(with(bad).is_err(), "{bad}");
        }
    }
}
