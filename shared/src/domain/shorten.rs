//! Short answers: no more than so many words, whatever a model or a document goes on to say. An answer is cut where a sentence
//! ends, and what is cut off takes its citations with it.

use super::{citation::Citation, fold::has_no_spaces, sentences::sentences, verify::Event};

/// Lets an answer through until it has its words. What has been let through is always whole sentences, unless the first one is
/// itself too long.
pub struct Shortener {
    words_max: usize,
    /// All that came so far.
    text: String,
    /// How many bytes of it were let through.
    passed: usize,
    /// Those whose markers were not let through yet.
    citations: Vec<Citation>,
}

impl Shortener {
    /// For an answer of that many words at most.
    pub fn new(words_max: usize) -> Self {
        Self { words_max, text: String::new(), passed: 0, citations: Vec::new() }
    }

    /// What of the answer is certain to stay, once these came.
    pub fn pass(&mut self, events: Vec<Event>) -> Vec<Event> {
        for event in events {
            match event {
                Event::Citation(citation) => self.citations.push(citation),
                Event::Text(text) => self.text.push_str(&text),
            }
        }
        // The last sentence may go on.
        let ended =
            sentences(&self.text).split_last().and_then(|(_, ended)| ended.last().map(|last| last.end));
        self.let_through(ended.map_or(0, |ended| self.affordable(ended)))
    }

    /// The rest of an answer that is over.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut end = self.affordable(self.text.len());
        if end == 0 {
            end = words(&self.text).nth(self.words_max.saturating_sub(1)).unwrap_or(self.text.len());
        }
        self.let_through(end)
    }

    /// What was let through.
    pub fn text(&self) -> &str {
        self.text.get(..self.passed).unwrap_or_default()
    }

    /// The last end of a sentence up to `end` that has no more words before it than there may be.
    fn affordable(&self, end: usize) -> usize {
        let text = self.text.get(..end).unwrap_or_default();
        if words(text).count() <= self.words_max {
            return end;
        }
        let ends = sentences(text).into_iter().rev().map(|sentence| sentence.end);
        let fits = |end: &usize| words(text.get(..*end).unwrap_or_default()).count() <= self.words_max;
        ends.into_iter().find(fits).unwrap_or_default()
    }

    fn let_through(&mut self, end: usize) -> Vec<Event> {
        let Some(text) = self.text.get(self.passed..end).filter(|text| !text.is_empty()) else {
            return Vec::new();
        };
        let is_cited = |citation: &mut Citation| text.contains(&format!("[{}]", citation.marker));
        let mut events: Vec<Event> = self.citations.extract_if(.., is_cited).map(Event::Citation).collect();
        events.push(Event::Text(text.to_owned()));
        self.passed = end;
        events
    }
}

/// The byte past each word. Markers are none; in scripts without spaces each letter is one.
fn words(text: &str) -> impl Iterator<Item = usize> {
    let (mut ends, mut is_marker, mut in_word) = (Vec::new(), false, false);
    for (at, found) in text.char_indices() {
        is_marker = is_marker && found != ']' || found == '[';
        if found.is_whitespace() {
            in_word = false;
        } else if !is_marker && found.is_alphanumeric() {
            let end = at + found.len_utf8();
            match ends.last_mut() {
                Some(last) if in_word && !has_no_spaces(found) => *last = end,
                _ => ends.push(end),
            }
            in_word = !has_no_spaces(found);
        }
    }
    ends.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        citation::{Method, Verification},
        ids::DocumentId,
    };

    fn cited(marker: u32) -> Event {
        Event::Citation(Citation {
            marker,
            document_id: DocumentId::new(),
            title: String::new(),
            page: 1,
            char_start: 0,
            char_end: 0,
            quote: String::new(),
            method: Method::Quoted,
            verification: Verification::Verified,
        })
    }

    /// The text and the markers that get through, the answer being cut into pieces of so many characters.
    fn shortened(answer: &str, words_max: usize, piece: usize) -> (String, Vec<u32>) {
        let mut shortener = Shortener::new(words_max);
        let (mut text, mut markers) = (String::new(), Vec::new());
        let mut take = |events: Vec<Event>| {
            for event in events {
                match event {
                    Event::Text(more) => text.push_str(&more),
                    Event::Citation(citation) => markers.push(citation.marker),
                }
            }
        };
        take(shortener.pass((1..4).map(cited).collect()));
        let letters: Vec<char> = answer.chars().collect();
        for piece in letters.chunks(piece) {
            take(shortener.pass(vec![Event::Text(piece.iter().collect())]));
        }
        take(shortener.finish());
        assert_eq!(text, shortener.text());
        (text, markers)
    }

    #[test]
    fn an_answer_is_cut_where_a_sentence_ends_however_it_comes() {
        let answer = "One two three [1]. Four five [2]. Six seven eight nine [3].";
        for piece in [1, 2, 7, 1_000] {
            let cut = |words_max| shortened(answer, words_max, piece);
            assert_eq!(cut(9), (answer.to_owned(), vec![1, 2, 3]), "{piece}");
            assert_eq!(cut(8), ("One two three [1]. Four five [2].".to_owned(), vec![1, 2]), "{piece}");
            assert_eq!(cut(5), cut(8), "{piece}");
            assert_eq!(cut(4), ("One two three [1].".to_owned(), vec![1]), "{piece}");
        }
    }

    #[test]
    fn a_sentence_that_is_too_long_alone_is_cut_after_a_word() {
        assert_eq!(shortened("One two three four [1].", 3, 2), ("One two three".to_owned(), vec![]));
        assert_eq!(shortened("", 3, 1), (String::new(), vec![]));
    }

    #[test]
    fn markers_and_signs_are_no_words() {
        let count = |text: &str| words(text).count();
        assert_eq!(count("At 22.5 HRC [1][12] — and “more” [3]."), 5);
        assert_eq!(count("don't re-use 3,000 km/h"), 4);
        assert_eq!(count("硬度は22です"), 6);
    }
}
