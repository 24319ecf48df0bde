//! What a sentence says, coarsely: its content words, its values, what bounds them, and whether it denies or demands.
//! Enough to decide whether a passage's sentence can prove a claim that quotes nothing.

use super::values::{Token, Value, tokens};
use crate::domain::{
    fold::{Folded, has_no_spaces},
    stop_words::STOP_WORDS,
};

/// Words that say nothing of what a sentence is about, besides the stop words of search.
const EMPTY_WORDS: [&str; 38] = [
    "accord",
    "according",
    "also",
    "apply",
    "applies",
    "could",
    "document",
    "equal",
    "equals",
    "get",
    "gets",
    "given",
    "may",
    "means",
    "might",
    "must",
    "namely",
    "one",
    "passage",
    "per",
    "respective",
    "section",
    "shall",
    "since",
    "source",
    "specified",
    "specifies",
    "stated",
    "states",
    "therefore",
    "thus",
    "total",
    "upon",
    "value",
    "via",
    "within",
    "would",
    "yes",
];
/// Stop words that are not empty: what they are left out of is something else.
const TELLING: [&str; 16] = [
    "above", "after", "against", "before", "below", "between", "down", "during", "few", "into", "off",
    "only", "out", "over", "under", "until",
];
const NEGATIONS: [&str; 7] = ["cannot", "neither", "never", "no", "none", "nor", "not"];
/// With a negation before them these bound from above, and without one from below.
const EXCEEDING: [&str; 8] =
    ["exceed", "exceeding", "exceeds", "greater", "higher", "later", "longer", "more"];
/// The other way round.
const FALLING: [&str; 6] = ["earlier", "fewer", "less", "lower", "shorter", "smaller"];
const UPPER: [&str; 4] = ["max", "maximal", "maximum", "most"];
const LOWER: [&str; 4] = ["least", "min", "minimal", "minimum"];
const DEMANDS: [&str; 6] = ["mandatory", "must", "obligatory", "require", "required", "shall"];
const PERMITS: [&str; 7] = ["allowed", "can", "could", "may", "might", "optional", "should"];

/// What is known of one sentence.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sign that the sentence shows or does not")]
pub(super) struct Claim {
    /// Stems of the content words, each once.
    words: Vec<String>,
    values: Vec<Value>,
    is_negated: bool,
    lacks: bool,
    upper: bool,
    lower: bool,
    demands: bool,
    permits: bool,
}

impl Claim {
    /// Reads a sentence of an answer.
    pub fn new(text: &str) -> Self {
        let (folded, source) = (Folded::new(text), text.chars().collect::<Vec<_>>());
        let (chars, at) = folded.within(&(0..u32::MAX));
        Self::read(chars, at, &source)
    }

    /// Reads folded text; `at` are the places of its characters in `source`.
    pub fn read(chars: &[char], at: &[u32], source: &[char]) -> Self {
        let tokens = tokens(chars, at, source);
        let mut claim = Self::default();
        // How many tokens ago something was denied.
        let mut denied = None;
        for (index, token) in tokens.iter().enumerate() {
            let is_denied = denied.is_some_and(|at| index - at <= 2);
            match token {
                Token::Value(value) => claim.values.push(value.clone()),
                Token::Sign('≤' | '<') => claim.upper = true,
                Token::Sign('≥' | '>') => claim.lower = true,
                Token::Sign(_) => {}
                Token::Word(word) if is_negation(word) => {
                    denied = Some(index);
                    let mut following = tokens.iter().skip(index + 1).take(2);
                    claim.is_negated |=
                        !following.any(|next| matches!(next, Token::Word(next) if is_bound(next)));
                }
                Token::Word(word) => claim.take_word(word, is_denied),
            }
        }
        claim
    }

    fn take_word(&mut self, word: &str, is_denied: bool) {
        let is_in = |list: &[&str]| list.contains(&word);
        if is_in(&EXCEEDING) {
            *(if is_denied { &mut self.upper } else { &mut self.lower }) = true;
        } else if is_in(&FALLING) {
            *(if is_denied { &mut self.lower } else { &mut self.upper }) = true;
        } else if is_in(&UPPER) {
            self.upper = true;
        } else if is_in(&LOWER) {
            self.lower = true;
        } else if word == "without" {
            self.lacks = true;
        } else {
            self.demands |= is_in(&DEMANDS);
            self.permits |= is_in(&PERMITS);
            if is_content(word) {
                let stem = stem(word);
                if !self.words.contains(&stem) {
                    self.words.push(stem);
                }
            }
        }
    }

    /// Whether there is enough in it to be a claim of its own.
    pub fn is_enough(&self) -> bool {
        self.words.len() + 2 * self.values.len() >= 2
    }

    /// How many of its words and values stand in `other`.
    pub fn overlap(&self, other: &Self) -> usize {
        self.shared_words(other) + self.values.iter().filter(|value| other.states(value)).count()
    }

    /// Whether `sentence` can prove it: every value and every content word stands there, all that is at least two things;
    /// and what is denied, bounded or demanded here is so there. One word that is not there may be the one that matters:
    /// "before" for "after", "stainless" for "carbon".
    pub fn is_proved_by(&self, sentence: &Self) -> bool {
        let things: usize = self.values.iter().map(Value::weight).sum();
        self.is_negated == sentence.is_negated
            && (!self.lacks || sentence.lacks)
            && (!self.upper || sentence.upper)
            && (!self.lower || sentence.lower)
            && (!self.demands || sentence.demands || !sentence.permits)
            && self.values.iter().all(|value| sentence.states(value))
            && self.shared_words(sentence) == self.words.len()
            && self.words.len() + things >= 2
    }

    /// How many content words it has.
    pub fn length(&self) -> usize {
        self.words.len()
    }

    fn shared_words(&self, other: &Self) -> usize {
        self.words.iter().filter(|word| other.words.contains(word)).count()
    }

    fn states(&self, wanted: &Value) -> bool {
        self.values.iter().any(|value| value.is(wanted))
    }
}

fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't")
}

/// Words that only set a bound after a negation, which a paraphrase may say without one: "not exceed", "no later than".
fn is_bound(word: &str) -> bool {
    EXCEEDING.contains(&word) || FALLING.contains(&word) || word == "only"
}

fn is_content(word: &str) -> bool {
    let is_long = word.chars().nth(2).is_some() || word.starts_with(has_no_spaces);
    is_long
        && (TELLING.contains(&word)
            || STOP_WORDS.binary_search(&word).is_err() && !EMPTY_WORDS.contains(&word))
}

/// The word without the commonest endings: crude, but the same on both sides.
fn stem(word: &str) -> String {
    let word = word.split('\'').next().unwrap_or(word);
    for ending in ["ing", "ed", "es", "s", "e"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= 3
            && !(ending == "s" && stem.ends_with('s'))
        {
            return stem.to_owned();
        }
    }
    word.to_owned()
}
