//! The operator's switches: maintenance, and single functions off. They are read with every request, so that a refreshed
//! secret counts at once; and a request is what has it refreshed when it is old.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{Error, Result, env::Env};

/// What the guides promise callers during maintenance.
const MAINTENANCE: &str = "System under maintenance. Back soon!";

/// Which switches a function obeys besides `MAINTENANCE_MODE`.
#[derive(Clone)]
pub struct Switches {
    env: Env,
    off: Option<(&'static str, &'static str)>,
}

impl Switches {
    /// Obeys `MAINTENANCE_MODE` only.
    pub fn new(env: &Env) -> Self {
        Self { env: env.clone(), off: None }
    }

    /// Obeys the switch `setting` too; `sentence` is what callers are told while it is on.
    pub fn or_off(env: &Env, setting: &'static str, sentence: &'static str) -> Self {
        Self { env: env.clone(), off: Some((setting, sentence)) }
    }

    /// An error while a switch is on.
    pub fn check(&self) -> Result<()> {
        if self.env.flag("MAINTENANCE_MODE")? {
            let retry_after = Duration::from_hours(1);
            return Err(Error::SwitchedOff { code: "maintenance", sentence: MAINTENANCE, retry_after });
        }
        match self.off {
            Some((setting, sentence)) if self.env.flag(setting)? => Err(Error::SwitchedOff {
                code: "switched_off",
                sentence,
                retry_after: Duration::from_mins(5),
            }),
            _ => Ok(()),
        }
    }
}

/// The middleware that obeys the switches, for `from_fn_with_state`.
pub async fn obey(State(switches): State<Switches>, request: Request, next: Next) -> Result<Response> {
    // First, so that a switch that is on is also noticed to be off again.
    switches.env.keep_fresh();
    switches.check()?;
    Ok(next.run(request).await)
}
