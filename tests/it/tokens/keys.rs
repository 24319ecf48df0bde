//! Key sets: which of their keys count.

use harness::parts::ISSUER;
use serde_json::{Value, json};
use shared::auth::{Keys, Rejection, Rules, verify};

use super::forge::{NOW, OURS, header, jwk, key_set, with};

fn verdict(keys: &Keys, token: &str) -> Option<Rejection> {
    let rules = Rules { issuer: ISSUER.to_owned(), authorized_parties: Vec::new() };
    verify(token, keys, &rules, NOW).err()
}

fn changed(name: &str, value: Value) -> Value {
    let mut key = jwk(&OURS, "other");
    key[name] = value;
    key
}

#[test]
fn only_keys_for_rsa_signatures_count() {
    let unusable = [
        json!({ "kty": "EC", "crv": "P-256", "kid": "other", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "other", "x": "AA" }),
        json!({ "kty": "oct", "kid": "other", "k": "AA" }),
        json!({ "kty": "new", "kid": "other" }),
        changed("use", json!("enc")),
        changed("alg", json!("RS512")),
        changed("alg", json!("RSA-OAEP")),
        changed("key_ops", json!(["encrypt"])),
        changed("n", json!("AQAB")),
        changed("n", json!("?")),
        changed("n", json!(1)),
        changed("kid", json!(null)),
        changed("kid", json!(1)),
        json!({}),
        json!(null),
        json!("dev"),
    ];
    for key in unusable {
        assert!(Keys::from_jwks(&key_set(std::slice::from_ref(&key))).is_err(), "{key}");
        // Beside a good one it harms nothing.
        let keys = Keys::from_jwks(&key_set(&[key.clone(), jwk(&OURS, "dev")])).unwrap();
        assert_eq!(verdict(&keys, &with(json!({}))), None, "{key}");
        let unknown = header(r#"{"alg":"RS256","kid":"other"}"#);
        assert_eq!(verdict(&keys, &unknown), Some(Rejection::UnknownKey), "{key}");
    }
    let mut plain = jwk(&OURS, "dev");
    for optional in ["use", "alg"] {
        plain.as_object_mut().unwrap().remove(optional);
    }
    plain["key_ops"] = json!(["verify"]);
    assert_eq!(verdict(&Keys::from_jwks(&key_set(&[plain])).unwrap(), &with(json!({}))), None);
}

#[test]
fn sets_that_are_no_sets_are_refused() {
    let dev = jwk(&OURS, "dev");
    let many: Vec<Value> = (0..33).map(|number| jwk(&OURS, &format!("key {number}"))).collect();
    for set in [
        key_set(&[]),
        key_set(&[dev.clone(), dev.clone()]),
        key_set(&many),
        "{}".to_owned(),
        "[]".to_owned(),
        "<html>".to_owned(),
        String::new(),
        json!({ "keys": dev }).to_string(),
        format!(r#"{{"keys":[],"keys":[{dev}]}}"#),
    ] {
        assert!(Keys::from_jwks(&set).is_err(), "{set}");
    }
}

/// Made elsewhere: no library here makes such a key.
const SHORT_N: &str = "s9_fv7wYHtIaj3PD--xqs8wQNEke8uw9hSOxOW6nVtvy0uG5ityGGTmC8dU8c28ZRw4itICCbjzgA0ie5AQXBRTCVKQXnSwi7DLR0q1DIcxDFpvn4\
                       PIYubQvefNiFwlmXevDnv639UN0ro9hdXp2U5EV61O-f9SX3Q4vIFjS0Bc";
const SHORT_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InNob3J0In0.eyJpc3MiOiJodHRwczovL2Rldi5mb290bm90ZS5pbnZhbGlkIi\
                           wic3ViIjoiYWxpY2UiLCJpYXQiOjEwMDAwMDAsImV4cCI6MTAwMDYwMH0.DHwauMXbXQiR9IQKbPBNX-o8m32YNFH-EVvovMWdgyjELZR\
                           LvP0FV6-pWW07RiMB4kEcuThgz7QfmNOc9B7nTmiJDEfCY-23EcSwi-ZLD0f5VcEWDOMyHPlEhXnORM_Ys2b2nnAHhhUIza-vTAs9tUy\
                           vl_k4zJ_v3qoiEq-dge0";

#[test]
fn a_key_of_1024_bits_is_none() {
    let short =
        json!({ "kty": "RSA", "kid": "short", "use": "sig", "alg": "RS256", "n": SHORT_N, "e": "AQAB" });
    assert!(Keys::from_jwks(&key_set(std::slice::from_ref(&short))).is_err());
    let keys = Keys::from_jwks(&key_set(&[short, jwk(&OURS, "dev")])).unwrap();
    let rules = Rules { issuer: ISSUER.to_owned(), authorized_parties: Vec::new() };
    assert_eq!(verify(SHORT_TOKEN, &keys, &rules, 1_000_010), Err(Rejection::UnknownKey));
}

#[test]
fn the_one_key_of_a_pem_serves_whatever_name_a_token_gives_it() {
    let keys = Keys::from_pem(&harness::parts::public_key()).unwrap();
    let now = harness::parts::now_s();
    let rules = Rules { issuer: ISSUER.to_owned(), authorized_parties: Vec::new() };
    for kid in [None, Some("ins_1"), Some("another")] {
        let mut named = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        named.kid = kid.map(str::to_owned);
        let token = harness::parts::sign(&named, &harness::parts::claims("alice", None));
        assert!(verify(&token, &keys, &rules, now).is_ok(), "{kid:?}");
    }
    for no_name in ["1", "null", "{}"] {
        let token = header(&format!(r#"{{"alg":"RS256","kid":{no_name}}}"#));
        assert_eq!(verdict(&keys, &token), Some(Rejection::UnknownKey), "{no_name}");
    }
    for no_key in ["", "dev", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
        assert!(Keys::from_pem(no_key).is_err(), "{no_key}");
    }
}
