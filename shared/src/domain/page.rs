//! A page as a reader hands it over: its text, and where its words stand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page's normalised text: NFC, `\n` line ends, single spaces, no control characters, words whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Counts from 1; every page of the document is present, empty ones too.
    pub page: u32,
    /// At most one blank line in a row, none at either end; empty where nothing is drawn as text.
    pub text: String,
    /// Characters in the file that are not part of the text, because nobody who looks at the page sees them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u32,
    /// Present only when it was asked for and the page has a sensible size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Where a page's words stand when it is displayed: turned upright by its rotation, cropped, origin at the
/// top left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Layout {
    /// In PDF points (1/72 inch), as displayed.
    pub width: f32,
    /// In PDF points (1/72 inch), as displayed.
    pub height: f32,
    /// In the order of the text. Exact from libpdfium; from the fallback engine shared out evenly along each
    /// line. Each is `[start, end, left, top, right, bottom]`.
    #[schema(value_type = Vec<[f32; 6]>)]
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
        let page = Page { page: 1, text: "Hi".into(), hidden: 0, layout: Some(layout) };
        let line = serde_json::to_string(&page).unwrap();
        assert_eq!(
            line,
            r#"{"page":1,"text":"Hi","layout":{"width":612.0,"height":792.0,"words":[[0,2,1.5,2.0,3.1,4.0]]}}"#
        );
        assert_eq!(serde_json::from_str::<Page>(&line).unwrap(), page);
    }

    #[test]
    fn what_was_left_out_is_counted_where_there_is_something() {
        let page = Page { page: 3, text: "a".into(), hidden: 7, layout: None };
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"page":3,"text":"a","hidden":7}"#);
    }

    #[test]
    fn a_page_without_layout_has_no_layout_member() {
        let page = Page { page: 3, text: "a\nb".into(), hidden: 0, layout: None };
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"page":3,"text":"a\nb"}"#);
    }
}
