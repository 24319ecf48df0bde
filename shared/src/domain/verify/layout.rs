//! The answer's text without its markers, where they stood, and the answer put together again.

use super::{
    links::{is_line_start, mend},
    markers::group_index,
};
use crate::domain::sentences::{Sentence, sentences};

/// The text, and the places of the markers in it.
pub(super) struct Layout {
    /// The text without any markers.
    pub text: String,
    /// In the order of the text.
    pub places: Vec<Place>,
    sentences: Vec<Sentence>,
}

/// Where a group of markers stood.
pub(super) struct Place {
    /// Which group.
    pub group: usize,
    /// Byte of `text` before which it stood.
    at: usize,
    has_space: bool,
    /// Which sentence it belongs to; none in a text without sentences.
    sentence: Option<usize>,
}

impl Layout {
    /// Takes the stand-ins out of `marked`.
    pub fn new(marked: &str) -> Self {
        let (text, mut places) = without_markers(marked);
        let sentences = sentences(&text);
        for place in &mut places {
            place.sentence = sentence_of(&text, &sentences, place.at);
        }
        Self { text, places, sentences }
    }

    /// What the markers at the place are to prove: the part of their sentence since the markers before them, with the
    /// rest of the sentence if they are its last; `is_enough` says whether that is more than a scrap, else the whole
    /// sentence is taken.
    pub fn claim(&self, place: &Place, is_enough: impl Fn(&str) -> bool) -> &str {
        let Some(sentence) = place.sentence.and_then(|index| self.sentences.get(index)) else { return "" };
        let (mut start, mut end) = (sentence.start, sentence.end);
        for other in self.places.iter().filter(|other| other.sentence == place.sentence) {
            if other.at < place.at {
                start = start.max(other.at);
            } else if other.at > place.at {
                end = place.at.max(sentence.start);
                break;
            }
        }
        let whole = self.slice(sentence.start, sentence.end);
        let part = self.slice(start, end);
        without_list_mark(if is_enough(part) { part } else { whole })
    }

    /// The answer, with the text of each place (empty where none survived) put back; and the sentences that had
    /// markers and have none now, as ranges of the answer in code points.
    pub fn finish(&self, rendered: &[String]) -> (String, Vec<[u32; 2]>) {
        let mut answer = String::with_capacity(self.text.len() + 4 * rendered.len());
        let mut inserted = Vec::new();
        let mut from = 0;
        for (place, markers) in self.places.iter().zip(rendered).filter(|(_, markers)| !markers.is_empty()) {
            answer.push_str(self.slice(from, place.at));
            from = place.at;
            let length_before = answer.len();
            let is_line_start = is_line_start(&answer);
            if !is_line_start && place.has_space {
                answer.push(' ');
            }
            answer.push_str(markers);
            let next = self.slice(from, self.text.len()).chars().next();
            if is_line_start && next.is_some_and(|next| !next.is_whitespace()) {
                answer.push(' ');
            }
            inserted.push((place.at, answer.len() - length_before));
        }
        answer.push_str(self.slice(from, self.text.len()));

        let code_point = |at: usize| {
            // What is inserted is ASCII: its bytes are its code points.
            let before: usize =
                inserted.iter().filter(|(place, _)| *place <= at).map(|(_, length)| length).sum();
            u32::try_from(self.slice(0, at).chars().count() + before).unwrap_or(u32::MAX)
        };
        let is_unsupported = |index: usize| {
            let mut own = self
                .places
                .iter()
                .zip(rendered)
                .filter(|(place, _)| place.sentence == Some(index))
                .peekable();
            own.peek().is_some() && own.all(|(_, markers)| markers.is_empty())
        };
        let unsupported = (0..).zip(&self.sentences).filter(|&(index, _)| is_unsupported(index));
        let ranges =
            unsupported.map(|(_, sentence)| [code_point(sentence.start), code_point(sentence.end)]).collect();
        (answer, ranges)
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// The text without the stand-ins, and their places in it.
pub(super) fn without_markers(marked: &str) -> (String, Vec<Place>) {
    let chars: Vec<char> = marked.chars().collect();
    let mut text = String::with_capacity(marked.len());
    let mut places = Vec::new();
    let mut index = 0;
    while let Some(&found) = chars.get(index) {
        index += 1;
        let Some(group) = group_index(found) else {
            text.push(found);
            continue;
        };
        let has_space = text.ends_with(char::is_whitespace);
        index += mend(&mut text, chars.get(index..).unwrap_or_default());
        let kept = if is_line_start(&text) { text.len() } else { text.trim_end_matches([' ', '\t']).len() };
        places.push(Place { group, at: kept, has_space, sentence: None });
    }
    text.truncate(text.trim_end().len());
    for place in &mut places {
        place.at = place.at.min(text.len());
    }
    (text, places)
}

/// The sentence that a marker before byte `at` belongs to: the one that it ends or stands in, else the one that
/// follows in the same line, else the one before.
fn sentence_of(text: &str, sentences: &[Sentence], at: usize) -> Option<usize> {
    let next = sentences.partition_point(|sentence| sentence.end < at);
    let found = sentences.get(next);
    if found.is_some_and(|found| found.start < at) {
        return Some(next);
    }
    let is_same_line =
        found.is_some_and(|found| text.get(at..found.start).is_some_and(|between| !between.contains('\n')));
    if is_same_line { Some(next) } else { next.checked_sub(1).or(found.map(|_| next)) }
}

/// Without the `2.` or `-` of a list item: its number is not a figure of the claim.
fn without_list_mark(claim: &str) -> &str {
    let claim = claim.trim_start();
    let (mark, rest) = claim.split_once(char::is_whitespace).unwrap_or((claim, ""));
    let number = mark.strip_suffix(['.', ')']).unwrap_or_default();
    let is_number =
        !number.is_empty() && number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || matches!(mark, "-" | "*" | "•" | "–") { rest.trim_start() } else { claim }
}
