//! What at least two functions use. Floors, from the ground up: `domain` and `error` compute; `env` reads settings, `tls` and
//! `redis` connect; `answers`, `db`, `storage`, `llm`, `limiter` and `pdf` talk to one outside thing each; `auth`, `http`,
//! `runtime` and `telemetry` host.

pub mod answers;
pub mod auth;
mod breaker;
pub mod db;
pub mod domain;
pub mod env;
pub mod error;
pub mod http;
pub mod limiter;
pub mod llm;
pub mod pdf;
pub mod redis;
pub mod runtime;
pub mod storage;
pub mod telemetry;
pub mod tls;

pub use error::{Error, Result};
