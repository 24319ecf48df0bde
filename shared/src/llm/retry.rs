//! The one place that tries again.

use std::time::{Duration, Instant};

use super::ModelFailure;

/// Tries in all.
pub const ATTEMPTS: u32 = 3;
/// The first pause; each next is twice as long, of which a random part is taken ("full jitter": Brooker, "Exponential Backoff
/// And Jitter", AWS Architecture Blog, 2015).
const PAUSE: Duration = Duration::from_secs(1);

/// With less time than this nothing is begun: it could not end, and might be paid for.
const TIME_MIN: Duration = Duration::from_millis(20);

/// Calls until it succeeds, a failure is permanent, the attempts are used up or the deadline would pass. A call that only taught
/// what to leave out is not one of the attempts.
pub async fn retry<T, F>(deadline: Instant, call: impl Fn() -> F) -> Result<T, ModelFailure>
where
    F: Future<Output = Result<T, ModelFailure>>,
{
    let (mut pause, mut attempt) = (PAUSE, 1);
    loop {
        if left(deadline) < TIME_MIN {
            return Err(ModelFailure::transient("no time was left"));
        }
        let outcome = tokio::time::timeout_at(deadline.into(), call()).await;
        let failure = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(ModelFailure::transient("no answer before the deadline")),
        };
        if failure.again {
            continue;
        }
        let wait = failure.retry_after.unwrap_or_else(|| pause.mul_f64(jitter()));
        if !failure.transient || attempt == ATTEMPTS || wait >= left(deadline).saturating_sub(TIME_MIN) {
            return Err(failure);
        }
        tokio::time::sleep(wait).await;
        pause *= 2;
        attempt += 1;
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A random part of one.
fn jitter() -> f64 {
    let bits = uuid::Uuid::now_v7().as_u128() & 0xffff_ffff;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn passing_faults_are_tried_thrice_and_lasting_ones_once() {
        for (transient, expected) in [(true, 3), (false, 1)] {
            let calls = AtomicU32::new(0);
            let failing = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(ModelFailure { transient, ..ModelFailure::permanent("") })
            };
            assert!(retry(Instant::now() + Duration::from_mins(1), failing).await.is_err());
            assert_eq!(calls.load(Ordering::Relaxed), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_taught_what_to_leave_out_is_not_one_of_the_attempts() {
        let calls = AtomicU32::new(0);
        let learning = || async {
            let again = calls.fetch_add(1, Ordering::Relaxed) < 5;
            Err::<(), _>(ModelFailure { again, ..ModelFailure::transient("") })
        };
        assert!(retry(Instant::now() + Duration::from_mins(1), learning).await.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_would_pass_the_deadline_is_not_begun() {
        let calls = AtomicU32::new(0);
        // The second is what a provider may say and no clock can hold.
        for pause in [Duration::from_mins(1), Duration::MAX] {
            let busy = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                let retry_after = Some(pause);
                Err::<(), _>(ModelFailure { retry_after, ..ModelFailure::transient("") })
            };
            assert!(retry(Instant::now() + Duration::from_secs(20), busy).await.is_err());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
