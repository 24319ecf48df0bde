//! The third layer of the filter: tags, comments and `<https://…>`. Only the text between them remains.

use super::{
    ahead::{Ahead, More},
    links::Known,
    stand_ins::{VANISHED, VERBATIM, VERBATIM_END, is_stand_in},
};

/// A tag is no longer than this many characters.
const TAG_MAX: usize = 600;
/// Nor is a comment, a script or a style sheet; longer ones lose their tags only.
const BODY_MAX: usize = 1_200;
/// Tags within tags are looked at so deep.
const NESTED_MAX: u8 = 8;
/// The names of the elements that begin a new line, so that their neighbours are not glued together.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "td",
    "tr",
    "ul",
];
/// Other elements, those that a browser does something about.
const ELEMENTS: [&str; 92] = [
    "a",
    "abbr",
    "animate",
    "applet",
    "aside",
    "audio",
    "b",
    "base",
    "bdi",
    "bdo",
    "big",
    "body",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "data",
    "del",
    "details",
    "dfn",
    "dialog",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "foreignobject",
    "form",
    "frame",
    "frameset",
    "head",
    "header",
    "html",
    "i",
    "iframe",
    "image",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "link",
    "main",
    "map",
    "mark",
    "marquee",
    "math",
    "menu",
    "meta",
    "nav",
    "noscript",
    "object",
    "option",
    "output",
    "param",
    "path",
    "picture",
    "portal",
    "q",
    "s",
    "samp",
    "script",
    "select",
    "set",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "tbody",
    "template",
    "textarea",
    "th",
    "thead",
    "title",
    "track",
    "u",
    "use",
    "var",
    "video",
];
/// What the prompt marks its passages with.
const BOUNDARIES: [&str; 3] = ["passages", "passage", "end"];
/// Elements whose content is not text.
const BODIES: [&str; 2] = ["script", "style"];

/// Text that may hold tags.
#[derive(Debug)]
pub(super) struct Tags<'a> {
    pending: Vec<char>,
    known: Known<'a>,
    last: char,
    is_verbatim: bool,
}

/// What becomes of the first characters.
enum Step {
    /// The first goes on as it is.
    Keep,
    /// So many go.
    Vanish(usize),
    /// So many go, and what they part stays parted.
    Part(usize),
    /// These go, and the first is read again: a tag within a tag hides it.
    Cut(std::ops::Range<usize>),
    /// An address in this range, which a passage holds, of so many.
    Address(std::ops::Range<usize>, usize),
}

impl<'a> Tags<'a> {
    pub fn new(known: Known<'a>) -> Self {
        Self { pending: Vec::new(), known, last: '\n', is_verbatim: false }
    }

    /// Takes what came, and hands on what is certain.
    pub fn push(&mut self, input: &mut Vec<char>, is_whole: bool, out: &mut Vec<char>) {
        self.pending.append(input);
        let mut at = 0;
        while let Some(&found) = self.pending.get(at) {
            self.is_verbatim = found == VERBATIM || self.is_verbatim && found != VERBATIM_END;
            let text = Ahead::new(self.pending.get(at..).unwrap_or_default(), is_whole);
            let step = if self.is_verbatim { Ok(Step::Keep) } else { self.step(text, NESTED_MAX) };
            let Ok(step) = step else { break };
            match step {
                Step::Keep => {
                    out.push(found);
                    self.last = found;
                    at += 1;
                }
                Step::Vanish(taken) => {
                    out.push(VANISHED);
                    at += taken;
                }
                Step::Cut(range) => {
                    let end = (at + range.end).min(self.pending.len());
                    self.pending.drain(at + range.start..end);
                }
                Step::Part(taken) => {
                    out.extend([VANISHED, ' ']);
                    self.last = ' ';
                    at += taken;
                }
                Step::Address(address, taken) => {
                    out.push(VERBATIM);
                    out.extend(self.pending.get(at + address.start..at + address.end).unwrap_or_default());
                    out.push(VERBATIM_END);
                    self.last = VERBATIM_END;
                    at += taken;
                }
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    fn step(&self, text: Ahead<'_>, depth: u8) -> Result<Step, More> {
        if !matches!(text.get(0)?, Some('<' | '＜' | '﹤')) {
            return Ok(Step::Keep);
        }
        let Some(next) = letter(text, 1)? else { return Ok(Step::Keep) };
        if !next.is_ascii_alphabetic() && !matches!(next, '/' | '!' | '?' | '|' | '<') {
            return Ok(Step::Keep);
        }
        if next == '!' && text.get(2)? == Some('-') && text.get(3)? == Some('-') {
            return Ok(find(text, 4, BODY_MAX, &['-', '-', '>'])?.map_or(Step::Keep, Step::Vanish));
        }
        let end = match tag_end(text)? {
            End::At(end) => end,
            End::Nested(at) if depth > 0 => {
                let nested = self.step(text.from(at), depth - 1)?;
                return Ok(match nested {
                    Step::Vanish(taken) | Step::Part(taken) => Step::Cut(at..at + taken),
                    Step::Cut(range) => Step::Cut(at + range.start..at + range.end),
                    Step::Keep | Step::Address(..) => Step::Keep,
                });
            }
            End::Nested(_) | End::Nowhere => return Ok(Step::Keep),
        };
        let inner: String =
            text.slice(1, end).iter().copied().filter(|&found| !is_stand_in(found)).map(plain).collect();
        if is_address(&inner) {
            let is_known = self.known.holds(&inner) && inner.chars().count() == end - 1;
            return Ok(if is_known { Step::Address(1..end, end + 1) } else { Step::Vanish(end + 1) });
        }
        let name: String = inner
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        if !is_tag(&inner, &name) {
            return Ok(Step::Keep);
        }
        if BODIES.contains(&name.as_str()) && !inner.starts_with('/') {
            let close: Vec<char> = format!("</{name}").chars().collect();
            if let Some(body_end) = find(text, end + 1, BODY_MAX, &close)? {
                return Ok(Step::Vanish(body_end));
            }
        }
        let is_glued = self.last.is_alphanumeric() && text.get(end + 1)?.is_some_and(char::is_alphanumeric);
        let is_parting = BLOCKS.contains(&name.as_str()) && is_glued;
        Ok(if is_parting { Step::Part(end + 1) } else { Step::Vanish(end + 1) })
    }

    /// Characters held back.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.pending.len()
    }
}

/// Is it one: an element that browsers know, or any with attributes, or a boundary of the prompt? Not the `<q and r>` of
/// a formula, nor the `<String>` of a program: the layer that lets out makes those harmless.
fn is_tag(inner: &str, name: &str) -> bool {
    if inner.starts_with(['!', '?']) || inner.starts_with('|') && inner.ends_with('|') {
        return true;
    }
    let rest = inner.trim_start_matches('/').get(name.len()..).unwrap_or_default();
    let is_known = ELEMENTS.contains(&name) || BLOCKS.contains(&name);
    let is_bare = rest.trim_end_matches(['/', ' ', '\n']).is_empty();
    BOUNDARIES.contains(&name) && !rest.starts_with(['=', '-'])
        || is_known && (is_bare || inner.starts_with('/'))
        || rest.contains('=')
        || is_known && name.len() > 1 && rest.starts_with([' ', '\n', '\t', '/'])
}

/// `https://…`, `mailto:…` or any other scheme, and nothing else.
fn is_address(inner: &str) -> bool {
    let Some((scheme, rest)) = inner.split_once(':') else { return false };
    let is_scheme = (2..32).contains(&scheme.len())
        && scheme.chars().all(|found| found.is_ascii_alphanumeric() || matches!(found, '+' | '.' | '-'));
    is_scheme && !rest.is_empty() && !rest.contains(char::is_whitespace)
        || inner.contains('@') && !inner.contains(char::is_whitespace)
}

/// The first character from `at` on that is no stand-in, as ASCII where it is a full-width form.
fn letter(text: Ahead<'_>, at: usize) -> Result<Option<char>, More> {
    let at = text.skip(at, is_stand_in)?;
    Ok(text.get(at)?.map(plain))
}

/// Full-width forms as ASCII.
fn plain(found: char) -> char {
    match found {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(found) - 0xfee0).unwrap_or(found),
        _ => found,
    }
}

/// Where a tag ends.
enum End {
    At(usize),
    /// Another begins in it.
    Nested(usize),
    Nowhere,
}

/// The `>` that ends the tag; `>` within quoted attributes does not.
fn tag_end(text: Ahead<'_>) -> Result<End, More> {
    let mut quote = None;
    let mut last = '<';
    for at in 1..TAG_MAX {
        let Some(found) = text.get(at)? else { return Ok(End::Nowhere) };
        match (quote, found) {
            (None, '>' | '＞' | '﹥') => return Ok(End::At(at)),
            (None, '<' | '＜' | '﹤') => return Ok(End::Nested(at)),
            (_, '\n') if last == '\n' => return Ok(End::Nowhere),
            (None, '"' | '\'') if last == '=' => quote = Some(found),
            (Some(mark), _) if mark == found => quote = None,
            _ => {}
        }
        last = found;
    }
    Ok(End::Nowhere)
}

/// Past `wanted`, which is ASCII in lower case, where it comes within so many characters from `at`.
fn find(text: Ahead<'_>, at: usize, length_max: usize, wanted: &[char]) -> Result<Option<usize>, More> {
    for start in at..at + length_max {
        let mut matched = 0;
        loop {
            let Some(&next) = wanted.get(matched) else { return Ok(Some(start + matched)) };
            match text.get(start + matched)? {
                Some(found) if found.to_ascii_lowercase() == next => matched += 1,
                Some(_) => break,
                None => return Ok(None),
            }
        }
    }
    Ok(None)
}
