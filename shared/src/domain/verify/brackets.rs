//! The second layer of the filter: markers become stand-ins, links become their text, images vanish.

use super::{
    ahead::{Ahead, More},
    links::{self, Known, Link},
    markers::{Group, Reader},
    stand_ins::{VANISHED, VERBATIM, VERBATIM_END, of_group},
};

/// Text that may hold brackets.
#[derive(Debug)]
pub(super) struct Brackets<'a> {
    pending: Vec<char>,
    known: Known<'a>,
    /// Whether the line has nothing but white space so far.
    is_line_start: bool,
}

/// What becomes of the first characters.
enum Step {
    /// The first goes on as it is.
    Keep,
    /// So many are markers.
    Markers(Group, usize),
    Link(Link),
}

impl<'a> Brackets<'a> {
    pub fn new(known: Known<'a>) -> Self {
        Self { pending: Vec::new(), known, is_line_start: true }
    }

    /// Takes what came, and hands on what is certain. Markers are moved to `groups`.
    pub fn push(
        &mut self,
        input: &mut Vec<char>,
        is_whole: bool,
        groups: &mut Vec<Group>,
        out: &mut Vec<char>,
    ) {
        self.pending.append(input);
        let mut at = 0;
        while at < self.pending.len() {
            let text = Ahead::new(self.pending.get(at..).unwrap_or_default(), is_whole);
            let Ok(step) = self.step(text) else { break };
            match step {
                Step::Markers(group, taken) => {
                    out.extend(of_group(groups.len()));
                    groups.push(group);
                    at += taken;
                    self.is_line_start = false;
                }
                Step::Link(Link::Vanishes(taken)) => {
                    out.push(VANISHED);
                    at += taken;
                }
                Step::Link(Link::Text(inner, taken)) => {
                    // What remains may be a marker or hold a link: it is read again.
                    let inner =
                        self.pending.get(at + inner.start..at + inner.end).unwrap_or_default().to_vec();
                    let end = (at + taken).min(self.pending.len());
                    self.pending.splice(at..end, inner);
                }
                Step::Link(Link::Known(taken)) => {
                    out.push(VERBATIM);
                    out.extend(self.pending.get(at..at + taken).unwrap_or_default());
                    out.push(VERBATIM_END);
                    at += taken;
                    self.is_line_start = false;
                }
                Step::Keep => {
                    let found = text.slice(0, 1).first().copied().unwrap_or_default();
                    self.is_line_start = found == '\n' || self.is_line_start && found.is_whitespace();
                    out.push(found);
                    at += 1;
                }
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    fn step(&self, text: Ahead<'_>) -> Result<Step, More> {
        let reader = Reader { text, passages_max: self.known.0.len() };
        let found = text.get(0)?.unwrap_or_default();
        match found {
            '!' if text.get(1)? == Some('[') => {
                // `Stop![1 "words"][2 "words"]` is no image.
                let is_marker = reader
                    .group(1)?
                    .is_some_and(|(group, _)| group.iter().any(|entry| entry.words.is_some()));
                let image = if is_marker { None } else { links::image(text)? };
                Ok(image.map_or(Step::Keep, Step::Link))
            }
            '[' => {
                // `[1]: https://…` names an address.
                let link = if self.is_line_start { links::link(text, true, self.known)? } else { None };
                if let Some(link @ Link::Vanishes(_)) = link {
                    return Ok(Step::Link(link));
                }
                if let Some((group, taken)) = reader.enclosed(0)? {
                    return Ok(Step::Markers(group, taken));
                }
                Ok(links::link(text, false, self.known)?.map_or(Step::Keep, Step::Link))
            }
            '【' | '［' | '(' | '*' | '_' | '`' | '\\' => {
                Ok(reader.enclosed(0)?.map_or(Step::Keep, |(group, taken)| Step::Markers(group, taken)))
            }
            _ => Ok(Step::Keep),
        }
    }

    /// Characters held back.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.pending.len()
    }
}
