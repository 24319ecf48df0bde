//! What the tests stand on: databases, buckets, tokens, model providers, the Lambda Runtime API.

#![expect(clippy::disallowed_methods, reason = "what scripts/test says is no setting of the bundle")]

pub mod app;
pub mod events;
pub mod openai;
pub mod parts;
pub mod runtime_api;
pub mod served;
