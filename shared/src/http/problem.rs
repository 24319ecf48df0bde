//! Errors as the caller sees them: RFC 9457 problems. The one place that decides status and code.

use std::{sync::Arc, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Error,
    error::{Budget, Issue},
};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The most issues that are listed.
const ISSUES_MAX: usize = 50;

/// An error on its way out: the layer around all routes turns it into a body, because only there the request's id is
/// known.
#[derive(Clone)]
pub(super) struct Pending(pub Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = outline(&self).status.into_response();
        response.extensions_mut().insert(Pending(Arc::new(self)));
        response
    }
}

/// Why a request was refused (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// `urn:footnote:problem:` and the code.
    r#type: String,
    /// A short sentence, the same for every problem of its kind.
    title: &'static str,
    /// The response's status.
    status: u16,
    /// Stable machine code.
    code: &'a str,
    /// What to do about it.
    detail: String,
    /// As in `x-request-id`.
    #[schema(format = Uuid)]
    request_id: &'a str,
    /// The same as `title`.
    error: &'static str,
    /// Every rule that was broken, in Zod's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 50)]
    details: Option<&'a [Issue]>,
    /// Seconds; the name that clients of the guides look for.
    #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
    /// Of `budget_exhausted`: which cap is in the way, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    budget: Option<&'a Budget>,
}

/// What of an error does not depend on the request.
pub(super) struct Outline<'a> {
    pub status: StatusCode,
    pub code: &'a str,
    /// The problem's title and the guides' short sentence.
    title: &'static str,
}

pub(super) fn outline(error: &Error) -> Outline<'_> {
    let (status, code, title) = match error {
        Error::Invalid(_) => (StatusCode::BAD_REQUEST, "validation_failed", "Validation failed"),
        Error::Malformed { code, .. } => (StatusCode::BAD_REQUEST, *code, "Bad request"),
        Error::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "unauthenticated", "Unauthorized"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", "Not found"),
        Error::MethodNotAllowed => {
            (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
        }
        Error::Conflict { code, .. } => (StatusCode::CONFLICT, *code, "Conflict"),
        Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Payload too large"),
        Error::UnsupportedMediaType(_) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type")
        }
        Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Rate limit exceeded"),
        Error::BudgetExhausted(_) => (StatusCode::PAYMENT_REQUIRED, "budget_exhausted", "Budget exhausted"),
        Error::Unavailable { code, .. } => (StatusCode::SERVICE_UNAVAILABLE, *code, "Service unavailable"),
        Error::SwitchedOff { code, sentence, .. } => (StatusCode::SERVICE_UNAVAILABLE, *code, *sentence),
        Error::KeyReused => {
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "Idempotency-Key reused")
        }
        Error::InFlight { .. } => (StatusCode::CONFLICT, "request_in_flight", "Request in flight"),
        Error::Interrupted => (StatusCode::SERVICE_UNAVAILABLE, "interrupted", "Answer interrupted"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error"),
    };
    Outline { status, code, title }
}

/// The error as the JSON object that the caller sees.
pub(super) fn body(error: &Error, request_id: &str) -> Vec<u8> {
    let Outline { status, code, title } = outline(error);
    let problem = Problem {
        r#type: format!("urn:footnote:problem:{code}"),
        title,
        status: status.as_u16(),
        code,
        detail: detail(error),
        request_id,
        error: title,
        details: match error {
            Error::Invalid(issues) => issues.get(..issues.len().min(ISSUES_MAX)),
            _ => None,
        },
        retry_after: match error {
            Error::RateLimited { retry_after } => Some(seconds(*retry_after)),
            _ => None,
        },
        budget: match error {
            Error::BudgetExhausted(budget) => Some(budget),
            _ => None,
        },
    };
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// The error as a response.
pub(super) fn render(error: &Error, request_id: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))];
    let mut response = (outline(error).status, kind, body(error, request_id)).into_response();
    let headers = response.headers_mut();
    match error {
        Error::Unauthenticated(_) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Error::RateLimited { retry_after }
        | Error::Unavailable { retry_after, .. }
        | Error::SwitchedOff { retry_after, .. }
        | Error::InFlight { retry_after } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(*retry_after)));
        }
        _ => {}
    }
    response
}

fn detail(error: &Error) -> String {
    match error {
        Error::Invalid(issues) => {
            let first = issues.first().map(|issue| format!("{}: {}", issue.path.join("."), issue.message));
            first.unwrap_or_default().trim_start_matches(": ").to_owned()
        }
        // One sentence for every reason: which of them it was is for the log.
        Error::Unauthenticated(_) => "Send a valid session token as `Authorization: Bearer …`.".to_owned(),
        Error::NotFound(what) => format!("There is no such {what}."),
        Error::MethodNotAllowed => "This path takes other methods; the Allow header lists them.".to_owned(),
        Error::RateLimited { retry_after } => {
            format!("You have sent too many requests. Try again in {} s.", seconds(*retry_after))
        }
        Error::BudgetExhausted(budget) => {
            let whose = match budget.scope.as_str() {
                "user" => "your",
                "workspace" => "your workspace's",
                _ => "the",
            };
            format!(
                "What is left of {whose} budget for the {} does not pay for this question. Ask again after {}.",
                budget.period, budget.resets_at
            )
        }
        Error::Unavailable { retry_after, .. } => {
            format!(
                "Something that this needs is down or busy; nothing was done. Try again in {} s.",
                retry_after.as_secs()
            )
        }
        Error::Interrupted => {
            "The answer broke off: what came so far is not the whole of it. Ask again.".to_owned()
        }
        Error::Internal(_) => {
            "Something went wrong on our side; the log has it under the request id.".to_owned()
        }
        Error::Malformed { detail, .. } | Error::Conflict { detail, .. } => detail.clone(),
        Error::Forbidden(sentence) | Error::SwitchedOff { sentence, .. } => (*sentence).to_owned(),
        Error::KeyReused => {
            "Send each request under a key of its own; this one belongs to a request with another body."
                .to_owned()
        }
        Error::InFlight { .. } => "The first request with this key is not done. Ask again later.".to_owned(),
        Error::TooLarge { .. } | Error::UnsupportedMediaType(_) => error.to_string(),
    }
}

/// Whole seconds, rounded up: `Retry-After` knows no fractions.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
