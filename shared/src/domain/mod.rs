//! Values and pure functions: nothing here waits, reads or writes.

pub mod analysis;
pub mod answer;
pub mod caller;
pub mod chunking;
pub mod citation;
pub mod document;
mod evidence;
pub mod extract;
pub mod fold;
pub mod hash;
pub mod ids;
pub mod language;
mod lines;
pub mod page;
pub mod passage;
pub mod prompt;
pub mod question;
pub mod refusal;
pub mod sentences;
mod stop_words;
mod tokens;
pub mod verify;
mod word_lists;
