//! An answer while a provider writes it: bytes become pieces of text, a count of tokens, and an ending.

use std::collections::VecDeque;

use reqwest::{Response, header::CONTENT_TYPE};

use super::{
    ModelFailure,
    endpoint::{bounded, lost},
    event_stream::{Event, EventStream},
};

/// What a provider's stream says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// The next words.
    Text(String),
    /// Tokens read and written so far; a later one is the newer.
    Usage(Tokens),
    /// It is over. Counts of tokens may still follow.
    End(Ending),
}

/// Tokens of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tokens {
    /// Read.
    pub input: u32,
    /// Written.
    pub output: u32,
}

/// How an answer ended that its provider ended. One that broke off has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// All was said.
    Complete,
    /// The most tokens were written; more would have come.
    Length,
    /// The provider or its filter would not.
    Refused,
}

/// A provider's wire format.
pub trait Wire: Send {
    /// What one event says.
    fn event(&mut self, event: &Event) -> Result<Vec<Piece>, ModelFailure>;
    /// What a response says that is not streamed, as some servers answer whatever was asked for.
    fn whole(&mut self, body: &[u8]) -> Result<Vec<Piece>, ModelFailure>;
    /// What the end of the stream says.
    fn end(&mut self) -> Option<Ending>;
}

/// Bytes to pieces, for one answer.
pub struct Decoder {
    events: EventStream,
    wire: Box<dyn Wire>,
    ready: VecDeque<Piece>,
    ended: bool,
}

impl Decoder {
    /// Reads that format.
    pub fn new(wire: Box<dyn Wire>) -> Self {
        Self { events: EventStream::default(), wire, ready: VecDeque::new(), ended: false }
    }

    /// Takes the next bytes of the stream. What came before a failure can still be read.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ModelFailure> {
        let taken = self.events.push(bytes);
        while let Some(event) = self.events.next() {
            let pieces = self.wire.event(&event)?;
            self.take(pieces);
        }
        taken.map_err(|malformed| ModelFailure::transient(malformed.to_string()))
    }

    /// The stream is over: an answer that nobody ended broke off.
    pub fn finish(&mut self) -> Result<(), ModelFailure> {
        if self.ended {
            return Ok(());
        }
        let ending = self.wire.end().ok_or_else(|| ModelFailure::transient("the stream broke off"))?;
        self.take([Piece::End(ending)]);
        Ok(())
    }

    /// The next piece that is there.
    pub fn next(&mut self) -> Option<Piece> {
        self.ready.pop_front()
    }

    fn take(&mut self, pieces: impl IntoIterator<Item = Piece>) {
        for piece in pieces {
            match piece {
                // Only counts may follow the end.
                Piece::End(_) | Piece::Text(_) if self.ended => continue,
                Piece::End(_) => self.ended = true,
                Piece::Text(ref text) if text.is_empty() => continue,
                Piece::Text(_) | Piece::Usage(_) => {}
            }
            self.ready.push_back(piece);
        }
    }
}

/// An answer that is being written. Dropping it ends the call.
pub struct Writing {
    response: Option<Response>,
    decoder: Decoder,
    /// What ended it, once all that came before was read.
    broke: Option<ModelFailure>,
}

impl Writing {
    /// Reads a provider's successful response.
    pub async fn of(response: Response, wire: Box<dyn Wire>) -> Result<Self, ModelFailure> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut decoder = Decoder::new(wire);
        if kind.is_some_and(|kind| kind.starts_with("application/json")) {
            let pieces = decoder.wire.whole(&bounded(response).await?)?;
            decoder.take(pieces);
            return Ok(Self { response: None, decoder, broke: None });
        }
        Ok(Self { response: Some(response), decoder, broke: None })
    }

    /// The next piece; none after the last. An error is that it broke off.
    pub async fn next(&mut self) -> Result<Option<Piece>, ModelFailure> {
        loop {
            if let Some(piece) = self.decoder.next() {
                return Ok(Some(piece));
            }
            if let Some(failure) = self.broke.take() {
                self.response = None;
                return Err(failure);
            }
            let Some(response) = &mut self.response else { return Ok(None) };
            let read = match response.chunk().await {
                Ok(Some(bytes)) => self.decoder.push(&bytes),
                // After its end nothing can be lost any more.
                Ok(None) | Err(_) if self.decoder.ended => {
                    self.response = None;
                    Ok(())
                }
                Ok(None) => {
                    self.response = None;
                    self.decoder.finish()
                }
                Err(error) => Err(lost(&error)),
            };
            self.broke = read.err();
        }
    }
}
