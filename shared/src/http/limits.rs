//! Limits at the door of a route: who is calling, whether they may send one more, and the headers that say so.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    extract::{FromRef, FromRequestParts, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, request::Parts};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Authenticated, ClientAddress, layer::RequestId};
use crate::{
    Error, Result,
    auth::Auth,
    db::{
        self,
        audit::{self, Entry},
    },
    error::Reason,
    limiter::{self, Limiter, Verdict, policy},
};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const STATE: HeaderName = HeaderName::from_static("x-ratelimit-state");
/// The two of the IETF draft, as structured fields.
const STANDARD_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDARD: HeaderName = HeaderName::from_static("ratelimit");

/// Puts limits before routes that need a session token.
#[derive(Clone)]
pub struct Gate {
    auth: Auth,
    limiter: Limiter,
    /// Takes down who was turned away.
    db: db::Pool,
}

/// A gate with the policy that it applies.
#[derive(Clone)]
struct Limited {
    gate: Gate,
    policy: &'static str,
}

/// Where the verdict on a request waits for its response, whatever becomes of the handler.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<OnceLock<Verdict>>);

impl Gate {
    /// For routes that share these.
    pub fn new(auth: &Auth, limiter: &Limiter, db: &db::Pool) -> Self {
        Self { auth: auth.clone(), limiter: limiter.clone(), db: db.clone() }
    }

    /// Counts the requests to `routes` by the policy and the caller's user id; those without a good session token by
    /// `anonymous.ip` and the address that they come from. Other methods on the same path are not counted.
    pub fn limit<S>(&self, policy: &'static str, routes: MethodRouter<S>) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        routes.route_layer(from_fn_with_state(Limited { gate: self.clone(), policy }, admit))
    }
}

impl FromRef<Gate> for Auth {
    fn from_ref(gate: &Gate) -> Self {
        gate.auth.clone()
    }
}

async fn admit(State(limited): State<Limited>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match limited.check(&mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    }
}

impl Limited {
    /// The error of a stranger within the limits is that it is one.
    async fn check(&self, parts: &mut Parts) -> Result<()> {
        let caller = Authenticated::from_request_parts(parts, &self.gate).await;
        if let Some(change) = self.gate.auth.take_key_change() {
            let detail =
                json!({ "added": change.added, "removed": change.removed, "replaced": change.replaced });
            self.note(parts, "signing_keys_changed", Some(change.set), detail, None).await;
        }
        match caller {
            Ok(Authenticated(caller)) => self.take(parts, self.policy, caller.user.as_str()).await,
            Err(stranger @ Error::Unauthenticated(reason)) => {
                let client = parts.extensions.get::<ClientAddress>().and_then(|client| client.0);
                self.take(parts, policy::ANONYMOUS_IP, &limiter::address(client)).await?;
                // Only now: whoever sends more than their share does not get to fill the audit log either.
                if reason != Reason::MISSING {
                    let address = client.map(|address| limiter::address(Some(address)));
                    self.note(parts, "sign_in_failed", None, json!({ "reason": reason.code }), address).await;
                }
                Err(stranger)
            }
            Err(error) => Err(error),
        }
    }

    async fn note(
        &self,
        parts: &Parts,
        event: &'static str,
        subject: Option<String>,
        detail: Value,
        address: Option<String>,
    ) {
        let request = parts.extensions.get::<RequestId>().map(|RequestId(id)| *id);
        audit::note(&self.gate.db, Entry { event, subject, detail, address, request }).await;
    }

    async fn take(&self, parts: &Parts, policy: &str, identifier: &str) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "a request's time is read where the request comes in")]
        let now = Timestamp::now();
        let verdict = self.gate.limiter.take(policy, identifier, now).await?;
        let outcome = if verdict.success {
            Ok(())
        } else {
            Err(Error::RateLimited { retry_after: Duration::from_secs(verdict.retry_after_s()) })
        };
        show(verdict, &parts.extensions);
        outcome
    }
}

/// Puts the verdict into the headers of the request's response, unless one stands there already. For limits that are
/// not a [`Gate`]'s.
pub fn show(verdict: Verdict, extensions: &Extensions) {
    if let Some(Slot(slot)) = extensions.get::<Slot>() {
        slot.set(verdict).ok();
    }
}

impl Slot {
    /// Says in the response's headers what the limiter said; nothing where it was not asked.
    pub(super) fn render(&self, headers: &mut HeaderMap) {
        let Some(verdict) = self.0.get() else { return };
        headers.insert(LIMIT, HeaderValue::from(verdict.limit));
        headers.insert(REMAINING, HeaderValue::from(verdict.remaining));
        headers.insert(RESET, HeaderValue::from(verdict.reset_ms));
        if verdict.degraded {
            headers.insert(STATE, HeaderValue::from_static("degraded"));
        }
        let standard = [(STANDARD_POLICY, policies(verdict)), (STANDARD, rest(verdict))];
        for (name, text) in standard {
            // Names of windows are plain ASCII, so that this always holds.
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// `"chat.user:1h";q=100;w=3600, "chat.user:10s";q=10;w=10`.
fn policies(verdict: &Verdict) -> String {
    let one = |(name, rule): &(String, limiter::SlidingWindow)| {
        let seconds = u64::try_from(rule.window_ms).unwrap_or_default().div_ceil(1_000);
        format!("\"{name}\";q={};w={seconds}", rule.limit)
    };
    verdict.windows.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `"chat.user:10s";r=9;t=7`.
fn rest(verdict: &Verdict) -> String {
    format!("\"{}\";r={};t={}", verdict.window, verdict.remaining, verdict.retry_after_s())
}
