//! Server-sent events as providers send them: bytes in any pieces become events. The rules are those of the HTML standard,
//! §9.2.6: line ends may be LF, CR or CRLF, data may span lines, comments keep a connection awake.

use std::collections::VecDeque;

/// The longest line that is kept; providers' own are far below.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its `event`; empty where it has none.
    pub name: String,
    /// Its `data`, lines joined by line feeds.
    pub data: String,
}

/// The stream was not one of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// A line without end.
    #[error("a line of the stream is too long")]
    Line,
    /// Bytes that are no text.
    #[error("the stream is not UTF-8")]
    Encoding,
}

/// Reads one stream.
#[derive(Default, Debug)]
pub struct EventStream {
    line: Vec<u8>,
    /// Whether the line before ended with a carriage return, whose line feed may still come.
    after_return: bool,
    /// Whether a line has ended yet: the first may begin with a byte order mark.
    begun: bool,
    name: String,
    data: Option<String>,
    events: VecDeque<Event>,
}

impl EventStream {
    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_return)
                && let Some(rest) = bytes.strip_prefix(b"\n")
            {
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + part.len() > LINE_BYTES_MAX {
                return Err(Malformed::Line);
            }
            self.line.extend_from_slice(part);
            bytes = rest;
            if let Some((ending, rest)) = rest.split_first() {
                self.after_return = *ending == b'\r';
                bytes = rest;
                let line = std::mem::take(&mut self.line);
                self.read(&line)?;
                // Its memory serves the next line.
                self.line = line;
                self.line.clear();
            }
        }
        Ok(())
    }

    /// The next event that is complete. One whose closing blank line never came is none.
    pub fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn read(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let mut line = std::str::from_utf8(line).map_err(|_| Malformed::Encoding)?;
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            self.events.extend(self.data.take().map(|data| Event { name, data }));
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) if data.len() + value.len() > LINE_BYTES_MAX => return Err(Malformed::Line),
                Some(data) => data.extend(["\n", value]),
                None => self.data = Some(value.to_owned()),
            },
            // Comments begin with the colon; ids and retry times mean nothing here.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, Malformed> {
        let mut stream = EventStream::default();
        for piece in pieces {
            stream.push(piece)?;
        }
        Ok(std::iter::from_fn(|| stream.next()).map(|event| (event.name, event.data)).collect())
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    const STREAM: &str = "\u{feff}: a comment\r\nevent: one\rdata: über\rdata:  two\n\ndata\r\n\r\nid: 7\nretry: 3\nnonsense\n\
                          data: [DONE]\n\n:\n\nevent: without data\n\ndata: unfinished";

    #[test]
    fn every_split_of_the_bytes_gives_the_same_events() {
        let expected = vec![event("one", "über\n two"), event("", ""), event("", "[DONE]")];
        let bytes = STREAM.as_bytes();
        assert_eq!(read(&[bytes]).unwrap(), expected);
        for first in 0..=bytes.len() {
            for second in [first, (first + 1).min(bytes.len()), bytes.len()] {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read(&pieces).unwrap(), expected, "{first} {second}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single).unwrap(), expected);
    }

    #[test]
    fn what_is_no_text_or_has_no_end_is_refused() {
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(Malformed::Encoding));
        let long = vec![b'x'; LINE_BYTES_MAX / 2];
        assert_eq!(read(&[b"data: ", &long, &long]), Err(Malformed::Line));
        let line = [b"data: ".as_slice(), &long, b"\n"].concat();
        assert_eq!(read(&[&line, &line, &line]), Err(Malformed::Line));
        assert_eq!(read(&[&line, b"\n"]).unwrap()[0].1.len(), long.len());
    }
}
