//! The bundle as its callers see it: one binary, so that it links once.

mod limits;
mod path;
