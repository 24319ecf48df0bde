//! Values and pure functions: nothing here waits, reads or writes.

pub mod analysis;
pub mod answer;
pub mod attempt;
pub mod caller;
pub mod chunking;
pub mod citation;
pub mod complexity;
pub mod described;
pub mod document;
mod evidence;
pub mod extract;
mod fence;
pub mod fold;
pub mod follow_up;
pub mod hash;
pub mod hidden;
pub mod history;
#[cfg(test)]
mod hostile;
pub mod ids;
pub mod kept;
pub mod language;
mod lines;
pub mod page;
pub mod passage;
pub mod passages;
pub mod prompt;
pub mod question;
pub mod refusal;
pub mod sentences;
pub mod shorten;
mod stop_words;
pub mod strict_json;
mod tokens;
pub mod verify;
mod word_lists;
