//! What the tests stand on: databases, buckets, tokens, model providers, the Lambda Runtime API.

pub mod app;
pub mod behind;
pub mod events;
pub mod holdings;
pub mod openai;
pub mod parts;
pub mod pdf;
pub mod postgres_wire;
pub mod redis;
pub mod routes;
pub mod runtime_api;
pub mod served;
