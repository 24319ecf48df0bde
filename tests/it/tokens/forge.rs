//! Tokens as an attacker would make them: any header, any payload, any signature.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use harness::parts::ISSUER;
use jsonwebtoken::{Algorithm, EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

/// When the table's tokens are looked at.
pub const NOW: i64 = 1_800_000_000;
/// What a good token's header says.
pub const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"dev"}"#;

/// The key that the table's key set holds, and one that it does not.
pub static OURS: LazyLock<EncodingKey> = LazyLock::new(generate);
pub static ANOTHERS: LazyLock<EncodingKey> = LazyLock::new(generate);

fn generate() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

/// The public half as a member of a key set.
pub fn jwk(key: &EncodingKey, kid: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, Algorithm::RS256).unwrap()).unwrap();
    jwk["kid"] = kid.into();
    jwk["use"] = "sig".into();
    jwk["alg"] = "RS256".into();
    jwk
}

/// A key set.
pub fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Header and payload as they are given, signed with RS256.
pub fn raw(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    signed_by(&OURS, Algorithm::RS256, header, payload)
}

pub fn signed_by(
    key: &EncodingKey,
    algorithm: Algorithm,
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
) -> String {
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// The claims of a good token.
pub fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "user_1", "sid": "sess_1", "sts": "active", "v": 2,
        "iat": NOW - 60, "nbf": NOW - 70, "exp": NOW + 60 })
}

/// A good token but for its header.
pub fn header(header: &str) -> String {
    raw(header, claims().to_string())
}

/// A good token but for some claims.
pub fn with(changes: Value) -> String {
    let mut changed = claims();
    for (name, value) in changes.as_object().unwrap() {
        changed[name] = value.clone();
    }
    raw(HEADER, changed.to_string())
}

/// A good token but for one claim, written as it is given: for numbers that no number type holds.
pub fn written(name: &str, value: &str) -> String {
    let mut changed = claims();
    changed[name] = "@".into();
    raw(HEADER, changed.to_string().replace("\"@\"", value))
}

/// A good token but for one claim, which is missing.
pub fn without(name: &str) -> String {
    let mut changed = claims();
    changed.as_object_mut().unwrap().remove(name);
    raw(HEADER, changed.to_string())
}

/// The good token's three parts.
pub fn parts() -> [String; 3] {
    let token = with(json!({}));
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

/// The good token with another signature.
pub fn resigned(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let [header, payload, signature] = parts();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    change(&mut bytes);
    format!("{header}.{payload}.{}", base64url(bytes))
}

/// The text with its last character exchanged for the next one of the alphabet: the same bytes to a lenient decoder.
pub fn with_trailing_bits(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(text.len() % 4, 0, "there are no spare bits");
    let at = ALPHABET.find(text.chars().last().unwrap()).unwrap();
    format!("{}{}", &text[..text.len() - 1], &ALPHABET[at + 1..=at + 1])
}

/// A good token of exactly so many bytes.
pub fn of_length(bytes: usize) -> String {
    let encoded = |length: usize| (length * 4).div_ceil(3);
    let empty = claims().to_string().len() + r#","filler":"""#.len();
    for spaces in 0..3 {
        for filler in 0..bytes {
            if encoded(HEADER.len() + spaces) + encoded(empty + filler) + encoded(256) + 2 == bytes {
                let mut filled = claims();
                filled["filler"] = "x".repeat(filler).into();
                let token = raw(format!("{HEADER}{}", " ".repeat(spaces)), filled.to_string());
                assert_eq!(token.len(), bytes);
                return token;
            }
        }
    }
    panic!("no token has {bytes} bytes");
}
