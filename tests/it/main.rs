//! The bundle as its callers see it: one binary, so that it links once.

mod architecture;
mod database;
mod logs;
mod path;
mod settings;
mod tenancy;
mod tokens;
