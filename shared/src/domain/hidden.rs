//! Characters that nobody sees: a document can hold text made of them, or words cut apart by them, that its readers do
//! not know of and a model would.

/// Whether the character has neither shape nor width: marks of direction, tags, fillers, joiners of nothing, selectors
/// of private use and what is no character at all. Not among them are soft hyphens, and the joiners and selectors that
/// some scripts and emoji are written with: who meets one of those knows what it is for.
pub fn is_hidden(found: char) -> bool {
    matches!(found,
        '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
        || u32::from(found) & 0xfffe == 0xfffe
}
