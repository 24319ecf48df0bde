//! One token a line: what RFC 7515, RFC 7519, RFC 8725 and Clerk's own documents say of it, read strictly.

use harness::parts::{ISSUER, public_key};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use shared::auth::{
    Keys,
    Rejection::{self, *},
    Rules, verify,
};

use super::forge::*;

const APP: &str = "https://app.example.com";

fn rules() -> Rules {
    Rules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec!["https://other.example.com".to_owned(), APP.to_owned()],
    }
}

/// Holds each against the verdict; all that differ are told at once.
fn judge(cases: Vec<(String, String, Option<Rejection>)>) {
    let keys = Keys::from_jwks(&key_set(&[jwk(&OURS, "dev")])).unwrap();
    let rules = rules();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, token, expected)| {
            let found = verify(token, &keys, &rules, NOW).err();
            (found != *expected).then(|| format!("{name}: {found:?}, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn headers(cases: &[(&str, Option<Rejection>)]) {
    judge(cases.iter().map(|(text, verdict)| ((*text).to_owned(), header(text), *verdict)).collect());
}

fn changes(cases: impl IntoIterator<Item = (Value, Option<Rejection>)>) {
    judge(
        cases.into_iter().map(|(changed, verdict)| (changed.to_string(), with(changed), verdict)).collect(),
    );
}

#[test]
fn the_algorithm_is_rs256_and_nothing_else() {
    let pem = EncodingKey::from_secret(public_key().as_bytes());
    let modulus = EncodingKey::from_secret(jwk(&OURS, "dev")["n"].as_str().unwrap().as_bytes());
    let payload = claims().to_string();
    let named = |name: &str| format!(r#"{{"alg":"{name}","typ":"JWT","kid":"dev"}}"#);
    let signed = |name: &str, key: &EncodingKey, algorithm| signed_by(key, algorithm, named(name), &payload);
    let mut cases = vec![
        ("HS256 with the public key", signed("HS256", &pem, Algorithm::HS256), Some(Algorithm_)),
        ("HS256 with the modulus", signed("HS256", &modulus, Algorithm::HS256), Some(Algorithm_)),
        ("RS256 that is HS256", signed("RS256", &pem, Algorithm::HS256), Some(Signature)),
        ("RS384", signed("RS384", &OURS, Algorithm::RS384), Some(Algorithm_)),
        ("RS512", signed("RS512", &OURS, Algorithm::RS512), Some(Algorithm_)),
        ("PS256", signed("PS256", &OURS, Algorithm::PS256), Some(Algorithm_)),
        ("RS256 that is PS256", signed("RS256", &OURS, Algorithm::PS256), Some(Signature)),
        ("RS256 that is RS384", signed("RS256", &OURS, Algorithm::RS384), Some(Signature)),
    ];
    for name in ["none", "None", "NONE", "nOnE", "rs256", "RS256 ", "", "ES256", "EdDSA", "RSA-OAEP"] {
        cases.push((name, header(&named(name)), Some(Algorithm_)));
        cases.push((name, format!("{}.{}.", base64url(named(name)), base64url(&payload)), Some(Algorithm_)));
    }
    judge(cases.into_iter().map(|(name, token, verdict)| (name.to_owned(), token, verdict)).collect());
    headers(&[
        (HEADER, None),
        (r#"{"typ":"JWT","kid":"dev"}"#, Some(Algorithm_)),
        (r#"{"alg":null,"typ":"JWT","kid":"dev"}"#, Some(Algorithm_)),
        (r#"{"alg":256,"typ":"JWT","kid":"dev"}"#, Some(Algorithm_)),
        (r#"{"alg":["RS256"],"typ":"JWT","kid":"dev"}"#, Some(Algorithm_)),
        (r#"{"ALG":"RS256","typ":"JWT","kid":"dev"}"#, Some(Algorithm_)),
    ]);
}

/// The variant shares its name with the crate's list of algorithms.
#[expect(non_upper_case_globals, reason = "it stands for a variant")]
const Algorithm_: Rejection = Rejection::Algorithm;

#[test]
fn the_header_names_a_known_key_and_asks_for_nothing_unknown() {
    headers(&[
        (r#"{"alg":"RS256","kid":"dev"}"#, None),
        (r#" { "alg" : "RS256" , "kid" : "dev" } "#, None),
        (r#"{"alg":"RS256","kid":"dev","cat":"cl_B7d4PD111AAA","x":{"y":[1]}}"#, None),
        (r#"{"alg":"RS256"}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":"another"}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":"DEV"}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":"dev "}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":"../dev"}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":""}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":null}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":1}"#, Some(UnknownKey)),
        (r#"{"alg":"RS256","kid":["dev"]}"#, Some(UnknownKey)),
        // RFC 7515 §4.1.9: media types know no case. RFC 8725 §3.11: another type is another token.
        (r#"{"alg":"RS256","kid":"dev","typ":"jwt"}"#, None),
        (r#"{"alg":"RS256","kid":"dev","typ":"application/jwt"}"#, Some(Type)),
        (r#"{"alg":"RS256","kid":"dev","typ":"at+jwt"}"#, Some(Type)),
        (r#"{"alg":"RS256","kid":"dev","typ":"JOSE"}"#, Some(Type)),
        (r#"{"alg":"RS256","kid":"dev","typ":""}"#, Some(Type)),
        (r#"{"alg":"RS256","kid":"dev","typ":null}"#, Some(Type)),
        (r#"{"alg":"RS256","kid":"dev","typ":1}"#, Some(Type)),
        // RFC 7515 §4.1.11: what must be understood and is not, is refused; an empty list is malformed.
        (r#"{"alg":"RS256","kid":"dev","crit":["exp"],"exp":1}"#, Some(Critical)),
        (r#"{"alg":"RS256","kid":"dev","crit":["b64"],"b64":false}"#, Some(Critical)),
        (r#"{"alg":"RS256","kid":"dev","crit":[]}"#, Some(Critical)),
        (r#"{"alg":"RS256","kid":"dev","crit":null}"#, Some(Critical)),
    ]);
}

#[test]
fn parts_are_json_objects_in_which_no_member_comes_twice() {
    headers(&[
        (r#"{"alg":"none","alg":"RS256","kid":"dev"}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev","kid":"dev"}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev","\u006bid":"x"}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev","x":{"a":1,"a":2}}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev","x":[{"a":1,"a":1}]}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev",}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev"}{}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"\ud800"}"#, Some(Json)),
        (r#"{"alg":"RS256","kid":"dev","x":NaN}"#, Some(Json)),
        ("\u{feff}{\"alg\":\"RS256\",\"kid\":\"dev\"}", Some(Json)),
        (r#"["RS256"]"#, Some(Json)),
        (r#""RS256""#, Some(Json)),
        ("null", Some(Json)),
        ("", Some(Json)),
        (&format!(r#"{{"alg":"RS256","kid":"dev","x":{}{}}}"#, "[".repeat(200), "]".repeat(200)), Some(Json)),
    ]);
    let good = claims().to_string();
    let payload = |text: String| (text.clone(), raw(HEADER, text), Some(Json));
    judge(vec![
        payload(good.replacen('{', r#"{"sub":"user_2","#, 1)),
        payload(good.replacen('{', r#"{"\u0073ub":"user_2","#, 1)),
        payload(good.replacen('{', r#"{"exp":1,"#, 1)),
        payload(good.replacen('{', r#"{"o":{"id":"org_1","id":"org_2"},"#, 1)),
        payload(good.replacen('{', r#"{"o":{"id":"org_1","x":[{"y":1,"y":2}]},"#, 1)),
        payload(format!("[{good}]")),
        payload(String::new()),
        payload("1".to_owned()),
        ("not UTF-8".to_owned(), raw(HEADER, [b'{', 0xff, b'}']), Some(Json)),
        ("a number too large".to_owned(), written("exp", "1e999"), Some(Json)),
    ]);
}

#[test]
fn the_encoding_is_three_parts_of_canonical_base64url() {
    let [header, payload, signature] = parts();
    let good = format!("{header}.{payload}.{signature}");
    let spare = (0..3).map(|filler| with(json!({ "x": "x".repeat(filler) })));
    let spare = spare
        .map(|token| token.split('.').nth(1).unwrap().to_owned())
        .find(|part| part.len() % 4 != 0)
        .unwrap();
    let cases = [
        (String::new(), Encoding),
        ("a".to_owned(), Encoding),
        (".".to_owned(), Encoding),
        ("..".to_owned(), Json),
        ("null".to_owned(), Encoding),
        (format!("{header}.{payload}"), Encoding),
        (format!("{header}.{payload}."), Signature),
        (format!("{header}..{signature}"), Json),
        (format!(".{payload}.{signature}"), Json),
        (format!("{good}."), Encoding),
        (format!("{good}.{signature}"), Encoding),
        (format!("{good}.a.b"), Encoding),
        (format!(".{good}"), Json),
        (format!("{header}=.{payload}.{signature}"), Encoding),
        (format!("{header}.{payload}=.{signature}"), Encoding),
        (format!("{header}.{payload}.{signature}=="), Encoding),
        (format!(" {good}"), Encoding),
        (format!("{good}\n"), Encoding),
        (format!("{header}.\n{payload}.{signature}"), Encoding),
        (format!("{header}.{payload} .{signature}"), Encoding),
        (format!("\"{good}\""), Encoding),
        (format!("{header}%2E{payload}%2E{signature}"), Encoding),
        (format!("{header}.{payload}.é"), Encoding),
        (format!("{header}.{payload}.+/{}", &signature[2..]), Encoding),
        (format!("{header}.{payload}.{}", with_trailing_bits(&signature)), Encoding),
        (format!("{header}.{}.{signature}", with_trailing_bits(&spare)), Encoding),
        (of_length(8_193), TooLong),
        ("a".repeat(100_000), TooLong),
    ];
    let mut cases: Vec<_> =
        cases.into_iter().map(|(token, verdict)| (token.clone(), token, Some(verdict))).collect();
    cases.push(("of 8,192 bytes".to_owned(), of_length(8_192), None));
    judge(cases);
}

#[test]
fn the_signature_is_the_keys_over_these_very_bytes() {
    let [header, payload, signature] = parts();
    let other = with(json!({ "sub": "user_2" }));
    let (_, others) = other.rsplit_once('.').unwrap();
    let attackers =
        |header: Value| signed_by(&ANOTHERS, Algorithm::RS256, header.to_string(), claims().to_string());
    let mut embedded = json!({ "alg": "RS256", "kid": "dev" });
    embedded["jwk"] = jwk(&ANOTHERS, "dev");
    let cases = [
        ("another key", attackers(json!({ "alg": "RS256", "kid": "dev" }))),
        ("a key in the header", attackers(embedded)),
        (
            "a key's address",
            attackers(json!({ "alg": "RS256", "kid": "dev", "jku": "https://evil.example/jwks" })),
        ),
        (
            "a certificate's address",
            attackers(json!({ "alg": "RS256", "kid": "dev", "x5u": "https://evil.example/x" })),
        ),
        ("cut short", resigned(|bytes| bytes.truncate(255))),
        ("one byte", resigned(|bytes| bytes.truncate(1))),
        ("a bit", resigned(|bytes| bytes[128] ^= 1)),
        ("the last bit", resigned(|bytes| bytes[255] ^= 1)),
        ("a zero before it", resigned(|bytes| bytes.insert(0, 0))),
        ("a zero after it", resigned(|bytes| bytes.push(0))),
        ("zeros", resigned(|bytes| bytes.fill(0))),
        ("ones", resigned(|bytes| bytes.fill(0xff))),
        ("another token's", format!("{header}.{payload}.{others}")),
        (
            "another payload",
            format!("{header}.{}.{signature}", base64url(claims().to_string().replace("user_1", "user_2"))),
        ),
        ("another header", format!("{}.{payload}.{signature}", base64url(r#"{"alg":"RS256","kid":"dev"}"#))),
    ];
    judge(cases.into_iter().map(|(name, token)| (name.to_owned(), token, Some(Signature))).collect());
}

#[test]
fn times_hold_to_the_second_with_five_seconds_of_leeway() {
    changes([
        (json!({ "exp": NOW }), None),
        (json!({ "exp": NOW - 4 }), None),
        (json!({ "exp": NOW - 5 }), Some(Expired)),
        (json!({ "exp": NOW - 6 }), Some(Expired)),
        (json!({ "exp": NOW as f64 - 4.5 }), None),
        (json!({ "exp": NOW as f64 - 5.5 }), Some(Expired)),
        (json!({ "exp": 0 }), Some(Expired)),
        (json!({ "exp": -1 }), Some(Time)),
        (json!({ "exp": 253_402_300_799_i64 }), None),
        (json!({ "exp": 253_402_300_800_i64 }), Some(Time)),
        (json!({ "exp": i64::MAX }), Some(Time)),
        (json!({ "exp": u64::MAX }), Some(Time)),
        (json!({ "exp": NOW * 1_000 }), Some(Time)),
        (json!({ "exp": (NOW + 60).to_string() }), Some(Claim)),
        (json!({ "exp": null }), Some(Claim)),
        (json!({ "exp": true }), Some(Claim)),
        (json!({ "exp": [NOW + 60] }), Some(Claim)),
        (json!({ "exp": {} }), Some(Claim)),
        (json!({ "nbf": NOW + 5 }), None),
        (json!({ "nbf": NOW + 6 }), Some(NotYet)),
        (json!({ "nbf": NOW as f64 + 4.5 }), None),
        (json!({ "nbf": NOW as f64 + 5.5 }), Some(NotYet)),
        (json!({ "nbf": null }), Some(Claim)),
        (json!({ "nbf": "now" }), Some(Claim)),
        (json!({ "nbf": -1 }), Some(Time)),
        (json!({ "iat": NOW + 5 }), None),
        (json!({ "iat": NOW + 6 }), Some(NotYet)),
        (json!({ "iat": NOW as f64 + 5.5 }), Some(NotYet)),
        (json!({ "iat": null }), Some(Claim)),
        (json!({ "iat": "now" }), Some(Claim)),
        (json!({ "iat": -1 }), Some(Time)),
        (json!({ "iat": NOW - 1, "exp": NOW - 1 }), Some(Time)),
        (json!({ "iat": NOW, "exp": NOW - 1 }), Some(Time)),
    ]);
    judge(vec![
        ("no exp".to_owned(), without("exp"), Some(Claim)),
        // RFC 7519 §4.1.5 and §4.1.6: both are optional.
        ("no nbf".to_owned(), without("nbf"), None),
        ("no iat".to_owned(), without("iat"), None),
        ("an absurd exp".to_owned(), written("exp", "1e300"), Some(Time)),
        ("an absurd nbf".to_owned(), written("nbf", "1e300"), Some(Time)),
        ("an absurd iat".to_owned(), written("iat", "-1e300"), Some(Time)),
        ("an exponent".to_owned(), written("exp", "1.80000006e9"), None),
    ]);
}

#[test]
fn issuer_party_and_state_are_the_ones_asked_for() {
    changes([
        (json!({ "iss": format!("{ISSUER}/") }), Some(Issuer)),
        (json!({ "iss": ISSUER.to_uppercase() }), Some(Issuer)),
        (json!({ "iss": ISSUER.replace("https", "http") }), Some(Issuer)),
        (json!({ "iss": format!("{ISSUER}.example.com") }), Some(Issuer)),
        (json!({ "iss": "" }), Some(Issuer)),
        (json!({ "iss": null }), Some(Issuer)),
        (json!({ "iss": 1 }), Some(Claim)),
        (json!({ "iss": [ISSUER] }), Some(Claim)),
        (json!({ "azp": APP }), None),
        (json!({ "azp": null }), None),
        (json!({ "azp": "https://evil.example.com" }), Some(AuthorizedParty)),
        (json!({ "azp": format!("{APP}/") }), Some(AuthorizedParty)),
        (json!({ "azp": "" }), Some(AuthorizedParty)),
        (json!({ "azp": [APP] }), Some(Claim)),
        (json!({ "azp": 1 }), Some(Claim)),
        (json!({ "sts": null }), None),
        (json!({ "sts": "pending" }), Some(Pending)),
        (json!({ "sts": "paused" }), Some(Pending)),
        (json!({ "sts": "Active" }), Some(Pending)),
        (json!({ "sts": "" }), Some(Pending)),
        (json!({ "sts": true }), Some(Claim)),
        (json!({ "sid": 1 }), Some(Claim)),
        // Whose audience one is in is not for the pure check to say; what is no audience is.
        (json!({ "aud": null }), None),
        (json!({ "aud": APP }), None),
        (json!({ "aud": [] }), None),
        (json!({ "aud": [APP, "https://other.example.com"] }), None),
        (json!({ "aud": 1 }), Some(Claim)),
        (json!({ "aud": {} }), Some(Claim)),
        (json!({ "aud": [APP, 1] }), Some(Claim)),
    ]);
    judge(vec![
        ("no iss".to_owned(), without("iss"), Some(Issuer)),
        ("no azp".to_owned(), without("azp"), None),
        ("no sts".to_owned(), without("sts"), None),
        ("no sid".to_owned(), without("sid"), None),
    ]);
    let keys = Keys::from_jwks(&key_set(&[jwk(&OURS, "dev")])).unwrap();
    let anyone = Rules { authorized_parties: Vec::new(), ..rules() };
    assert!(verify(&with(json!({ "azp": "https://evil.example.com" })), &keys, &anyone, NOW).is_ok());
    assert_eq!(verify(&with(json!({ "azp": 1 })), &keys, &anyone, NOW), Err(Claim));
}

#[test]
fn subject_and_organisation_are_identifiers() {
    let ok = ["a", "user_2abC", "auth0|x", "a.b-c", &"a".repeat(128)].map(|id| (json!({ "sub": id }), None));
    let bad =
        ["", " ", "a b", "a/b", "../x", "..", ".", "a\n", "a\u{0}", "ü", "a%2Fb", "a'--", &"a".repeat(129)];
    let bad = bad.map(|id| (json!({ "sub": id }), Some(Subject)));
    changes(ok.into_iter().chain(bad).chain([
        (json!({ "sub": null }), Some(Subject)),
        (json!({ "sub": 1 }), Some(Claim)),
        (json!({ "sub": ["user_1"] }), Some(Claim)),
        (json!({ "o": null, "org_id": null }), None),
        (json!({ "o": { "id": "org_1" } }), None),
        (json!({ "o": { "id": "org_1", "rol": null, "slg": "x", "per": "", "fpm": "" } }), None),
        (json!({ "o": {} }), Some(Organization)),
        (json!({ "o": [] }), Some(Organization)),
        (json!({ "o": "org_1" }), Some(Organization)),
        (json!({ "o": { "id": "" } }), Some(Organization)),
        (json!({ "o": { "id": null } }), Some(Organization)),
        (json!({ "o": { "id": "a/b" } }), Some(Organization)),
        (json!({ "o": { "id": "a".repeat(129) } }), Some(Organization)),
        (json!({ "o": { "id": 1 } }), Some(Claim)),
        (json!({ "o": { "id": "org_1", "rol": 1 } }), Some(Claim)),
        (json!({ "org_id": "org_1", "org_role": "org:admin" }), None),
        (json!({ "org_id": "" }), Some(Organization)),
        (json!({ "org_id": "ü" }), Some(Organization)),
        (json!({ "org_id": 1 }), Some(Claim)),
        (json!({ "org_id": "org_1", "org_role": 1 }), Some(Claim)),
        (json!({ "org_id": "org_1", "o": { "id": "org_1" } }), None),
        (json!({ "org_id": "org_1", "o": { "id": "org_2" } }), Some(Organization)),
    ]));
    judge(vec![("no sub".to_owned(), without("sub"), Some(Subject))]);
}

#[test]
fn what_a_good_token_says_is_what_comes_out() {
    let keys = Keys::from_jwks(&key_set(&[jwk(&OURS, "dev")])).unwrap();
    let said = |changed: Value| {
        let claims = verify(&with(changed), &keys, &rules(), NOW).unwrap();
        let organization = claims.organization.map(|organization| (organization.id, organization.role));
        (claims.subject, claims.session, organization, claims.expires_at)
    };
    let organization = |id: &str, role: Option<&str>| Some((id.to_owned(), role.map(str::to_owned)));
    let (subject, session) = ("user_1".to_owned(), Some("sess_1".to_owned()));
    assert_eq!(said(json!({})), (subject, session, None, NOW + 60));
    assert_eq!(
        said(json!({ "o": { "id": "org_1", "rol": "admin" } })).2,
        organization("org_1", Some("admin"))
    );
    assert_eq!(
        said(json!({ "org_id": "org_1", "org_role": "org:admin" })).2,
        organization("org_1", Some("admin"))
    );
    assert_eq!(said(json!({ "org_id": "org_1" })).2, organization("org_1", None));
    assert_eq!(said(json!({ "org_role": "org:admin" })).2, None);
}
