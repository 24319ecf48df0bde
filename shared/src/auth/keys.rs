//! Public keys that session tokens are signed with.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;

/// The most keys that a set may hold; real ones hold one to three.
const KEYS_MAX: usize = 32;

/// RSA public keys: one without a name (PEM), or several by `kid` (a key set).
#[derive(Debug)]
pub struct Keys(Kind);

#[derive(Debug)]
enum Kind {
    /// Whatever `kid` the token names.
    One(Box<DecodingKey>),
    /// By the token's `kid`.
    Named(HashMap<String, DecodingKey>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// The keys of a JSON Web Key Set (RFC 7517). Keys of other kinds than RSA signatures are passed over; a set without
    /// one that can be used is an error.
    pub fn from_jwks(json: &str) -> anyhow::Result<Self> {
        let set: Set = serde_json::from_str(json).context("the key set is not JSON")?;
        ensure!(set.keys.len() <= KEYS_MAX, "the key set holds more than {KEYS_MAX} keys");
        let mut named = HashMap::new();
        for key in set.keys {
            let Ok(jwk) = serde_json::from_value::<Jwk>(key) else { continue };
            let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
            let rs256 = matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::RS256));
            let AlgorithmParameters::RSA(rsa) = &jwk.algorithm else { continue };
            let Some(kid) = jwk.common.key_id.clone() else { continue };
            if for_signatures && rs256 {
                let key = DecodingKey::from_rsa_components(&rsa.n, &rsa.e).context("read an RSA key")?;
                ensure!(named.insert(kid, key).is_none(), "the key set names a key twice");
            }
        }
        ensure!(!named.is_empty(), "the key set holds no RSA signature key");
        Ok(Self(Kind::Named(named)))
    }

    /// The one key of a PEM file.
    pub fn from_pem(pem: &str) -> anyhow::Result<Self> {
        let key =
            DecodingKey::from_rsa_pem(pem.as_bytes()).context("CLERK_JWT_KEY is no RSA public key in PEM")?;
        Ok(Self(Kind::One(key.into())))
    }

    /// The key for a token that names `kid`; a token must name one where there are several to choose from.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        match &self.0 {
            Kind::One(key) => Some(key),
            Kind::Named(named) => named.get(kid?),
        }
    }
}
