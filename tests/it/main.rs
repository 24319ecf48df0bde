//! The bundle as its callers see it: one binary, so that it links once.

mod database;
mod path;
mod tenancy;
mod tokens;
