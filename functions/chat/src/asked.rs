//! A question that was understood, and the time it has.

use std::time::{Duration, Instant};

use shared::{
    Error, Result,
    domain::{
        ids::{ConversationId, MessageId},
        question::{Filters, Question},
    },
    llm::Attempts,
};

/// The part of a request's time that is kept for checking and recording the answer, after database and model.
const RECORD_SHARE: f64 = 0.12;

/// A question that was understood, and the time it has.
pub struct Asked {
    /// The id that the answer will have.
    pub message: MessageId,
    /// The conversation that it belongs to.
    pub conversation: ConversationId,
    /// Whether that conversation has begun already.
    pub continues: bool,
    /// The question.
    pub question: Question,
    /// What the search is limited to.
    pub filters: Filters,
    /// How many passages the answer may rest on.
    pub top_k: u32,
    /// The calls of models that it takes.
    pub attempts: Attempts,
    /// When it came.
    pub started: Instant,
    /// What it may take in all.
    pub timeout: Duration,
}

impl Asked {
    /// When that part of the request's time is over.
    pub fn part(&self, share: f64) -> Instant {
        self.started + self.timeout.mul_f64(share)
    }

    /// When that part of the request's time will be over for what begins now.
    pub fn part_from_now(&self, share: f64) -> Instant {
        self.record_from().min(Instant::now() + self.timeout.mul_f64(share))
    }

    /// When the answer must be there, checked and not yet recorded.
    pub fn record_from(&self) -> Instant {
        self.part(1.0 - RECORD_SHARE)
    }

    /// When the answer must be sent.
    pub fn deadline(&self) -> Instant {
        self.part(1.0)
    }
}

/// What the database says by `deadline`; nobody waits for it any longer.
pub async fn before<T>(deadline: Instant, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let outcome = tokio::time::timeout_at(deadline.into(), asked).await;
    outcome.unwrap_or_else(|elapsed| Err(Error::unavailable("timeout", elapsed)))
}

/// Milliseconds since then.
pub fn elapsed_ms(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
