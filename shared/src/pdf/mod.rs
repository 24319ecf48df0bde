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

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use arguments::{library_beside_executable, main};
pub use child::Reader;
pub use host::serve_child;
pub use print::print_pages;

/// One page's normalised text: NFC, `\n` line ends, single spaces, no control characters, words whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Counts from 1; every page of the document is present, empty ones too.
    pub page: u32,
    /// At most one blank line in a row, none at either end; empty where nothing is drawn as text.
    pub text: String,
    /// Present only when it was asked for and the page has a sensible size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
}

/// Where a page's words stand when it is displayed: turned upright by its rotation, cropped, origin at the
/// top left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// In PDF points (1/72 inch), as displayed.
    pub width: f32,
    /// In PDF points (1/72 inch), as displayed.
    pub height: f32,
    /// In the order of the text. Exact from libpdfium; from the fallback engine shared out evenly along each
    /// line.
    pub words: Vec<Word>,
}

/// A run of characters on one line; a word that was joined across a line end is two of them.
/// Serialised as `[start, end, left, top, right, bottom]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "WordArray", from = "WordArray")]
pub struct Word {
    /// First character, counted in Unicode code points of the page's text.
    pub start: u32,
    /// One past the last character, counted the same way.
    pub end: u32,
    /// Left, top, right, bottom in points from the top left corner, to one decimal.
    pub r#box: [f32; 4],
}

type WordArray = (u32, u32, f32, f32, f32, f32);

impl From<Word> for WordArray {
    fn from(word: Word) -> Self {
        let [left, top, right, bottom] = word.r#box;
        (word.start, word.end, left, top, right, bottom)
    }
}

impl From<WordArray> for Word {
    fn from((start, end, left, top, right, bottom): WordArray) -> Self {
        Word { start, end, r#box: [left, top, right, bottom] }
    }
}

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
struct RawPage {
    /// Displayed width and height in points; `None` when they were not asked for or make no sense.
    size: Option<[f32; 2]>,
    glyphs: Vec<Glyph>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_one_compact_line() {
        let layout = Layout {
            width: 612.0,
            height: 792.0,
            words: vec![Word { start: 0, end: 2, r#box: [1.5, 2.0, 3.1, 4.0] }],
        };
        let page = Page { page: 1, text: "Hi".into(), layout: Some(layout) };
        let line = serde_json::to_string(&page).unwrap();
        assert_eq!(
            line,
            r#"{"page":1,"text":"Hi","layout":{"width":612.0,"height":792.0,"words":[[0,2,1.5,2.0,3.1,4.0]]}}"#
        );
        assert_eq!(serde_json::from_str::<Page>(&line).unwrap(), page);
    }

    #[test]
    fn a_page_without_layout_has_no_layout_member() {
        let page = Page { page: 3, text: "a\nb".into(), layout: None };
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"page":3,"text":"a\nb"}"#);
    }
}
