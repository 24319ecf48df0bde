//! HTTP: JSON in, JSON out, problems, who is calling; and the one layer around all routes.

mod address;
mod body;
mod caller;
mod cors;
mod deadline;
mod held;
mod idempotency;
mod layer;
mod limits;
pub mod openapi;
pub mod paging;
mod problem;
pub mod schema;
mod switches;

pub use self::{
    address::ClientAddress,
    body::{Body, JSON_BYTES_MAX, PathId, Request, media_type, read_bounded, read_json},
    caller::Authenticated,
    deadline::Deadline,
    held::held,
    idempotency::{Idempotency, once},
    layer::{finish, tell_problem},
    limits::{Gate, show},
    problem::PROBLEM_JSON,
    switches::{Switches, obey},
};
