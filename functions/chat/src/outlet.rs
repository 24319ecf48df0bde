//! Where an answer goes while it is written: to a reader who follows it, or nowhere.

use shared::domain::verify::Event;
use tokio::sync::mpsc;

/// The writing end. A reader who is slow slows the writing down; one who goes away ends it.
#[derive(Clone)]
pub struct Outlet(Option<mpsc::Sender<Event>>);

/// Nobody reads any more.
pub struct Gone;

/// How many events may wait for the reader.
const EVENTS_MAX: usize = 64;

impl Outlet {
    /// For an answer that is sent when it is whole.
    pub fn closed() -> Self {
        Self(None)
    }

    /// For an answer that is followed.
    pub fn followed() -> (Self, mpsc::Receiver<Event>) {
        let (outlet, reader) = mpsc::channel(EVENTS_MAX);
        (Self(Some(outlet)), reader)
    }

    /// Whether somebody follows the answer.
    pub fn is_followed(&self) -> bool {
        self.0.is_some()
    }

    /// Tells what is certain by now.
    pub async fn tell(&self, events: impl IntoIterator<Item = Event> + Send) -> Result<(), Gone> {
        let Some(outlet) = &self.0 else { return Ok(()) };
        for event in events {
            outlet.send(event).await.map_err(|_| Gone)?;
        }
        Ok(())
    }

    /// Ends when nobody reads any more.
    pub async fn gone(&self) {
        match &self.0 {
            Some(outlet) => outlet.closed().await,
            None => std::future::pending().await,
        }
    }
}
