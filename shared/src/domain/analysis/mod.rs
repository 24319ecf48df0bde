//! The lexical analyser: text becomes terms, and a document's chunks become weighted postings (DESIGN §8).
//! What is stored depends on every rule here and in `tokens`: to change one means to raise [`VERSION`].

use std::collections::HashMap;

use super::{
    language::{Language, Stopped},
    tokens::Tokens,
};

/// Raised with every rule that changes what is stored: documents that an older version analysed are indexed anew.
pub const VERSION: i16 = 2;
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

/// The English text's terms in order, with repeats, each as its [`hash`].
pub fn terms(text: &str) -> Vec<i64> {
    let mut found = Vec::with_capacity(text.len() / 8);
    Analyser::new(Tokens::new(Language::English)).terms(text, &mut found);
    found
}

/// The same terms of a text in any language, before they are hashed.
pub fn term_strings(text: &str, language: Language) -> Vec<String> {
    let tokens = Tokens::new(language);
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        tokens.of(word, &mut |term| found.push(term.to_owned()));
    }
    found
}

/// The English question's distinct terms in order, at most 64.
pub fn query_terms(question: &str) -> Vec<i64> {
    distinct(terms(question))
}

/// What a question looks for, each list without repeats.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// In every workspace: English stems, numbers, identifiers.
    pub terms: Vec<i64>,
    /// Only where a document in that language lies: its stems.
    pub foreign: Vec<(Language, i64)>,
}

/// A question in any language, analysed as the documents of each language are. The question's own language decides only
/// which of its words are too common to look for.
pub fn asked(question: &str) -> Asked {
    let stopped = Stopped::of_question(question);
    let found = |tokens: Tokens| {
        let mut found = Vec::new();
        Analyser::new(tokens).terms(question, &mut found);
        distinct(found)
    };
    let mut terms = found(Tokens::asking(Language::English, stopped));
    if terms.is_empty() {
        terms = query_terms(question);
    }
    let foreign = Language::foreign().flat_map(|language| {
        let found = found(Tokens::asking(language, stopped));
        found
            .into_iter()
            .filter(|term| !terms.contains(term))
            .map(move |term| (language, term))
            .collect::<Vec<_>>()
    });
    let foreign = foreign.collect();
    Asked { terms, foreign }
}

fn distinct(terms: Vec<i64>) -> Vec<i64> {
    let mut distinct = Vec::new();
    for term in terms {
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

/// The postings of one document, sorted by term. The distinct terms of `about` (title, standard, file name) count once in
/// every chunk: each chunk can be found by its document's name. They do not count towards the chunk's length, or a long
/// title would sink its document.
///
/// The weight is BM25's: tf·(k1 + 1) / (tf + k1·(1 − b + b·length/average)), with a constant average
/// (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009).
pub fn postings<'a>(about: &str, language: Language, chunks: impl Iterator<Item = &'a str>) -> Vec<Posting> {
    let mut analyser = Analyser::new(Tokens::new(language));
    let mut about_terms = Vec::new();
    analyser.terms(about, &mut about_terms);
    about_terms.sort_unstable();
    about_terms.dedup();

    let mut entries = Vec::new();
    let mut found = Vec::new();
    for (ordinal, chunk) in (0_u32..).zip(chunks) {
        found.clear();
        analyser.terms(chunk, &mut found);
        let held_back = K1 * (1.0 - B + B * as_f64(found.len()) / AVERAGE_TERMS);
        found.extend_from_slice(&about_terms);
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
    fn new(tokens: Tokens) -> Self {
        Self { tokens, words: HashMap::new(), known: Vec::new() }
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
mod tests;
