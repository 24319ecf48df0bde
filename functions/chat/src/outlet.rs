//! Where an answer goes while it is written: to a reader who follows it, or nowhere.

use std::time::Instant;

use shared::domain::{citation::Citation, verify::Event};
use tokio::{
    sync::mpsc::{self, Receiver, Sender, error::TrySendError},
    time::timeout_at,
};

/// How many pieces may wait for the reader.
pub const WAITING_MAX: usize = 64;

/// What the reader is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// An answer will come: nothing refuses the question any more.
    Begun,
    /// The answer goes on with this text.
    Text(String),
    /// The text that follows cites this for the first time.
    Citation(Citation),
}

/// The writing end. A reader who is slow slows the writing down until the deadline; one who goes away ends it.
pub struct Outlet(Option<Followed>);

struct Followed {
    reader: Sender<Told>,
    deadline: Instant,
}

/// Nobody reads any more, or too slowly.
pub struct Gone;

impl Outlet {
    /// For an answer that is sent when it is whole.
    pub fn closed() -> Self {
        Self(None)
    }

    /// For an answer that is followed.
    pub fn followed(deadline: Instant) -> (Self, Receiver<Told>) {
        let (reader, told) = mpsc::channel(WAITING_MAX);
        (Self(Some(Followed { reader, deadline })), told)
    }

    /// Whether somebody follows the answer.
    pub fn is_followed(&self) -> bool {
        self.0.is_some()
    }

    /// Says that an answer will come. From here on a fault is told in the stream and no longer by the response's status.
    pub async fn begin(&self) -> Result<(), Gone> {
        self.send(Told::Begun).await
    }

    /// Tells what is certain by now.
    pub async fn tell(&self, events: impl IntoIterator<Item = Event> + Send) -> Result<(), Gone> {
        for event in events {
            self.send(match event {
                Event::Text(text) => Told::Text(text),
                Event::Citation(citation) => Told::Citation(citation),
            })
            .await?;
        }
        Ok(())
    }

    /// Ends when nobody reads any more.
    pub async fn gone(&self) {
        match &self.0 {
            Some(Followed { reader, .. }) => reader.closed().await,
            None => std::future::pending().await,
        }
    }

    async fn send(&self, told: Told) -> Result<(), Gone> {
        let Some(Followed { reader, deadline }) = &self.0 else { return Ok(()) };
        match reader.try_send(told) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(Gone),
            Err(TrySendError::Full(told)) => {
                let sent = timeout_at((*deadline).into(), reader.send(told)).await;
                sent.ok().and_then(Result::ok).ok_or(Gone)
            }
        }
    }
}
