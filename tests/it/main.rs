//! The bundle as its callers see it: one binary, so that it links once.

mod chat;
mod database;
mod documents;
mod edge;
mod idempotency;
mod ingest;
mod lambda;
mod models;
mod path;
mod retention;
mod search;
mod template;
mod architecture;
mod logs;
mod settings;
mod tenancy;
mod tokens;
