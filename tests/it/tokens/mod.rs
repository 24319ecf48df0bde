//! Session tokens: which are accepted, what a caller without a good one is told, and where the keys come from.

pub mod forge;
mod http;
pub mod key_sets;
mod keys;
mod table;
