//! PDF → pages of normalised text, with word boxes on request. Here: what callers see. The reading itself
//! happens in a process of its own (`print`, `arguments`), started and bounded by its parent (`child`).
//!
//! Two engines read: libpdfium, loaded at run time (`pdfium`), and a pure Rust one (`fallback`) where the
//! library is absent or refuses a file. Both hand glyphs to one `normalise`, before any offset is taken.

mod arguments;
mod child;
mod fallback;
mod host;
mod intact;
mod normalise;
mod pdfium;
mod print;
mod sight;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use arguments::{library_beside_executable, main};
pub use child::Reader;
pub use host::serve_child;
pub use print::print_pages;

pub use crate::domain::page::{Layout, Page, Word};

/// How much a file may cost before it is given up as [`Code::TooComplex`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A document of more pages is [`Code::TooManyPages`].
    pub pages_max: u32,
    /// Characters drawn on one page, before normalisation.
    pub page_chars_max: u32,
    /// Characters of all pages together, after normalisation.
    pub text_chars_max: u64,
    /// Address space of the process that reads (Linux only; elsewhere it is not bounded).
    pub memory_bytes: u64,
    /// CPU seconds of each process that reads.
    pub cpu_s: u64,
    /// From the call to its answer, a second attempt included.
    pub wall: Duration,
    /// What the parent reads from the process that reads, and so about what it holds in memory.
    pub output_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            pages_max: 5_000,
            page_chars_max: 200_000,
            text_chars_max: 20_000_000,
            memory_bytes: 768 << 20,
            cpu_s: 60,
            wall: Duration::from_secs(90),
            output_bytes_max: 256 << 20,
        }
    }
}

/// Why a file gave no text. All but `Unreadable` are faults of the file, which trying again does not mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// It opens only with a password. Files that open with the empty one are read.
    Encrypted,
    /// It is no PDF, lacks its end, has no pages, or no engine makes sense of it.
    Malformed,
    /// Reading it passed a limit of time, memory or size.
    TooComplex,
    /// Its pages open, and none has a letter or digit: scanned, most likely.
    NoText,
    /// More pages than [`Limits::pages_max`].
    TooManyPages,
    /// The program was called wrongly or could not open the path: a fault of the world, which [`Reader`]
    /// returns as an error and never as a failure of the file.
    Unreadable,
}

/// A fault of the file, told to the person who uploaded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What a program decides by.
    pub code: Code,
    /// What is wrong and what to do next, in plain sentences.
    pub detail: String,
}

impl Failure {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Failure { code, detail: detail.into() }
    }

    fn encrypted() -> Self {
        Failure::new(
            Code::Encrypted,
            "The PDF is locked with a password. Save a copy without one and upload that.",
        )
    }

    fn malformed() -> Self {
        Failure::new(
            Code::Malformed,
            "The PDF is damaged and cannot be read. Open it in a viewer, print or export it to a new PDF and upload that.",
        )
    }

    fn too_complex(reason: &str) -> Self {
        Failure::new(
            Code::TooComplex,
            format!(
                "{reason}. Export the document to a new PDF, or split it into smaller files, and upload that."
            ),
        )
    }

    fn unreadable(reason: impl Into<String>) -> Self {
        Failure::new(Code::Unreadable, reason)
    }
}

/// A page as an engine drew it, before normalisation.
#[derive(Default)]
struct RawPage {
    /// Displayed width and height in points; `None` when they were not asked for or make no sense.
    size: Option<[f32; 2]>,
    glyphs: Vec<Glyph>,
    /// Characters that were left out, because nobody who looks at the page sees them.
    hidden: u32,
}

/// One character and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Glyph {
    character: char,
    /// Left, top, right, bottom in points from the top left corner of the displayed page.
    area: Option<[f32; 4]>,
    /// Set by `normalise` where a line began that the text no longer shows.
    begins_line: bool,
}

impl Glyph {
    fn new(character: char, area: Option<[f32; 4]>) -> Self {
        Glyph { character, area, begins_line: false }
    }
}

/// Stands in a raw page for a hyphen that ends a line inside a word; libpdfium uses the same character.
const LINE_END_HYPHEN: char = '\u{2}';

/// The smallest box around both.
fn union(one: Option<[f32; 4]>, other: Option<[f32; 4]>) -> Option<[f32; 4]> {
    let (Some(a), Some(b)) = (one, other) else {
        return one.or(other);
    };
    Some([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}
