//! Public keys that session tokens are signed with.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;

/// The most keys that a set may hold; real ones hold one to three.
const KEYS_MAX: usize = 32;
/// The least bytes of a modulus: 2,048 bits (RFC 7518 §3.3).
const MODULUS_BYTES_MIN: usize = 256;

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
    /// The keys of a JSON Web Key Set (RFC 7517). Keys of other kinds than RSA signatures, and RSA keys that are too short
    /// or broken, are passed over; a set without one that can be used is an error.
    pub fn from_jwks(json: &str) -> anyhow::Result<Self> {
        let set: Set = serde_json::from_str(json).context("the key set is not JSON")?;
        ensure!(set.keys.len() <= KEYS_MAX, "the key set holds more than {KEYS_MAX} keys");
        let mut named = HashMap::new();
        for key in set.keys {
            let Ok(jwk) = serde_json::from_value::<Jwk>(key) else { continue };
            let Some(kid) = jwk.common.key_id.clone() else { continue };
            if let Some(key) = signature_key(&jwk) {
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

/// The key, if it is one that RS256 signatures are checked with.
fn signature_key(jwk: &Jwk) -> Option<DecodingKey> {
    let AlgorithmParameters::RSA(rsa) = &jwk.algorithm else { return None };
    let common = &jwk.common;
    let meant = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
        && matches!(common.key_algorithm, None | Some(KeyAlgorithm::RS256))
        && common.key_operations.as_ref().is_none_or(|known| known.contains(&KeyOperations::Verify));
    let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
    let long = modulus.iter().skip_while(|byte| **byte == 0).count() >= MODULUS_BYTES_MIN;
    if meant && long { DecodingKey::from_rsa_components(&rsa.n, &rsa.e).ok() } else { None }
}
