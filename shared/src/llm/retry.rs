//! The one place that tries again.

use std::time::{Duration, Instant};

use super::ModelFailure;

/// Tries in all.
const ATTEMPTS: u32 = 3;
/// The first pause; each next is twice as long, of which a random part is taken ("full jitter": Brooker, "Exponential Backoff
/// And Jitter", AWS Architecture Blog, 2015).
const PAUSE: Duration = Duration::from_secs(1);

/// Calls until it succeeds, a failure is permanent, the attempts are used up or the deadline would pass.
pub async fn retry<T, F>(deadline: Instant, call: impl Fn() -> F) -> Result<T, ModelFailure>
where
    F: Future<Output = Result<T, ModelFailure>>,
{
    let mut pause = PAUSE;
    for attempt in 1.. {
        let outcome = tokio::time::timeout_at(deadline.into(), call()).await;
        let failure = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(ModelFailure::transient("no answer before the deadline")),
        };
        let wait = failure.retry_after.unwrap_or_else(|| pause.mul_f64(jitter()));
        let left = deadline.saturating_duration_since(Instant::now());
        if !failure.transient || attempt == ATTEMPTS || wait >= left {
            return Err(failure);
        }
        tokio::time::sleep(wait).await;
        pause *= 2;
    }
    Err(ModelFailure::permanent("no attempt was made"))
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
                Err::<(), _>(ModelFailure {
                    transient,
                    retry_after: None,
                    parameter: None,
                    reason: String::new(),
                })
            };
            assert!(retry(Instant::now() + Duration::from_mins(1), failing).await.is_err());
            assert_eq!(calls.load(Ordering::Relaxed), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_would_pass_the_deadline_is_not_begun() {
        let calls = AtomicU32::new(0);
        // The second is what a provider may say and no clock can hold.
        for pause in [Duration::from_mins(1), Duration::MAX] {
            let busy = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                let retry_after = Some(pause);
                Err::<(), _>(ModelFailure {
                    transient: true,
                    retry_after,
                    parameter: None,
                    reason: String::new(),
                })
            };
            assert!(retry(Instant::now() + Duration::from_secs(20), busy).await.is_err());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
