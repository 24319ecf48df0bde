//! Session tokens: which are accepted, what a caller without a good one is told, and where the keys come from.

mod forge;
mod http;
mod key_sets;
mod keys;
mod table;
