//! The bundle's one error: what the caller can do something about, plus `Internal`. `http::problem` gives each its status.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, as the caller sees it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request's content breaks rules; every rule that it breaks is listed.
    #[error("validation failed")]
    Invalid(Vec<Issue>),
    /// The request cannot be read at all.
    #[error("{detail}")]
    Malformed {
        /// Stable machine code.
        code: &'static str,
        /// What to do about it.
        detail: String,
    },
    /// No session token, or not a good one; the reason is for the log and the audit log only.
    #[error("not authenticated: {0}")]
    Unauthenticated(Reason),
    /// The caller is known, and may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No such thing, or not the caller's.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The path exists, the method does not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The thing is in a state in which this cannot be done.
    #[error("{detail}")]
    Conflict {
        /// Stable machine code.
        code: &'static str,
        /// What to do about it.
        detail: String,
    },
    /// The body is larger than the route takes.
    #[error("the body may have at most {limit_bytes} bytes")]
    TooLarge {
        /// The most that the route takes.
        limit_bytes: u64,
    },
    /// The body is of a kind that the route does not read.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// The caller sent more than its share.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// What the question may cost is more than a spend cap leaves; nothing was spent.
    #[error("the budget of the {} is exhausted", .0.period)]
    BudgetExhausted(Box<Budget>),
    /// Something that the answer needs is down or too slow; nothing was done.
    #[error("{code}")]
    Unavailable {
        /// Stable machine code: what is unavailable.
        code: &'static str,
        /// When to try again.
        retry_after: Duration,
        /// For the log.
        #[source]
        cause: anyhow::Error,
    },
    /// The operator switched this off.
    #[error("{sentence}")]
    SwitchedOff {
        /// Stable machine code: which switch.
        code: &'static str,
        /// What the caller is told.
        sentence: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// A key that marks a request as one and the same was used for two different ones.
    #[error("this Idempotency-Key was used with another request")]
    KeyReused,
    /// A request with the same key is being worked on.
    #[error("a request with this Idempotency-Key is being worked on")]
    InFlight {
        /// When it is done at the latest.
        retry_after: Duration,
    },
    /// What had begun to come does not come to its end.
    #[error("the answer broke off")]
    Interrupted,
    /// A defect or an unforeseen fault; the cause is for the log only.
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

/// The bundle's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a caller is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Stable machine code.
    pub code: &'static str,
    /// The same as a sentence.
    pub sentence: &'static str,
}

impl Reason {
    /// Nobody tried to sign in: the one reason that is no failed attempt.
    pub const MISSING: Self = Self::new("missing", "there is no Authorization header");

    /// A reason.
    pub const fn new(code: &'static str, sentence: &'static str) -> Self {
        Self { code, sentence }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.sentence)
    }
}

/// The spend cap that is in the way.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Budget {
    /// Whose spending it caps: `user`, `workspace` or `total`, which is everybody's.
    pub scope: String,
    /// `day` or `month`, in UTC.
    pub period: String,
    /// The cap in dollars.
    pub limit_usd: f64,
    /// What is left of it, less what is reserved for questions that are being answered.
    pub left_usd: f64,
    /// When the next period begins.
    pub resets_at: Timestamp,
}

/// One broken rule of a request, in Zod's shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Issue {
    /// Where: member names and array positions from the outside in.
    pub path: Vec<String>,
    /// Zod's code: `invalid_type`, `too_small`, `too_big`, `invalid_format`, `unrecognized_keys`, `custom` …
    pub code: &'static str,
    /// A sentence for the person who wrote the request.
    pub message: String,
}

impl Error {
    /// One broken rule of one member.
    pub fn invalid(member: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Issue { path: vec![member.to_owned()], code, message: message.into() }])
    }

    /// A request that cannot be read.
    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Malformed { code, detail: detail.into() }
    }

    /// A dependency that is down or too slow, with the usual advice to come back in two seconds.
    pub fn unavailable(code: &'static str, cause: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable { code, retry_after: Duration::from_secs(2), cause: cause.into() }
    }
}
