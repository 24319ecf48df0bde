//! The fifth layer of the filter: sentences are told apart, markers are resolved, and what became of them goes to the
//! reader with the text.

use super::{
    Verified,
    claims::Claim,
    markers::Group,
    output::Output,
    resolve::{Resolved, Resolver},
    stand_ins::{VANISHED, VERBATIM, VERBATIM_END, group_index},
};
use crate::domain::sentences::{Ending, prose_end};

/// A sentence that is longer in bytes is ended at its next space, or at twice this anywhere.
const SENTENCE_MAX: usize = 2_000;

/// The sentence that the answer is in, and what of the next must be known to see that it ended.
#[derive(Default)]
struct Sentence {
    /// Without markers.
    text: String,
    /// Where markers and other things stand in it, in order.
    places: Vec<Place>,
    /// Bytes of `text` and places that were let out.
    let_out: (usize, usize),
    /// Up to here the text has no end of a sentence.
    searched: usize,
    /// For each time that something was let out: past which byte, and the last code point of the answer then.
    let_out_at: Vec<(usize, u32)>,
}

/// Something that stands before a byte of a sentence.
struct Place {
    at: usize,
    kind: Kind,
}

enum Kind {
    Vanished,
    Verbatim { begins: bool },
    Markers { group: Group, resolved: Option<Resolved> },
}

/// Writes the answer.
pub(super) struct Writer<'a> {
    resolver: Resolver<'a>,
    sentence: Sentence,
    is_verbatim: bool,
    pub output: Output,
    pub unsupported: Vec<[u32; 2]>,
}

impl<'a> Writer<'a> {
    pub fn new(resolver: Resolver<'a>) -> Self {
        Self {
            resolver,
            sentence: Sentence::default(),
            is_verbatim: false,
            output: Output::default(),
            unsupported: Vec::new(),
        }
    }

    /// Takes what came and lets out what is certain. The groups of markers are in `groups`.
    pub fn push(&mut self, input: &mut Vec<char>, is_whole: bool, groups: &mut [Group]) {
        for found in input.drain(..) {
            let kind = match found {
                VANISHED => Kind::Vanished,
                VERBATIM | VERBATIM_END => Kind::Verbatim { begins: found == VERBATIM },
                _ => {
                    if let Some(index) = group_index(found) {
                        let group = groups.get_mut(index).map(std::mem::take).unwrap_or_default();
                        Kind::Markers { group, resolved: None }
                    } else {
                        self.sentence.text.push(found);
                        while let Some(end) = self.sentence.end(false) {
                            self.close(end);
                        }
                        self.let_out();
                        continue;
                    }
                }
            };
            self.sentence.places.push(Place { at: self.sentence.text.len(), kind });
            self.resolve_last();
            self.let_out();
        }
        if is_whole {
            while let Some(end) = self.sentence.end(true) {
                self.close(end);
            }
            let before = self.output.length;
            let bytes = self.sentence.text.len();
            self.resolve_until(bytes, self.sentence.places.len());
            self.output.end();
            if self.output.length > before {
                self.sentence.let_out_at.push((bytes, self.output.length - 1));
            }
            self.close(bytes);
        }
    }

    /// All that came of it.
    pub fn into_verified(self) -> Verified {
        let (citations, counts) = self.resolver.into_parts();
        Verified {
            answer: self.output.answer,
            citations,
            unsupported: self.unsupported,
            counts,
            is_refusal: false,
        }
    }

    /// Characters held back.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.sentence.text.get(self.sentence.let_out.0..).unwrap_or_default().chars().count()
    }

    /// Resolves the markers that have just come, unless what they prove must be known for it.
    fn resolve_last(&mut self) {
        let index = self.sentence.places.len() - 1;
        if self.sentence.has_unresolved(index) {
            // Numbers are given in the order of the answer.
            return;
        }
        let before = self.sentence.claim(index, None);
        let claim = Claim::new(&before);
        let claim = claim.is_enough().then_some(claim);
        if let Some(Place { kind: Kind::Markers { group, resolved }, .. }) =
            self.sentence.places.get_mut(index)
        {
            *resolved = self.resolver.resolve_early(group, claim.as_ref());
        }
    }

    /// Ends the sentence before the byte `end`, where the next one begins.
    fn close(&mut self, end: usize) {
        let kept = self.sentence.places_until(end);
        let end = self.sentence.places.get(kept).map_or(end, |next| next.at.min(end));
        self.resolve_until(end, kept);
        let mut markers = self.sentence.places.iter().take(kept).filter_map(|place| match &place.kind {
            Kind::Markers { resolved: Some(resolved), .. } => Some(!resolved.markers.is_empty()),
            _ => None,
        });
        if markers.next().is_some_and(|first| !first && !markers.any(|found| found))
            && let Some(range) = self.sentence.range(end)
        {
            self.unsupported.push(range);
        }
        self.sentence.drain(end, kept);
    }

    /// Resolves and lets out what the sentence has before the byte `end`, its first places.
    fn resolve_until(&mut self, end: usize, kept: usize) {
        for index in 0..kept {
            if !self.sentence.is_unresolved(index) {
                continue;
            }
            let part = self.sentence.claim(index, Some((end, kept)));
            let claim = Claim::new(&part);
            let claim = if claim.is_enough() { claim } else { Claim::new(&self.sentence.whole(end)) };
            if let Some(Place { kind: Kind::Markers { group, resolved }, .. }) =
                self.sentence.places.get_mut(index)
            {
                *resolved = Some(self.resolver.resolve(group, &claim));
            }
        }
        self.let_out_until(end, kept);
    }

    fn let_out(&mut self) {
        let (bytes, places) = (self.sentence.text.len(), self.sentence.places.len());
        self.let_out_until(bytes, places);
    }

    /// Lets out what stands before the byte and the place, up to the first marker that is not resolved.
    fn let_out_until(&mut self, bytes: usize, places: usize) {
        let sentence = &mut self.sentence;
        loop {
            let (byte, place) = sentence.let_out;
            let next = sentence.places.get_mut(place).filter(|next| place < places && next.at <= byte);
            if let Some(next) = next {
                match &mut next.kind {
                    Kind::Vanished => self.output.vanished(),
                    Kind::Verbatim { begins } => self.is_verbatim = *begins,
                    Kind::Markers { resolved: None, .. } => return,
                    Kind::Markers { resolved: Some(resolved), .. } if resolved.markers.is_empty() => {
                        self.output.vanished();
                    }
                    Kind::Markers { resolved: Some(resolved), .. } => {
                        self.output.markers(&resolved.markers, std::mem::take(&mut resolved.fresh));
                    }
                }
                sentence.let_out.1 += 1;
                continue;
            }
            let rest = sentence.text.get(byte..bytes).unwrap_or_default();
            let Some(found) = rest.chars().next() else { return };
            let before = self.output.length;
            if self.is_verbatim {
                self.output.verbatim(found);
            } else {
                self.output.text(found);
            }
            sentence.let_out.0 += found.len_utf8();
            if self.output.length > before {
                sentence.let_out_at.push((sentence.let_out.0, self.output.length - 1));
            }
        }
    }
}

impl Sentence {
    /// Where the next sentence begins; none as long as that is not certain.
    fn end(&mut self, is_whole: bool) -> Option<usize> {
        match prose_end(&self.text, self.searched, is_whole) {
            Ending::At(end) => return Some(end),
            Ending::NotBefore(searched) => self.searched = searched,
        }
        let ends = self.text.len() > SENTENCE_MAX && self.text.ends_with(char::is_whitespace)
            || self.text.len() > 2 * SENTENCE_MAX;
        ends.then_some(self.text.len())
    }

    /// How many of the places belong to the sentence that ends before `end`. Those at the beginning of the line of the
    /// next sentence belong to that one.
    fn places_until(&self, end: usize) -> usize {
        let line = self.text.get(..end).and_then(|text| text.rfind('\n'));
        let first_of_line = line.filter(|&line| {
            let between = self.text.get(line..end).unwrap_or_default();
            between.chars().all(char::is_whitespace) && end < self.text.len()
        });
        let is_own = |place: &&Place| place.at <= end && first_of_line.is_none_or(|line| place.at <= line);
        self.places.iter().take_while(is_own).count()
    }

    fn is_unresolved(&self, index: usize) -> bool {
        matches!(self.places.get(index), Some(Place { kind: Kind::Markers { resolved: None, .. }, .. }))
    }

    fn has_unresolved(&self, before: usize) -> bool {
        (0..before).any(|index| self.is_unresolved(index))
    }

    /// What the markers at the place are to prove: the part of the sentence since the markers before them, and its rest
    /// if they are the last of it, where its `end` (a byte, and how many places it has) is known.
    fn claim(&self, index: usize, end: Option<(usize, usize)>) -> String {
        let is_marker = |place: &&Place| matches!(place.kind, Kind::Markers { .. });
        let at = self.places.get(index).map_or(0, |place| place.at);
        let start = self.places.iter().take(index).rfind(is_marker).map_or(0, |place| place.at);
        let is_last = |(end, kept): (usize, usize)| {
            let mut later = self.places.iter().take(kept).skip(index + 1).filter(is_marker);
            later.next().is_none().then_some(end)
        };
        let end = end.and_then(is_last).unwrap_or(at);
        without_list_mark(self.text.get(start..end).unwrap_or_default()).to_owned()
    }

    /// What was let out of the sentence that ends before `end`, as code points of the answer.
    fn range(&self, end: usize) -> Option<[u32; 2]> {
        let (_, first) = *self.let_out_at.first()?;
        let (_, last) = *self.let_out_at.iter().take_while(|(byte, _)| *byte <= end).last()?;
        Some([first, last + 1])
    }

    fn whole(&self, end: usize) -> String {
        without_list_mark(self.text.get(..end).unwrap_or_default()).to_owned()
    }

    /// Forgets what belongs to the sentence that has ended.
    fn drain(&mut self, end: usize, kept: usize) {
        self.text.drain(..end);
        self.places.drain(..kept);
        for place in &mut self.places {
            place.at = place.at.saturating_sub(end);
        }
        self.let_out = (self.let_out.0.saturating_sub(end), self.let_out.1.saturating_sub(kept));
        self.searched = 0;
        self.let_out_at.retain(|(byte, _)| *byte > end);
        for (byte, _) in &mut self.let_out_at {
            *byte -= end;
        }
    }
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
