//! What the tests stand on: databases, buckets, tokens, model providers, the Lambda Runtime API.

pub mod events;
pub mod openai;
pub mod runtime_api;
