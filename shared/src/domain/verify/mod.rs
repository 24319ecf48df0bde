//! The deterministic check between the model and the reader: of the citations that the model offers, only those whose
//! words stand in a passage that it was given are sent, with the range where they stand.
//!
//! The check is a filter that the answer runs through while it is written: `Filter::push` takes the next piece and
//! says what is certain, `Filter::finish` the rest. `verify` is both at once, so that an answer that was streamed is the
//! answer that was checked whole, however it was cut into pieces. The layers of the filter, each with what it holds back:
//!
//! | layer | what it does | holds back at most |
//! | --- | --- | --- |
//! | `letters` | takes out what cannot be seen, reads `&lt;` as `<` | 12 characters, after `&` |
//! | `brackets` | markers, links and images | 2,500, from a bracket on |
//! | `tags` | tags, comments, scripts | 1,800, from `<` on |
//! | `addresses` | addresses in running text | the current word, at most 400 |
//! | `writer` | sentences; resolves markers | from a marker without words to the end of its sentence, at most 4,000 bytes |
//! | `output` | mends spaces, breaks what could become markup | white space |
//!
//! So prose without markers comes out a word behind (measured: on average 3.3 characters, at most the longest word and its
//! punctuation), a marker with words as soon as it is closed and the next character shows that no other follows.

mod addresses;
mod ahead;
mod brackets;
mod claims;
mod hosts;
mod letters;
mod lexer;
mod links;
mod markers;
mod numbers;
mod output;
mod quotes;
mod resolve;
mod sources;
mod stand_ins;
mod tags;
#[cfg(test)]
mod tests;
mod units;
mod values;
mod writer;

use self::{
    addresses::{Addresses, Refusal},
    brackets::Brackets,
    letters::Letters,
    links::Known,
    markers::Group,
    resolve::Resolver,
    tags::Tags,
    writer::Writer,
};
pub use self::{output::Event, resolve::Counts};
use super::{citation::Citation, passage::Passage};

/// Text is worked on in pieces of so many bytes, so that no layer ever moves a long rest around.
const PIECE_BYTES: usize = 1_024;

/// An answer of which every citation is true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The text, with `[n]` where citation n proves what stands before; without links, images and HTML.
    pub answer: String,
    /// The proofs, one per range, numbered from 1 in the order in which the answer first cites them.
    pub citations: Vec<Citation>,
    /// The sentences of `answer` that had citations and lost them all, in code points. A sentence that never had one
    /// is not here.
    pub unsupported: Vec<[u32; 2]>,
    /// What became of the citations that the model offered.
    pub counts: Counts,
    /// Whether the model replied that the passages do not answer: the word for it comes before all others, or in an answer
    /// that cites nothing. What it added to it is then no answer.
    pub is_refusal: bool,
}

/// Checks the model's whole answer against the passages that it was given, numbered from 1. Claims end with
/// `[n "few exact words"]`; what models write instead is understood as far as it is unambiguous.
///
/// A quote is verified if its words stand in its passage as whole words, up to what `Folded` ignores. Failing that it
/// is looked for in the other passages. A marker without words, or with words too few to prove anything, is aligned
/// to a sentence of its passage under the rule of `Claim::is_proved_by`. A range that crosses a page's end is clipped
/// to the page that holds most of it.
pub fn verify(answer: &str, passages: &[Passage]) -> Verified {
    let mut filter = Filter::new(passages);
    filter.push(answer);
    filter.finish().1
}

/// The same check for an answer that is still being written.
pub struct Filter<'a> {
    letters: Letters,
    brackets: Brackets<'a>,
    tags: Tags<'a>,
    addresses: Addresses<'a>,
    writer: Writer<'a>,
    groups: Vec<Group>,
}

impl<'a> Filter<'a> {
    /// For an answer to be checked against these passages.
    pub fn new(passages: &'a [Passage]) -> Self {
        let known = Known(passages);
        Self {
            letters: Letters::default(),
            brackets: Brackets::new(known),
            tags: Tags::new(known),
            addresses: Addresses::new(known),
            writer: Writer::new(Resolver::new(passages)),
            groups: Vec::new(),
        }
    }

    /// Takes the next piece of the answer and says what is certain by now.
    pub fn push(&mut self, piece: &str) -> Vec<Event> {
        let mut rest = piece;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES).max(1));
            self.run(head, false);
            rest = tail;
        }
        self.writer.output.events()
    }

    /// Says the rest, and what the answer was.
    pub fn finish(mut self) -> (Vec<Event>, Verified) {
        self.run("", true);
        let events = self.writer.output.events();
        let is_refusal = match self.addresses.refusal {
            Some(Refusal::First) => true,
            Some(Refusal::Later) => self.groups.is_empty(),
            None => false,
        };
        (events, Verified { is_refusal, ..self.writer.into_verified() })
    }

    fn run(&mut self, piece: &str, is_whole: bool) {
        if self.addresses.refusal == Some(Refusal::First) {
            return;
        }
        let (mut text, mut out) = (Vec::new(), Vec::new());
        self.letters.push(piece, is_whole, &mut text);
        self.brackets.push(&mut text, is_whole, &mut self.groups, &mut out);
        self.tags.push(&mut out, is_whole, &mut text);
        self.addresses.push(&mut text, is_whole, &mut out);
        self.writer.push(&mut out, is_whole, &mut self.groups);
    }

    /// Characters that were taken and neither let out nor dropped.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.letters.held()
            + self.brackets.held()
            + self.tags.held()
            + self.addresses.held()
            + self.writer.held()
    }
}
