//! Public keys that session tokens are signed with.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;

use crate::domain::hash::{hex, sha256};

/// The most keys that a set may hold; real ones hold one to three.
const KEYS_MAX: usize = 32;
/// The least bytes of a modulus: 2,048 bits (RFC 7518 §3.3).
const MODULUS_BYTES_MIN: usize = 256;

/// The most names of keys that a change tells of each kind, and the most characters of one.
const NAMES_MAX: usize = 8;
const NAME_CHARACTERS_MAX: usize = 64;

/// RSA public keys: one without a name (PEM), or several by `kid` (a key set).
#[derive(Debug)]
pub struct Keys(Kind);

/// What of a key set is another than before: names of keys, eight of each kind at most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyChange {
    /// Which set it is now: the beginning of a hash of all its keys.
    pub set: String,
    /// Keys that were not in it.
    pub added: Vec<String>,
    /// Keys that are not in it any more.
    pub removed: Vec<String>,
    /// Names that now stand for another key.
    pub replaced: Vec<String>,
}

#[derive(Debug)]
enum Kind {
    /// Whatever `kid` the token names.
    One(Box<DecodingKey>),
    /// By the token's `kid`, each with its thumbprint.
    Named(HashMap<String, (DecodingKey, [u8; 32])>),
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
            Kind::Named(named) => named.get(kid?).map(|(key, _)| key),
        }
    }

    /// What of this set is another than in the one `before`; none: the keys are the same.
    pub(super) fn change_since(&self, before: &Self) -> Option<KeyChange> {
        let (before, now) = (before.thumbprints(), self.thumbprints());
        if before == now {
            return None;
        }
        let told = |names: &mut dyn Iterator<Item = &str>| names.take(NAMES_MAX).map(tellable).collect();
        let missing_in = |other: &BTreeMap<&str, [u8; 32]>, name: &&str| !other.contains_key(*name);
        let replaced =
            |name: &&str| before.get(*name).is_some_and(|thumbprint| now.get(*name) != Some(thumbprint));
        let all: Vec<u8> =
            now.iter().flat_map(|(name, thumbprint)| [name.as_bytes(), thumbprint].concat()).collect();
        Some(KeyChange {
            set: hex(sha256(&all).get(..8).unwrap_or_default()),
            added: told(&mut now.keys().copied().filter(|name| missing_in(&before, name))),
            removed: told(&mut before.keys().copied().filter(|name| missing_in(&now, name))),
            replaced: told(&mut now.keys().copied().filter(replaced)),
        })
    }

    fn thumbprints(&self) -> BTreeMap<&str, [u8; 32]> {
        match &self.0 {
            Kind::One(_) => BTreeMap::new(),
            Kind::Named(named) => {
                named.iter().map(|(name, (_, thumbprint))| (name.as_str(), *thumbprint)).collect()
            }
        }
    }
}

/// A key's name as it may stand in a log: the issuer chose it, and could choose anything.
fn tellable(name: &str) -> String {
    let plain = |character: char| if character.is_ascii_graphic() { character } else { '?' };
    name.chars().take(NAME_CHARACTERS_MAX).map(plain).collect()
}

/// The key, if it is one that RS256 signatures are checked with, and its thumbprint (RFC 7638).
fn signature_key(jwk: &Jwk) -> Option<(DecodingKey, [u8; 32])> {
    let AlgorithmParameters::RSA(rsa) = &jwk.algorithm else { return None };
    let common = &jwk.common;
    let meant = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
        && matches!(common.key_algorithm, None | Some(KeyAlgorithm::RS256))
        && common.key_operations.as_ref().is_none_or(|known| known.contains(&KeyOperations::Verify));
    let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
    let long = modulus.iter().skip_while(|byte| **byte == 0).count() >= MODULUS_BYTES_MIN;
    if !meant || !long {
        return None;
    }
    let thumbprint = sha256(format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, rsa.e, rsa.n).as_bytes());
    Some((DecodingKey::from_rsa_components(&rsa.n, &rsa.e).ok()?, thumbprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key set of these names; the modulus begins with the byte.
    fn keys(named: &[(&str, u8)]) -> Keys {
        let jwk = |(kid, byte): &(&str, u8)| {
            let modulus = URL_SAFE_NO_PAD.encode([&[*byte][..], &[1; 255]].concat());
            serde_json::json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": modulus, "e": "AQAB" })
        };
        let keys: Vec<serde_json::Value> = named.iter().map(jwk).collect();
        Keys::from_jwks(&serde_json::json!({ "keys": keys }).to_string()).unwrap()
    }

    #[test]
    fn the_same_keys_in_another_order_are_no_change() {
        assert_eq!(keys(&[("a", 1), ("b", 2)]).change_since(&keys(&[("b", 2), ("a", 1)])), None);
    }

    #[test]
    fn a_name_that_stands_for_another_key_is_told() {
        let change = keys(&[("a", 1), ("c", 3)]).change_since(&keys(&[("a", 9), ("b", 2)])).unwrap();
        assert_eq!(
            [change.added, change.removed, change.replaced],
            [["c"], ["b"], ["a"]].map(|one| one.map(str::to_owned).to_vec())
        );
        assert_ne!(change.set, keys(&[("a", 2), ("c", 3)]).change_since(&keys(&[("a", 9)])).unwrap().set);
    }

    #[test]
    fn however_many_and_long_the_names_are_little_is_told_of_them() {
        let names: Vec<String> = (0..20).map(|number| format!("{number:02}{}", "é".repeat(500))).collect();
        let many: Vec<(&str, u8)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let change = keys(&many).change_since(&keys(&[("a", 1)])).unwrap();
        assert_eq!((change.added.len(), change.removed.len(), change.replaced.len()), (8, 1, 0));
        assert!(change.added.iter().all(|name| name.len() == 64 && name.ends_with("???")), "{change:?}");
    }
}
