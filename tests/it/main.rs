//! The bundle as its callers see it: one binary, so that it links once.

mod chat;
mod database;
mod edge;
mod idempotency;
mod lambda;
mod models;
mod path;
mod template;
mod tenancy;
mod documents;
mod ingest;
mod path;
mod retention;
mod search;
mod tokens;
