//! The bundle as its callers see it: one binary, so that it links once.

mod lambda;
mod path;
mod template;
