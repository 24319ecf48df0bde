//! One address's part of this process: so many requests at once, so many an hour. Whoever wants more has to wait, each time
//! twice as long. On Lambda the platform has limits of its own; here one address could take every connection.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use shared::{
    Error,
    env::Env,
    http::{ClientAddress, held, show},
    limiter::{self, Bounded, Limiter, Verdict, policy},
};

/// The most addresses that are remembered.
const ADDRESSES_MAX: usize = 50_000;
/// The first wait; each further one is twice the one before.
const WAIT_MIN_MS: i64 = 1_000;
/// The longest wait, and how long after the last one a violation is forgotten.
const WAIT_MAX_MS: i64 = 3_600_000;

/// Who is inside, and who has to wait outside. Cloning shares it.
#[derive(Clone)]
pub struct Crowd(Arc<Inner>);

struct Inner {
    at_once_max: usize,
    limiter: Limiter,
    addresses: Mutex<Bounded<Address>>,
}

/// What is known of one address.
#[derive(Clone, Copy, Default, Debug)]
struct Address {
    running: usize,
    violations: u32,
    closed_until_ms: i64,
}

/// Why an address does not get in.
struct Closed {
    wait_ms: i64,
    /// What was counted, if that was the reason.
    verdict: Option<Verdict>,
}

impl Crowd {
    /// What `ADDRESS_REQUESTS_AT_ONCE` and the policy `requests.ip` say.
    pub fn new(env: &Env, limiter: &Limiter) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Inner {
            at_once_max: env.number("ADDRESS_REQUESTS_AT_ONCE", 1..=100_000)?,
            limiter: limiter.clone(),
            addresses: Mutex::new(Bounded::new(ADDRESSES_MAX)),
        })))
    }

    /// Lets one request of the address in until the ticket is dropped.
    fn enter(&self, address: IpAddr, now: Timestamp) -> shared::Result<Result<Ticket, Closed>> {
        let (name, now_ms) = (limiter::address(Some(address)), now.as_millisecond());
        let mut addresses = self.lock();
        let mut known = addresses.get(&name).copied().unwrap_or_default();
        if known.closed_until_ms > now_ms {
            // Asking again while one waits is no further violation: it costs nothing, and honest clients are many.
            return Ok(Err(Closed { wait_ms: known.closed_until_ms - now_ms, verdict: None }));
        }
        if now_ms - known.closed_until_ms > WAIT_MAX_MS {
            known.violations = 0;
        }
        let entered = if known.running >= self.0.at_once_max {
            Err(Closed { wait_ms: 0, verdict: None })
        } else {
            match self.0.limiter.take_here(policy::REQUESTS_IP, &name, now)? {
                verdict if verdict.success => Ok(()),
                verdict => Err(Closed { wait_ms: verdict.reset_in_ms, verdict: Some(verdict) }),
            }
        };
        let entered = match entered {
            Ok(()) => {
                known.running += 1;
                Ok(Ticket { crowd: self.clone(), name: name.clone() })
            }
            Err(closed) => {
                let doubled = WAIT_MIN_MS << known.violations.min(20);
                known.violations += 1;
                let wait_ms = closed.wait_ms.max(doubled.min(WAIT_MAX_MS));
                known.closed_until_ms = now_ms + wait_ms;
                Err(Closed { wait_ms, ..closed })
            }
        };
        // Whoever is inside must not be forgotten, or would be let in again.
        let worth = |address: &Address| if address.running > 0 { i64::MAX } else { address.closed_until_ms };
        addresses.put(&name, known, worth);
        Ok(entered)
    }

    fn lock(&self) -> MutexGuard<'_, Bounded<Address>> {
        self.0.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that is inside.
struct Ticket {
    crowd: Crowd,
    name: String,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(address) = self.crowd.lock().get_mut(&self.name) {
            address.running = address.running.saturating_sub(1);
        }
    }
}

/// The middleware, for `from_fn_with_state`. A request is inside until its response is sent, streams included.
pub async fn admit(State(crowd): State<Crowd>, request: Request, next: Next) -> Response {
    // A router that is called in memory has no addresses.
    let Some(address) = request.extensions().get::<ClientAddress>().and_then(|client| client.0) else {
        return next.run(request).await;
    };
    #[expect(clippy::disallowed_methods, reason = "a request's time is read where the request comes in")]
    let now = Timestamp::now();
    match crowd.enter(address, now) {
        Ok(Ok(ticket)) => next.run(request).await.map(|body| held(body, ticket, |_| {})),
        Ok(Err(closed)) => {
            if let Some(verdict) = closed.verdict {
                show(verdict, request.extensions());
            }
            let wait_s = u64::try_from(closed.wait_ms).unwrap_or_default().div_ceil(1_000);
            Error::RateLimited { retry_after: Duration::from_secs(wait_s) }.into_response()
        }
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(at_once: &str, limits: &str) -> Crowd {
        let env = Env::of([
            ("ADDRESS_REQUESTS_AT_ONCE", at_once.to_owned()),
            ("RATE_LIMITS", format!("requests.ip={limits}")),
        ]);
        Crowd::new(&env, &Limiter::connect(&env).unwrap()).unwrap()
    }

    /// A ticket, or the wait in seconds.
    fn enter(crowd: &Crowd, address: &str, at_ms: i64) -> Result<Ticket, i64> {
        let now = Timestamp::from_millisecond(1_800_000_000_000 + at_ms).unwrap();
        crowd.enter(address.parse().unwrap(), now).unwrap().map_err(|closed| closed.wait_ms / 1_000)
    }

    #[test]
    fn ten_are_inside_at_once_and_the_next_waits_twice_as_long_each_time() {
        let crowd = crowd("10", "1000/1h");
        let mut inside: Vec<Ticket> = (0..10).map(|_| enter(&crowd, "192.0.2.1", 0).ok().unwrap()).collect();
        let mut at_ms = 0;
        for wait_s in [1, 2, 4, 8, 16] {
            assert_eq!(enter(&crowd, "192.0.2.1", at_ms).err(), Some(wait_s));
            // Trying while one waits changes nothing.
            assert_eq!(enter(&crowd, "192.0.2.1", at_ms + 1).err(), Some(wait_s - 1));
            at_ms += wait_s * 1_000;
        }
        assert!(enter(&crowd, "192.0.2.2", at_ms).is_ok(), "another address is no part of it");
        inside.pop();
        assert!(enter(&crowd, "192.0.2.1", at_ms).is_ok());
        assert!(enter(&crowd, "192.0.2.1", at_ms).is_ok(), "the one before has left again");
    }

    #[test]
    fn the_wait_ends_at_an_hour_and_is_forgotten_after_one() {
        let crowd = crowd("1", "1000000/1h");
        let _inside = enter(&crowd, "192.0.2.1", 0).ok().unwrap();
        let (mut at_ms, mut waits) = (0, Vec::new());
        for _ in 0..14 {
            let wait_s = enter(&crowd, "192.0.2.1", at_ms).err().unwrap();
            waits.push(wait_s);
            at_ms += wait_s * 1_000;
        }
        assert_eq!(waits[..4], [1, 2, 4, 8]);
        assert_eq!(waits[11..], [2_048, 3_600, 3_600]);
        assert_eq!(enter(&crowd, "192.0.2.1", at_ms + WAIT_MAX_MS + 1).err(), Some(1));
    }

    #[test]
    fn a_thousand_an_hour_and_then_the_address_is_blocked_until_the_window_ends() {
        let crowd = crowd("10", "1000/1h");
        for _ in 0..1_000 {
            assert!(enter(&crowd, "192.0.2.1", 0).is_ok());
        }
        let wait_s = enter(&crowd, "192.0.2.1", 0).err().unwrap();
        assert!((1..=3_600).contains(&wait_s), "{wait_s}");
        assert!(enter(&crowd, "192.0.2.1", wait_s * 1_000 - 1).is_err());
        assert!(enter(&crowd, "192.0.2.1", 7_200_000).is_ok());
    }

    #[test]
    fn a_network_is_one_address() {
        let crowd = crowd("1", "1000/1h");
        let _inside = enter(&crowd, "2001:db8::1", 0).ok().unwrap();
        assert!(enter(&crowd, "2001:db8::2", 0).is_err());
        assert!(enter(&crowd, "2001:db8:0:1::1", 0).is_ok());
    }

    #[test]
    fn whoever_is_inside_is_not_forgotten() {
        let crowd = crowd("1", "1000/1h");
        let _inside = enter(&crowd, "192.0.2.1", 0).ok().unwrap();
        for number in 0..60_000_u32 {
            let address = std::net::Ipv4Addr::from(0x0A00_0000 + number);
            drop(enter(&crowd, &address.to_string(), 0));
        }
        assert!(enter(&crowd, "192.0.2.1", 0).is_err());
    }
}
