//! What every function's routes answer alike: headers, and a problem for each status of a refusal.

use serde_json::{Map, Value, json};

use crate::http::PROBLEM_JSON;

/// On every response.
pub const REQUEST_ID: &str = "x-request-id";
/// On a response that was kept and is sent again.
pub const REPLAYED: &str = "Idempotency-Replayed";
/// On every response to a request that was counted.
pub const COUNTING: [&str; 6] = [
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-State",
];

#[derive(PartialEq)]
enum Counted {
    Yes,
    /// Where many requests of one address run at once, the next is refused before it is counted.
    Perhaps,
    No,
}

/// How all refusals with one status look.
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The name among the document's responses.
    pub name: &'static str,
    /// The machine codes that the problem may have.
    codes: &'static [&'static str],
    /// Whether the request was counted before it was refused, so that headers say how.
    counted: Counted,
    /// The header that says more.
    header: Option<&'static str>,
    /// When this is the answer.
    description: &'static str,
}

/// Every status of a refusal.
pub const REFUSALS: [Refusal; 12] = [
    Refusal {
        status: 400,
        name: "Invalid",
        codes: &[
            "validation_failed",
            "invalid_json",
            "invalid_multipart",
            "invalid_query",
            "incomplete_body",
        ],
        counted: Counted::Yes,
        header: None,
        description: "The request breaks rules, all of which `details` lists, or cannot be read at all.",
    },
    Refusal {
        status: 401,
        name: "Unauthenticated",
        codes: &["unauthenticated"],
        counted: Counted::Yes,
        header: Some("WWW-Authenticate"),
        description: "There is no session token, or not a good one; the answer is the same for every reason.",
    },
    Refusal {
        status: 402,
        name: "BudgetExhausted",
        codes: &["budget_exhausted"],
        counted: Counted::Yes,
        header: None,
        description: "A spend cap leaves less than the question may cost; `budget` says which, what is left of it and when the next \
                      period begins. Nothing was spent.",
    },
    Refusal {
        status: 403,
        name: "Forbidden",
        codes: &["forbidden"],
        counted: Counted::Yes,
        header: None,
        description: "The caller may not do this.",
    },
    Refusal {
        status: 404,
        name: "NotFound",
        codes: &["not_found"],
        counted: Counted::Yes,
        header: None,
        description: "There is no such thing, or it is not the caller's.",
    },
    Refusal {
        status: 409,
        name: "InFlight",
        codes: &["request_in_flight"],
        counted: Counted::Yes,
        header: Some("Retry-After"),
        description: "The first request with this `Idempotency-Key` is being worked on.",
    },
    Refusal {
        status: 413,
        name: "TooLarge",
        codes: &["too_large"],
        counted: Counted::Yes,
        header: None,
        description: "The body is larger than the route takes; `detail` says how much that is.",
    },
    Refusal {
        status: 415,
        name: "UnsupportedMediaType",
        codes: &["unsupported_media_type"],
        counted: Counted::Yes,
        header: None,
        description: "The body is of a kind that the route does not read.",
    },
    Refusal {
        status: 422,
        name: "KeyReused",
        codes: &["idempotency_key_reused"],
        counted: Counted::Yes,
        header: None,
        description: "This `Idempotency-Key` belongs to another request.",
    },
    Refusal {
        status: 429,
        name: "RateLimited",
        codes: &["rate_limited"],
        counted: Counted::Perhaps,
        header: Some("Retry-After"),
        description: "The caller has sent more than its share; `retryAfter` and `Retry-After` say when to come back.",
    },
    Refusal {
        status: 500,
        name: "Internal",
        codes: &["internal"],
        counted: Counted::No,
        header: None,
        description: "A defect. The log has it under the request's id.",
    },
    Refusal {
        status: 503,
        name: "Unavailable",
        codes: &[
            "database_unavailable",
            "storage_unavailable",
            "auth_unavailable",
            "rate_limiter_unavailable",
            "timeout",
            "overloaded",
            "maintenance",
            "switched_off",
        ],
        counted: Counted::No,
        header: Some("Retry-After"),
        description: "Something that this needs is down, busy or switched off; nothing was done.",
    },
];

impl Refusal {
    /// The response's definition.
    pub fn response(&self) -> Value {
        let mut response = json!({
            "description": self.description,
            "content": { PROBLEM_JSON: { "schema": { "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "properties": { "status": { "const": self.status }, "code": { "enum": self.codes } } },
            ] } } },
        });
        add_headers(&mut response, &[REQUEST_ID]);
        if self.counted != Counted::No {
            add_headers(&mut response, &COUNTING);
        }
        if self.counted == Counted::Perhaps {
            let all = headers();
            for name in COUNTING {
                response["headers"][name] = all[name].clone();
                response["headers"][name]["required"] = false.into();
            }
        }
        add_headers(&mut response, self.header.as_slice());
        response
    }
}

/// Says of a response that these headers come with it.
pub fn add_headers(response: &mut Value, names: &[&str]) {
    let Some(response) = response.as_object_mut() else { return };
    let headers = response.entry("headers").or_insert_with(|| json!({}));
    for name in names {
        headers[name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

/// Every header's definition.
pub fn headers() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let all = [
        (
            REQUEST_ID,
            true,
            json!({ "type": "string", "format": "uuid" }),
            "The id under which logs and traces have the request.",
        ),
        (
            "RateLimit",
            true,
            text(),
            "The window that has least left, such as `\"chat.user:10s\";r=9;t=7` (IETF draft).",
        ),
        (
            "RateLimit-Policy",
            true,
            text(),
            "Every window, such as `\"chat.user:1h\";q=100;w=3600` (IETF draft).",
        ),
        ("X-RateLimit-Limit", true, number(), "How many requests the window that has least left takes."),
        ("X-RateLimit-Remaining", true, number(), "How many it still takes."),
        ("X-RateLimit-Reset", true, number(), "When it begins anew, in Unix milliseconds."),
        (
            "X-RateLimit-State",
            false,
            json!({ "const": "degraded" }),
            "Each process counts for itself for now.",
        ),
        ("Retry-After", true, number(), "Seconds."),
        ("WWW-Authenticate", true, json!({ "const": "Bearer" }), "The scheme of session tokens."),
        (REPLAYED, false, json!({ "const": "true" }), "The response was kept, and is sent again."),
    ];
    let header = |(name, required, schema, description): (&str, bool, Value, &str)| {
        (name.to_owned(), json!({ "required": required, "schema": schema, "description": description }))
    };
    all.into_iter().map(header).collect::<Map<_, _>>().into()
}
