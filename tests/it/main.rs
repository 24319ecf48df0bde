//! The bundle as its callers see it: one binary, so that it links once.

mod architecture;
mod audit;
mod cache;
mod chat;
mod database;
mod documents;
mod edge;
mod idempotency;
mod ingest;
mod lambda;
mod limits;
mod logs;
mod models;
mod oddities;
mod openapi;
mod path;
mod plan;
mod retention;
mod search;
mod settings;
mod streaming;
mod template;
mod tenancy;
mod tokens;
