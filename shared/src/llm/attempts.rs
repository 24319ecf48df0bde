//! The calls of models that one question made, and what it may still spend on them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Span;

use crate::domain::{answer::Usage, attempt::Attempt};

/// Sums of dollars are not exact to the last bit.
const ROUNDING_USD: f64 = 1e-12;

/// The calls of one question. Cloning shares them.
#[derive(Clone, Default, Debug)]
pub struct Attempts(Arc<Mutex<Books>>);

#[derive(Default, Debug)]
struct Books {
    /// What may be spent in all; none: no cap is set.
    allowance_usd: Option<f64>,
    has_reserved: bool,
    was_short: bool,
    booked: Vec<Attempt>,
}

impl Attempts {
    /// Under a cap: nothing may be spent but what [`Self::allow`] is told of.
    pub fn capped() -> Self {
        Self(Arc::new(Mutex::new(Books { allowance_usd: Some(0.0), ..Books::default() })))
    }

    /// Whether something is, or may have been, reserved: the record settles it then.
    pub fn reserving(&self, is: bool) {
        self.books().has_reserved = is;
    }

    /// So much more was reserved.
    pub fn allow(&self, usd: f64) {
        let mut books = self.books();
        books.allowance_usd = books.allowance_usd.map(|allowed| allowed + usd);
    }

    /// Whether anything may have been reserved.
    pub fn has_reserved(&self) -> bool {
        self.books().has_reserved
    }

    /// A call is not made because no cap leaves room for it.
    pub fn fell_short(&self) {
        self.books().was_short = true;
    }

    /// Whether a call was not made because of a cap.
    pub fn was_short(&self) -> bool {
        self.books().was_short
    }

    /// Every call that has ended, in order.
    pub fn booked(&self) -> Vec<Attempt> {
        self.books().booked.clone()
    }

    /// What all of them came to.
    pub fn usage(&self) -> Usage {
        self.books().booked.iter().fold(Usage::default(), |sum, attempt| Usage {
            input_tokens: sum.input_tokens.saturating_add(attempt.input_tokens),
            output_tokens: sum.output_tokens.saturating_add(attempt.output_tokens),
            cost_usd: sum.cost_usd + attempt.cost_usd,
        })
    }

    /// Whether a call that may cost so much still fits.
    pub(super) fn admits(&self, cost_max_usd: f64) -> bool {
        let spent = self.usage().cost_usd;
        let mut books = self.books();
        let fits =
            books.allowance_usd.is_none_or(|allowance| spent + cost_max_usd <= allowance + ROUNDING_USD);
        books.was_short |= !fits;
        fits
    }

    /// Which call the next one will be, from 1.
    pub(super) fn next_number(&self) -> usize {
        self.books().booked.len() + 1
    }

    /// Books a call that has ended, in its span and in the log too.
    pub(super) fn book(&self, span: &Span, attempt: Attempt) {
        span.record("outcome", attempt.outcome.name());
        span.record("tokens.input", attempt.input_tokens);
        span.record("tokens.output", attempt.output_tokens);
        span.record("cost_usd", attempt.cost_usd);
        let tokens = u64::from(attempt.input_tokens) + u64::from(attempt.output_tokens);
        if tokens > 0 {
            span.in_scope(|| {
                tracing::info!(
                    event = "model_usage",
                    provider = attempt.provider,
                    model = attempt.model,
                    outcome = attempt.outcome.name(),
                    tokens.input = attempt.input_tokens,
                    tokens.output = attempt.output_tokens,
                    tokens.estimated = attempt.estimated,
                    cost_usd = attempt.cost_usd,
                    "{} took {tokens} tokens",
                    attempt.model
                );
            });
        }
        self.books().booked.push(attempt);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::Outcome;

    fn attempt(cost_usd: f64) -> Attempt {
        Attempt {
            provider: "openai".to_owned(),
            model: "gpt-4o".to_owned(),
            outcome: Outcome::Failed,
            input_tokens: 2,
            output_tokens: 1,
            estimated: false,
            cost_usd,
            latency_ms: 1,
        }
    }

    #[test]
    fn under_a_cap_nothing_is_spent_that_was_not_reserved() {
        let (free, capped) = (Attempts::default(), Attempts::capped());
        assert!(free.admits(1e9));
        assert!(capped.admits(0.0) && !capped.was_short());
        assert!(!capped.admits(0.01) && capped.was_short());
        capped.allow(0.3);
        assert!(capped.admits(0.3) && !capped.admits(0.31));
        capped.book(&Span::none(), attempt(0.1));
        capped.book(&Span::none(), attempt(0.1));
        assert!(capped.admits(0.1) && !capped.admits(0.11), "what failed calls cost is spent");
        let usage = capped.usage();
        assert_eq!((usage.input_tokens, usage.output_tokens, capped.next_number()), (4, 2, 3));
    }
}
