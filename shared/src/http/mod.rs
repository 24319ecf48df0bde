//! HTTP: JSON in, JSON out, problems, who is calling; and the one layer around all routes.

mod body;
mod caller;
mod layer;
mod limits;
mod problem;
pub mod schema;

pub use self::{
    body::{Body, PathId, Request, media_type, read_bounded, read_json},
    caller::Authenticated,
    layer::finish,
    limits::Gate,
    problem::PROBLEM_JSON,
};
