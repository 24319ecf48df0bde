//! What the tests stand on: databases, buckets, tokens, model providers, the Lambda Runtime API.

pub mod app;
pub mod events;
pub mod openai;
pub mod parts;
pub mod redis;
pub mod runtime_api;
