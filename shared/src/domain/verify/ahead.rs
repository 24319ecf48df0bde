//! Text that is still coming in. What reads it must ask for each character, and is told to wait where none has come
//! yet: so a decision that was made has seen all that it rests on, and nothing that comes later can change it.

/// Runs of the same kind of character are followed no further: nothing sensible is longer.
const RUN_MAX: usize = 100;

/// The decision needs characters that have not come yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct More;

/// What is known of the text from here on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead<'a> {
    chars: &'a [char],
    is_whole: bool,
}

impl<'a> Ahead<'a> {
    /// `is_whole`: nothing follows `chars`.
    pub fn new(chars: &'a [char], is_whole: bool) -> Self {
        Self { chars, is_whole }
    }

    /// The text from `at` on, which was asked for before.
    pub fn from(self, at: usize) -> Self {
        Self { chars: self.chars.get(at..).unwrap_or_default(), is_whole: self.is_whole }
    }

    /// The character at `at`; none after the text's end.
    pub fn get(self, at: usize) -> Result<Option<char>, More> {
        match self.chars.get(at) {
            Some(&found) => Ok(Some(found)),
            None if self.is_whole => Ok(None),
            None => Err(More),
        }
    }

    /// Past the characters from `at` on that are `skipped`, or past `RUN_MAX` of them.
    pub fn skip(self, at: usize, skipped: impl Fn(char) -> bool) -> Result<usize, More> {
        let mut end = at;
        while end - at < RUN_MAX && self.get(end)?.is_some_and(&skipped) {
            end += 1;
        }
        Ok(end)
    }

    /// The letters from `at` on, in lower case.
    pub fn word(self, at: usize) -> Result<String, More> {
        let end = self.skip(at, char::is_alphabetic)?;
        Ok(self.text(at, end).to_lowercase())
    }

    /// What stands between two places that were asked for before.
    pub fn text(self, start: usize, end: usize) -> String {
        self.slice(start, end).iter().collect()
    }

    /// The same, not copied.
    pub fn slice(self, start: usize, end: usize) -> &'a [char] {
        self.chars.get(start..end.min(self.chars.len())).unwrap_or_default()
    }

    /// The index of the bracket that closes the one at `at`, within the paragraph and `length_max` characters. At the
    /// end of a text that was cut off, its end.
    pub fn closing(
        self,
        at: usize,
        open: char,
        close: char,
        length_max: usize,
    ) -> Result<Option<usize>, More> {
        let mut depth = 0_usize;
        let mut is_blank = false;
        for index in at..at + length_max {
            let Some(found) = self.get(index)? else { return Ok((open == '(').then_some(index)) };
            if found == '\n' && is_blank {
                return Ok(None);
            }
            is_blank = found == '\n' || is_blank && found.is_whitespace();
            if found == open {
                depth += 1;
            } else if found == close {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(Some(index));
                }
            }
        }
        Ok(None)
    }
}
