//! The last layer of the filter: what the reader gets, one character after the other. It mends the spaces where
//! something vanished, and lets no sequence of characters out that a browser would make markup of, whatever the layers
//! before it have left.

use crate::domain::citation::Citation;

/// White space is let out up to this many characters at once.
const GAP_MAX: usize = 200;
/// Characters from `&` to `;` that a browser may take for one.
const REFERENCE_MAX: usize = 32;

/// What the reader is told, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The answer goes on with this text.
    Text(String),
    /// The text that follows cites this for the first time.
    Citation(Citation),
}

/// The answer so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// All that was let out.
    pub answer: String,
    /// Its length in code points.
    pub length: u32,
    events: Vec<Event>,
    gap: Gap,
    /// The last character that was text, rather than a marker or white space.
    last_solid: Option<char>,
    /// A stop where something vanished before it: what follows says whether it ends something.
    held: Option<char>,
    brackets: Brackets,
}

/// The white space since the last text or marker.
#[derive(Debug, Default)]
struct Gap {
    /// Before the first thing that vanished or was inserted here.
    before: String,
    /// After the last.
    after: String,
    /// Whether anything did.
    is_mended: bool,
    /// Whether a marker did.
    has_marker: bool,
    /// Whether it is at the beginning of a line.
    is_line_start: bool,
}

/// What stands between the last `[` and now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Brackets {
    #[default]
    Other,
    /// Nothing but signs of a list, and whether a digit is among them.
    List { has_digit: bool, begins_line: bool },
    /// Other text, in a bracket that begins its line.
    Label,
    /// A bracket that begins its line has just been closed.
    LabelEnd,
}

impl Output {
    /// A character of the answer.
    pub fn text(&mut self, found: char) {
        if found.is_whitespace() {
            self.let_stop_out(true, found);
            let gap = if self.gap.is_mended { &mut self.gap.after } else { &mut self.gap.before };
            if gap.len() < GAP_MAX {
                gap.push(found);
            }
            return;
        }
        self.let_stop_out(!found.is_alphanumeric() && found != '/', found);
        if is_stop(found) && self.gap.is_mended && !self.gap.after.contains('\n') {
            self.held = Some(found);
            return;
        }
        self.close_gap(false);
        self.last_solid = Some(found);
        self.put(found);
    }

    /// A character of text that a passage holds, and that goes out as it is.
    pub fn verbatim(&mut self, found: char) {
        self.let_stop_out(false, found);
        self.close_gap(false);
        self.last_solid = Some(found);
        self.brackets = Brackets::Other;
        self.raw(found);
    }

    /// Something stood here and is gone.
    pub fn vanished(&mut self) {
        self.let_stop_out(false, ' ');
        self.mend();
    }

    fn mend(&mut self) {
        if !self.gap.is_mended {
            self.gap.is_mended = true;
            self.gap.is_line_start = self.is_line_start();
        }
    }

    /// Markers for citations, of which those in `fresh` are new.
    pub fn markers(&mut self, markers: &[u32], fresh: Vec<Citation>) {
        self.let_stop_out(true, '[');
        self.mend();
        let has_space = !self.gap.before.is_empty() || !self.gap.after.is_empty();
        if self.gap.is_line_start && !self.gap.has_marker {
            let before = std::mem::take(&mut self.gap.before);
            before.chars().for_each(|found| self.raw(found));
        } else if has_space && !self.gap.has_marker {
            self.raw(' ');
        }
        self.gap.has_marker = true;
        self.events.extend(fresh.into_iter().map(Event::Citation));
        for marker in markers {
            format!("[{marker}]").chars().for_each(|found| self.raw(found));
        }
        self.brackets = Brackets::Other;
    }

    /// The end of the answer.
    pub fn end(&mut self) {
        self.let_stop_out(true, ' ');
        self.gap = Gap::default();
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn is_line_start(&self) -> bool {
        self.answer.is_empty() || self.gap.before.contains('\n')
    }

    /// Lets the stop out that was held back. Where it ends something it follows without a space, and `22 HRC. [1].` has one
    /// too many; where a word begins with it, as `.NET` does, it must not become part of the word before.
    fn let_stop_out(&mut self, ends: bool, next: char) {
        let Some(stop) = self.held.take() else { return };
        let is_ended = self.last_solid.is_some_and(|last| matches!(last, '.' | '!' | '?'));
        if ends && stop == '.' && next != '.' && is_ended {
            return;
        }
        self.close_gap(ends);
        self.last_solid = Some(stop);
        self.put(stop);
    }

    /// Lets the white space out that belongs before what comes now; none where that `ends` something.
    fn close_gap(&mut self, ends: bool) {
        let gap = std::mem::take(&mut self.gap);
        if self.answer.is_empty() && !gap.has_marker {
            return;
        }
        if !gap.is_mended {
            return gap.before.chars().for_each(|found| self.raw(found));
        }
        if !gap.has_marker && gap.is_line_start {
            // What stood first in the line is gone; where it was all of it, so is the line.
            let lines = |text: &str| text.matches('\n').count();
            let (before, after) = (lines(&gap.before), lines(&gap.after));
            if after == 0 {
                return gap.before.chars().for_each(|found| self.raw(found));
            }
            let indent = gap.after.rsplit('\n').next().unwrap_or_default();
            (0..before.max(after)).for_each(|_| self.raw('\n'));
            return indent.chars().for_each(|found| self.raw(found));
        }
        if let Some(at) = gap.after.find('\n') {
            return gap.after.chars().skip(at).for_each(|found| self.raw(found));
        }
        let has_space =
            !gap.after.is_empty() || !gap.before.is_empty() || gap.is_line_start && gap.has_marker;
        if has_space && !ends {
            self.raw(' ');
        }
    }

    /// Text that must not become markup together with what stands before it.
    fn put(&mut self, found: char) {
        let mut before = self.answer.chars().rev();
        let (last, earlier) = (before.next(), before.next());
        let is_markup = match found {
            '/' if last == Some('/') => earlier == Some(':'),
            '(' => last == Some(']'),
            ':' => self.brackets == Brackets::LabelEnd,
            ';' => self.ends_with_reference(),
            _ => false,
        };
        let is_tag = found.is_ascii_alphabetic() || matches!(found, '/' | '!' | '?' | '|');
        if is_markup || last == Some('<') && is_tag {
            self.raw(' ');
        }
        // A marker that is none of ours.
        let is_forged = found == ']' && matches!(self.brackets, Brackets::List { has_digit: true, .. });
        let found = if is_forged { '］' } else { found };
        self.brackets = match (self.brackets, found) {
            (_, '[') => Brackets::List { has_digit: false, begins_line: self.begins_line() },
            (Brackets::List { begins_line, has_digit }, _) if is_list(found) => {
                Brackets::List { has_digit: has_digit || found.is_numeric(), begins_line }
            }
            (Brackets::Label | Brackets::List { begins_line: true, .. }, ']') => Brackets::LabelEnd,
            (Brackets::Label | Brackets::List { begins_line: true, .. }, _) => Brackets::Label,
            _ => Brackets::Other,
        };
        self.raw(found);
    }

    /// Whether the line holds nothing yet but what a list or a quotation begins with.
    fn begins_line(&self) -> bool {
        let line = self.answer.chars().rev().take_while(|&found| found != '\n');
        line.into_iter().all(|found| found.is_whitespace() || matches!(found, '>' | '-' | '*' | '+'))
    }

    fn ends_with_reference(&self) -> bool {
        let tail = self.answer.chars().rev().take(REFERENCE_MAX);
        let mut rest = tail.skip_while(|found| found.is_ascii_alphanumeric() || *found == '#');
        rest.next() == Some('&') && !self.answer.ends_with('&')
    }

    fn raw(&mut self, found: char) {
        self.answer.push(found);
        self.length = self.length.saturating_add(1);
        if let Some(Event::Text(text)) = self.events.last_mut() {
            text.push(found);
        } else {
            self.events.push(Event::Text(found.to_string()));
        }
    }
}

fn is_stop(found: char) -> bool {
    matches!(found, '.' | ',' | ';' | ':' | '!' | '?' | ')')
}

fn is_list(found: char) -> bool {
    found.is_numeric() || found.is_whitespace() || matches!(found, ',' | ';' | '-' | '–' | '—' | '^' | '#')
}
