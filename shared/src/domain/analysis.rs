//! The lexical analyser: text becomes terms, and a document's chunks become weighted postings (DESIGN §8).
//! What is stored depends on every rule here: to change one means to rebuild all postings.

use std::collections::HashMap;

use super::tokens::Tokens;

/// How fast repeats of a term stop counting (BM25's k1).
const K1: f64 = 1.2;
/// How much longer chunks are held back (BM25's b).
const B: f64 = 0.75;
/// A chunk's length in terms that neither favours nor holds back. A constant, so that no posting changes when others
/// come or go: chunks as `chunking` cuts them have 75 to 100 terms, in prose as in standards and code.
const AVERAGE_TERMS: f64 = 90.0;
/// A question has at most this many terms, so that its query stays small.
const QUERY_TERMS_MAX: usize = 64;
/// Words remembered at most, so that a text of ever new words cannot fill the memory.
const WORDS_MAX: usize = 1 << 16;

/// The text's terms in order, with repeats, each as its [`hash`].
pub fn terms(text: &str) -> Vec<i64> {
    let mut found = Vec::with_capacity(text.len() / 8);
    Analyser::new().terms(text, &mut found);
    found
}

/// The same terms before they are hashed.
pub fn term_strings(text: &str) -> Vec<String> {
    let tokens = Tokens::new();
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        tokens.of(word, &mut |term| found.push(term.to_owned()));
    }
    found
}

/// The question's distinct terms in order, at most 64.
pub fn query_terms(question: &str) -> Vec<i64> {
    let mut distinct = Vec::new();
    for term in terms(question) {
        if distinct.len() == QUERY_TERMS_MAX {
            break;
        }
        if !distinct.contains(&term) {
            distinct.push(term);
        }
    }
    distinct
}

/// Where one term stands in a document, and how much it weighs there. Both lists are equally long.
#[derive(Clone, PartialEq, Debug)]
pub struct Posting {
    /// The term's [`hash`].
    pub term: i64,
    /// Ordinals of the chunks that hold it, ascending.
    pub chunks: Vec<u32>,
    /// Its weight in each of them, above 0 and below k1 + 1 = 2.2; a score is the sum of weight × [`idf`].
    pub weights: Vec<f32>,
}

/// The postings of one document, sorted by term. The title's distinct terms count once in every chunk: each chunk can be
/// found by its document's name. They do not count towards the chunk's length, or a long title would sink its document.
///
/// The weight is BM25's: tf·(k1 + 1) / (tf + k1·(1 − b + b·length/average)), with a constant average
/// (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009).
pub fn postings<'a>(title: &str, chunks: impl Iterator<Item = &'a str>) -> Vec<Posting> {
    let mut analyser = Analyser::new();
    let mut title_terms = Vec::new();
    analyser.terms(title, &mut title_terms);
    title_terms.sort_unstable();
    title_terms.dedup();

    let mut entries = Vec::new();
    let mut found = Vec::new();
    for (ordinal, chunk) in (0_u32..).zip(chunks) {
        found.clear();
        analyser.terms(chunk, &mut found);
        let held_back = K1 * (1.0 - B + B * as_f64(found.len()) / AVERAGE_TERMS);
        found.extend_from_slice(&title_terms);
        found.sort_unstable();
        for run in found.chunk_by(|left, right| left == right) {
            let frequency = as_f64(run.len());
            let weight = as_f32(frequency * (K1 + 1.0) / (frequency + held_back));
            entries.extend(run.first().map(|&term| (term, ordinal, weight)));
        }
    }
    entries.sort_unstable_by_key(|&(term, ordinal, _)| (term, ordinal));
    entries
        .chunk_by(|left, right| left.0 == right.0)
        .filter_map(|run| {
            Some(Posting {
                term: run.first()?.0,
                chunks: run.iter().map(|entry| entry.1).collect(),
                weights: run.iter().map(|entry| entry.2).collect(),
            })
        })
        .collect()
}

/// How telling a term is: ln(1 + (N − n + ½) / (n + ½)) for n of N chunks that hold it. Never negative, as in Lucene's
/// BM25; counts that contradict each other give the value for n = N.
#[expect(clippy::cast_precision_loss, reason = "counts of chunks are far below 2^52")]
pub fn idf(chunks_total: u64, chunks_with_term: u64) -> f64 {
    let without = chunks_total.saturating_sub(chunks_with_term) as f64;
    (1.0 + (without + 0.5) / (chunks_with_term as f64 + 0.5)).ln()
}

/// The stable 64-bit name of a term: FNV-1a of its UTF-8 bytes (Fowler, Noll and Vo; draft-eastlake-fnv, offset basis
/// and prime for 64 bits), its bits read as a signed number since Postgres has no other.
pub fn hash(term: &str) -> i64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in term.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    state.cast_signed()
}

/// Remembers the terms of each word, since text repeats itself: four of five words are found again.
struct Analyser {
    tokens: Tokens,
    /// For each word, its terms' place in `known`.
    words: HashMap<String, (usize, usize)>,
    known: Vec<i64>,
}

impl Analyser {
    fn new() -> Self {
        Self { tokens: Tokens::new(), words: HashMap::new(), known: Vec::new() }
    }

    fn terms(&mut self, text: &str, found: &mut Vec<i64>) {
        for word in text.split_whitespace() {
            let (start, end) = self.words.get(word).copied().unwrap_or_else(|| self.learn(word));
            found.extend_from_slice(self.known.get(start..end).unwrap_or_default());
        }
    }

    fn learn(&mut self, word: &str) -> (usize, usize) {
        if self.words.len() >= WORDS_MAX {
            self.words.clear();
            self.known.clear();
        }
        let start = self.known.len();
        self.tokens.of(word, &mut |term| self.known.push(hash(term)));
        let range = (start, self.known.len());
        self.words.insert(word.to_owned(), range);
        range
    }
}

#[expect(clippy::cast_precision_loss, reason = "a chunk has far fewer than 2^52 terms")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "weights lie between 0 and 2.2; seven digits are plenty")]
fn as_f32(weight: f64) -> f32 {
    weight as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_fnv_1a_and_never_change() {
        // The first three are published test vectors of the algorithm.
        assert_eq!(hash("").cast_unsigned(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a").cast_unsigned(), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar").cast_unsigned(), 0x8594_4171_f739_67e8);
        assert_eq!(terms("Hardness 22 HRC"), ["hard", "22", "hrc"].map(hash));
    }

    #[test]
    fn terms_and_their_strings_agree() {
        let text = "The getUserId of MR0175/ISO-15156, naïve ﬁne 0.25 the the über-Straße 漢字 getUserId";
        let hashed: Vec<i64> = term_strings(text).iter().map(|term| hash(term)).collect();
        assert_eq!(terms(text), hashed);
    }

    #[test]
    fn a_question_has_distinct_terms_and_not_too_many() {
        assert_eq!(query_terms("What is the hardness of hard steel?"), ["hard", "steel"].map(hash));
        let long = (0..500).map(|number| format!("word{number} ")).collect::<Vec<_>>().concat();
        assert_eq!(query_terms(&long).len(), 64);
    }

    #[test]
    fn postings_are_sorted_and_title_terms_stand_in_every_chunk() {
        let found = postings("Steel pipes", ["steel bends", "glass", "", "steel steel steel"].into_iter());
        assert!(found.is_sorted_by(|left, right| left.term < right.term));
        let of = |term: &str| found.iter().find(|posting| posting.term == hash(term)).unwrap();
        assert_eq!(of("steel").chunks, [0, 1, 2, 3]);
        assert_eq!(of("glass").chunks, [1]);
        let weights = &of("steel").weights;
        assert!(weights[3] > weights[0] && weights[0] > weights[1] && weights[3] < 2.2, "{weights:?}");
        for posting in &found {
            assert_eq!(posting.chunks.len(), posting.weights.len());
            assert!(posting.chunks.is_sorted_by(|left, right| left < right));
        }
    }

    #[test]
    fn a_chunk_of_average_length_weighs_one_per_first_occurrence() {
        let chunk = (0..90).map(|number| format!("{} ", 1000 + number)).collect::<Vec<_>>().concat();
        let found = postings("", std::iter::once(chunk.as_str()));
        assert!(found.iter().all(|posting| (posting.weights[0] - 1.0).abs() < 1e-6));
    }

    #[test]
    fn rare_terms_tell_more_and_no_count_breaks() {
        assert!(idf(1000, 1) > idf(1000, 10) && idf(1000, 1000) > 0.0);
        assert!((idf(5, 9) - (1.0_f64 + 0.5 / 9.5).ln()).abs() < 1e-12);
        assert!(idf(0, 0).is_finite());
    }

    #[test]
    fn more_words_than_are_remembered_change_nothing() {
        let mut words: Vec<String> = (0..WORDS_MAX + 10).map(|number| format!("x{number}")).collect();
        words.extend(["x1".to_owned(), "x2".to_owned()]);
        let text = words.join(" ");
        let hashed: Vec<i64> = term_strings(&text).iter().map(|term| hash(term)).collect();
        assert_eq!(terms(&text), hashed);
    }
}
