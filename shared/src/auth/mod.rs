//! Who is calling: Clerk's session tokens, checked without a network where the key is configured, else against the
//! issuer's key set.

mod keys;
mod remote;
mod verify;

use jiff::Timestamp;

use self::remote::Remote;
pub use self::{
    keys::{KeyChange, Keys},
    verify::{Claims, Organization, Rejection, Rules, verify},
};
use crate::{
    Error, Result,
    domain::{
        caller::{Caller, UserId, Workspace},
        strict_json,
    },
    env::Env,
};

/// Checks session tokens. Cloning shares the keys.
#[derive(Clone)]
pub struct Auth {
    rules: std::sync::Arc<Rules>,
    audiences: std::sync::Arc<[String]>,
    keys: Source,
}

#[derive(Clone)]
enum Source {
    Fixed(std::sync::Arc<Keys>),
    Remote(Remote),
}

impl Auth {
    /// What `CLERK_ISSUER`, `CLERK_JWT_KEY` or `CLERK_JWKS_URL`, `CLERK_AUTHORIZED_PARTIES` and `CLERK_AUDIENCES` say.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let issuer = env.require("CLERK_ISSUER")?;
        env.url("CLERK_ISSUER")?;
        let keys = match env.get("CLERK_JWT_KEY") {
            // A PEM in an environment variable often has its line breaks written out.
            Some(pem) => Source::Fixed(Keys::from_pem(&pem.replace("\\n", "\n"))?.into()),
            None => Source::Remote(Remote::new(env, &issuer)?),
        };
        let rules = Rules { issuer, authorized_parties: env.list("CLERK_AUTHORIZED_PARTIES") };
        Ok(Self { rules: rules.into(), audiences: env.list("CLERK_AUDIENCES").into(), keys })
    }

    /// The caller that the token proves.
    pub async fn caller(&self, token: &str, now: Timestamp) -> Result<Caller> {
        let now = now.as_second();
        let verified = match &self.keys {
            Source::Fixed(keys) => verify(token, keys, &self.rules, now),
            Source::Remote(remote) => remote.verify(token, &self.rules, now).await?,
        };
        let for_us = |claims: Claims| {
            if claims.is_for(&self.audiences) { Ok(claims) } else { Err(Rejection::Audience) }
        };
        let claims = verified.and_then(for_us);
        let claims = claims.map_err(|rejection| Error::Unauthenticated(rejection.reason()))?;
        let user =
            UserId::parse(&claims.subject).ok_or(Error::Unauthenticated(Rejection::Subject.reason()))?;
        let workspace = match &claims.organization {
            Some(organization) => Workspace::of_organization(&organization.id),
            None => Workspace::of_person(&user),
        };
        Ok(Caller { user, workspace, request: None })
    }

    /// What changed in the issuer's key set since this process last saw it; told once.
    pub fn take_key_change(&self) -> Option<KeyChange> {
        match &self.keys {
            Source::Fixed(_) => None,
            Source::Remote(remote) => remote.take_change(),
        }
    }
}
