//! Which sentences of the passages answer a question, and how well: the scores behind the extractive answerer.
//! A sentence also speaks through the heading above it, a table row through its caption and column names.

use std::collections::HashMap;

use super::{
    analysis::{hash, idf, query_terms, terms},
    ids::DocumentId,
    lines::{Shape, is_contents, is_heading, shape},
    passage::Passage,
    sentences::sentences,
    word_lists::{ASKING, FILLER, NUMBER_WORDS, UNITS, contains},
};

/// What a term that stands only in the heading above counts, of one in the sentence.
const HEADING_SHARE: f64 = 0.4;
/// The same for a table's caption and column names: without them a row says nothing.
const TABLE_SHARE: f64 = 0.7;
/// The share of the question, by idf, that a sentence must hold itself to be an answer at all.
const OWN_SHARE_MIN: f64 = 0.15;
/// The same for the sentence together with its heading.
const SHARE_MIN: f64 = 0.4;

/// What a term that only the document's title holds counts: it tells which document is meant, and nothing about the answer.
const NAMED_SHARE: f64 = 0.3;

/// Column names take this many lines of a page at most.
const NAMING_LINES_MAX: u32 = 4;

/// A sentence that may answer, with its score.
pub(super) struct Evidence<'a> {
    pub passage: &'a Passage,
    /// Code points in the document's text.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    pub text: &'a str,
    /// Which of the question's terms it holds, itself or through its heading: one bit each.
    pub held: u64,
    /// About 0 to 1.3.
    pub score: f64,
}

/// What the question asks for.
pub(super) struct Asked {
    terms: Vec<i64>,
    /// Each term's idf among the candidate sentences, divided by their sum.
    weights: Vec<f64>,
    /// The terms that name one thing and no other, such as a part number: one bit each.
    designations: u64,
    wants_amount: bool,
    wants_definition: bool,
}

impl Asked {
    /// The share of the question, 0 to 1, that the terms of `held` make up.
    pub(super) fn share(&self, held: u64) -> f64 {
        self.weights
            .iter()
            .enumerate()
            .filter(|(term, _)| held >> term & 1 == 1)
            .map(|(_, weight)| weight)
            .sum()
    }
}

/// The sentences that hold enough of the question to answer it, best first, each place in a document once.
pub(super) fn evidence<'a>(question: &str, passages: &'a [Passage]) -> (Asked, Vec<Evidence<'a>>) {
    let mut asked = Asked::new(question);
    let candidates = candidates(passages, &asked.terms);
    asked.weigh(&candidates);
    let (lowest, highest) =
        passages.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lowest, highest), passage| {
            (lowest.min(passage.score), highest.max(passage.score))
        });
    // What each document names, as far as it was found.
    let mut named: HashMap<DocumentId, u64> = HashMap::new();
    for candidate in &candidates {
        *named.entry(candidate.passage.document_id).or_default() |= candidate.own | candidate.named;
    }
    let mut repeats: HashMap<String, u32> = HashMap::new();
    for candidate in &candidates {
        *repeats.entry(without_digits(candidate.text)).or_default() += 1;
    }
    let mut found: Vec<Evidence<'a>> = candidates
        .into_iter()
        .filter(|candidate| {
            // What stands on several pages but for a number is a running head or foot; rows of figures may be alike.
            let text = without_digits(candidate.text);
            let is_running =
                !candidate.in_table && (12..120).contains(&text.len()) && repeats.get(&text) > Some(&2);
            // Of what a document never names it does not speak.
            let is_about = asked.designations
                & !named.get(&candidate.passage.document_id).copied().unwrap_or_default()
                == 0;
            !is_running && is_about && asked.is_answered_by(candidate)
        })
        .map(|candidate| {
            let spread = highest - lowest;
            let prior = if spread > 0.0 { (candidate.passage.score - lowest) / spread } else { 1.0 };
            let score = asked.score(&candidate) + 0.08 * prior;
            let Candidate { passage, start, end, text, .. } = candidate;
            Evidence { passage, start, end, text, held: candidate.held(), score }
        })
        .collect();
    found.sort_by(|left, right| right.score.total_cmp(&left.score).then(left.start.cmp(&right.start)));
    (asked, found)
}

impl Asked {
    fn new(question: &str) -> Self {
        let filler = terms(&FILLER.join(" "));
        let mut all = query_terms(question);
        all.iter_mut().for_each(spell_out);
        let telling: Vec<i64> = all.iter().copied().filter(|term| !filler.contains(term)).collect();
        let words: Vec<String> =
            question.split(|found: char| !found.is_alphanumeric()).map(str::to_lowercase).collect();
        let wants_amount = words.iter().any(|word| contains(ASKING, word));
        let wants_definition = words.iter().any(|word| word.starts_with("defin") || word.starts_with("mean"));
        let terms = if telling.is_empty() { all } else { telling };
        let designations = question.split_whitespace().filter(|word| is_designation(word));
        let designations =
            designations.filter_map(|word| self::terms(word).first().copied()).collect::<Vec<_>>();
        let designations = held_by(&designations, &terms);
        Self { terms, weights: Vec::new(), designations, wants_amount, wants_definition }
    }

    fn weigh(&mut self, candidates: &[Candidate<'_>]) {
        let total = candidates.len() as u64;
        self.weights = (0..self.terms.len())
            .map(|term| {
                idf(
                    total,
                    candidates.iter().filter(|candidate| candidate.own >> term & 1 == 1).count() as u64,
                )
            })
            .collect();
        let sum: f64 = self.weights.iter().sum();
        if sum > 0.0 {
            self.weights.iter_mut().for_each(|weight| *weight /= sum);
        }
    }

    /// Whether a sentence says enough of what is asked. What the document's title says already, it need not say again, and it
    /// does not count either: the rest of the question is what must be there.
    fn is_answered_by(&self, candidate: &Candidate<'_>) -> bool {
        let rest = 1.0 - self.share(candidate.named);
        let named = if rest > 0.05 { candidate.named } else { 0 };
        let rest = if named == 0 { 1.0 } else { rest };
        let own = candidate.own & !named;
        if self.wants_amount && matches!(amount(candidate.text), Amount::None) {
            return false;
        }
        own > 0
            && (candidate.in_table || self.share(own) >= OWN_SHARE_MIN * rest)
            && self.share(candidate.held() & !named) >= SHARE_MIN * rest
    }

    fn score(&self, candidate: &Candidate<'_>) -> f64 {
        let own = self.share(candidate.own);
        let inherited_share = if candidate.in_table { TABLE_SHARE } else { HEADING_SHARE };
        let inherited = inherited_share * self.share(candidate.inherited & !candidate.own);
        let mut score = own
            + inherited
            + NAMED_SHARE * self.share(candidate.named & !candidate.own & !candidate.inherited);
        score += 0.12 * candidate.proximity;
        if self.wants_amount {
            let share = match amount(candidate.text) {
                Amount::Measured => 0.25,
                Amount::Bare => 0.2,
                Amount::None => 0.0,
            };
            score += share * (own + inherited);
        }
        if self.wants_definition && candidate.defines_term {
            score += 0.2 * own;
        }
        let words = candidate.text.split_whitespace().count();
        if candidate.is_heading {
            score *= 0.35;
        } else if words < if candidate.in_table { 3 } else { 4 } {
            score *= 0.5;
        }
        // A very long sentence holds many words by chance.
        score / (1.0 + 0.004 * as_f64(words.saturating_sub(25)))
    }
}

struct Candidate<'a> {
    passage: &'a Passage,
    start: u32,
    end: u32,
    text: &'a str,
    own: u64,
    inherited: u64,
    /// What the document's title holds.
    named: u64,
    in_table: bool,
    is_heading: bool,
    /// It begins with a term of the question, as in a list of definitions, and goes on to say what it is.
    defines_term: bool,
    /// The share of the question's neighbouring terms, 0 to 1, that are neighbours here too.
    proximity: f64,
}

impl Candidate<'_> {
    fn held(&self) -> u64 {
        self.own | self.inherited
    }
}

/// What stands above a sentence, as the question's terms in it.
#[derive(Default)]
struct Above {
    heading: u64,
    /// The run-in heading of the clause: "6.2 Permitted use."
    clause: u64,
    /// Caption and column names.
    table: Option<u64>,
    lines_in_table: u32,
    has_rows: bool,
}

fn candidates<'a>(passages: &'a [Passage], asked: &[i64]) -> Vec<Candidate<'a>> {
    // In the order of the documents, so that what stands above is known across chunks, and repeats lie side by side.
    let mut ordered: Vec<&Passage> = passages.iter().collect();
    ordered.sort_by_key(|passage| (passage.document_id, passage.start));
    let mut found: Vec<Candidate<'a>> = Vec::new();
    let mut above = Above::default();
    let mut reached: Option<(DocumentId, u32)> = None;
    for passage in ordered {
        let mut at = (0, passage.start);
        let continues = reached.is_some_and(|(document, end)| {
            document == passage.document_id && passage.start <= end.saturating_add(2)
        });
        if !continues {
            above = Above::default();
        }
        let done = if continues { reached.map_or(0, |(_, end)| end) } else { 0 };
        for sentence in sentences(&passage.text) {
            let text = passage.text.get(sentence.start..sentence.end).unwrap_or_default();
            let start = at.1.saturating_add(length(&passage.text, at.0, sentence.start));
            let end = start.saturating_add(length(&passage.text, sentence.start, sentence.end));
            at = (sentence.end, end);
            // The overlap of two chunks was seen in the first; a part of it that was cut there is taken whole here.
            if end > done {
                found.push(candidate(passage, start, end, text, asked, &mut above));
            }
        }
        reached = Some((passage.document_id, at.1.max(done)));
    }
    found.retain(|candidate| !is_contents(candidate.text));
    found
}

fn candidate<'a>(
    passage: &'a Passage,
    start: u32,
    end: u32,
    text: &'a str,
    asked: &[i64],
    above: &mut Above,
) -> Candidate<'a> {
    let held = spelled_out(text);
    let own = held_by(&held, asked);
    let shape = shape(text);
    let is_caption = shape == Shape::Heading && (text.starts_with("Table ") || text.starts_with("TABLE "));
    let ends_table = matches!(shape, Shape::Heading | Shape::Clause)
        || text.ends_with('.') && text.split_whitespace().nth(6).is_some();
    let mut is_title = false;
    if is_caption {
        (above.table, is_title) = (Some(own), true);
        (above.lines_in_table, above.has_rows) = (0, false);
    } else if ends_table {
        above.table = None;
    }
    let in_table = above.table.is_some() && !is_caption;
    if !in_table && !is_caption {
        let is_run_in = matches!(shape, Shape::Clause) && text.split_whitespace().nth(6).is_none();
        if is_run_in {
            (above.clause, is_title) = (own, true);
        } else if is_heading(text) {
            (above.heading, above.clause, is_title) = (own, 0, true);
        } else if shape == Shape::Clause {
            above.clause = 0;
        }
    }
    let inherited = above.heading | above.clause | above.table.unwrap_or_default();
    if in_table {
        // The first line below the caption names the columns; more lines may, before the first row of figures.
        above.has_rows |= shape == Shape::Row;
        if above.lines_in_table < NAMING_LINES_MAX && !above.has_rows {
            above.table = above.table.map(|table| table | own);
        }
        is_title = above.lines_in_table == 0 && shape != Shape::Row;
        above.lines_in_table += 1;
    }
    let defines_term = held
        .get(usize::from(matches!(shape, Shape::Clause | Shape::Numbered)))
        .is_some_and(|first| asked.contains(first))
        && ["—", ": ", " means ", " is a ", " is an ", " is the "].iter().any(|mark| text.contains(mark));
    let proximity = proximity(&held, asked);
    Candidate {
        passage,
        start,
        end,
        text,
        own,
        inherited,
        named: held_by(&spelled_out(&passage.title), asked),
        in_table,
        is_heading: is_title,
        defines_term,
        proximity,
    }
}

/// Such as `HP-8`, `MR0175` or `2210:2024`: letters and digits, or numbers joined by a mark.
fn is_designation(word: &str) -> bool {
    let word = word.trim_matches(|found: char| !found.is_alphanumeric());
    let has = |is: fn(char) -> bool| word.contains(is);
    has(char::is_numeric)
        && (has(char::is_alphabetic) || has(|found| matches!(found, '-' | ':' | '/')))
        && word.len() > 2
}

/// Which of the question's terms are there, one bit each.
fn held_by(held: &[i64], asked: &[i64]) -> u64 {
    asked.iter().enumerate().fold(0, |bits, (bit, term)| bits | u64::from(held.contains(term)) << bit)
}

/// The terms of a text, with the abbreviations of tables as the words that questions use.
fn spelled_out(text: &str) -> Vec<i64> {
    let mut found = terms(text);
    found.iter_mut().for_each(spell_out);
    found
}

fn spell_out(term: &mut i64) {
    for (short, long) in [("max", "maximum"), ("min", "minimum"), ("temp", "temperatur"), ("avg", "averag")] {
        if *term == hash(short) {
            *term = hash(long);
        }
    }
}

fn proximity(held: &[i64], asked: &[i64]) -> f64 {
    let is_near = |pair: &&[i64]| {
        held.windows(3).any(|near| pair.iter().all(|term| near.contains(term)))
            || held.len() == 2 && pair.iter().all(|term| held.contains(term))
    };
    let pairs = asked.len().saturating_sub(1);
    if pairs == 0 { 0.0 } else { as_f64(asked.windows(2).filter(is_near).count()) / as_f64(pairs) }
}

enum Amount {
    None,
    Bare,
    Measured,
}

/// Does the sentence state a figure, with or without its unit? Its own clause number is none.
fn amount(text: &str) -> Amount {
    let mut found = Amount::None;
    let mut words = text
        .split_whitespace()
        .skip(usize::from(matches!(shape(text), Shape::Clause | Shape::Numbered)))
        .peekable();
    while let Some(word) = words.next() {
        let is_figure = word.contains(char::is_numeric) && !word.contains(char::is_alphabetic);
        let unit = words.peek().map_or("", |next| {
            next.trim_end_matches(|last: char| last.is_ascii_punctuation() && last != '%')
        });
        if is_figure && (contains(UNITS, unit) || unit.contains('/') || word.contains(['%', '°'])) {
            return Amount::Measured;
        }
        if is_figure || contains(NUMBER_WORDS, &word.to_lowercase()) {
            found = Amount::Bare;
        }
    }
    found
}

fn without_digits(text: &str) -> String {
    text.chars().filter(|found| !found.is_numeric()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of words in a sentence are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

fn length(text: &str, start: usize, end: usize) -> u32 {
    u32::try_from(text.get(start..end).unwrap_or_default().chars().count()).unwrap_or(u32::MAX)
}
