//! What the tests stand on: databases, buckets, tokens, model providers, the Lambda Runtime API.

pub mod app;
pub mod behind;
pub mod events;
pub mod followed;
pub mod holdings;
pub mod oddities;
pub mod openai;
pub mod parts;
pub mod pdf;
pub mod pgbouncer;
pub mod postgres_rewrite;
pub mod postgres_wire;
pub mod raw_http;
pub mod redis;
pub mod routes;
pub mod runtime_api;
pub mod served;
