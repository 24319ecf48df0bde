//! The bundle as its callers see it: one binary, so that it links once.

mod edge;
mod idempotency;
mod database;
mod chat;
mod models;
mod path;
mod tenancy;
mod lambda;
mod path;
mod template;
