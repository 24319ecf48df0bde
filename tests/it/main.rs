//! The bundle as its callers see it: one binary, so that it links once.

mod documents;
mod ingest;
mod path;
mod retention;
