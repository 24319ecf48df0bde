//! Session tokens for the page of a development stack. It exists only where the operator handed the process a signing key,
//! and then only on a loopback address.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use axum::{
    Router,
    extract::{RawQuery, State},
    routing::get,
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::json;
use shared::{Error, Result, domain::caller::is_identifier, env::Env, http::Body};

/// How long such a token lives.
const LIFETIME_S: i64 = 3_600;

/// A key that signs tokens which this very process trusts.
#[derive(Clone)]
pub struct Development {
    issuer: String,
    key: EncodingKey,
}

impl Development {
    /// None, unless `DEV_SIGNING_KEY_FILE` is set.
    pub fn connect(env: &Env) -> anyhow::Result<Option<Self>> {
        let Some(path) = env.path("DEV_SIGNING_KEY_FILE") else { return Ok(None) };
        let address: SocketAddr = env.require("LISTEN_ADDR")?.parse().context("LISTEN_ADDR is no address")?;
        ensure!(
            address.ip().is_loopback(),
            "DEV_SIGNING_KEY_FILE gives tokens to anyone: LISTEN_ADDR must be loopback"
        );
        let pem = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let key =
            EncodingKey::from_rsa_pem(&pem).context("DEV_SIGNING_KEY_FILE is no RSA private key in PEM")?;
        Ok(Some(Self { issuer: env.require("CLERK_ISSUER")?, key }))
    }
}

pub fn routes(development: Development) -> Router {
    Router::new().route("/dev/token", get(token)).with_state(development)
}

#[derive(Serialize)]
struct Token {
    token: String,
}

/// `?user=ID&org=ID`: a session token of version 2 for one hour.
async fn token(State(development): State<Development>, RawQuery(query): RawQuery) -> Result<Body<Token>> {
    let query = query.unwrap_or_default();
    let member = |wanted: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, value)| *name == wanted && !value.is_empty()).map(|(_, value)| value).next()
    };
    let user = member("user").filter(|id| is_identifier(id));
    let user = user.ok_or_else(|| Error::invalid("user", "invalid_format", "Must be an identifier"))?;
    let organization = member("org").map(|id| {
        if is_identifier(id) {
            Ok(id)
        } else {
            Err(Error::invalid("org", "invalid_format", "Must be an identifier"))
        }
    });
    #[expect(clippy::disallowed_methods, reason = "the token begins now")]
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "iss": development.issuer, "sub": user, "sid": "sess_development", "sts": "active", "v": 2,
        "iat": now, "nbf": now - 10, "exp": now + LIFETIME_S,
    });
    if let (Some(id), Some(claims)) = (organization.transpose()?, claims.as_object_mut()) {
        claims.insert("o".to_owned(), json!({ "id": id, "rol": "admin" }));
    }
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &development.key);
    Ok(Body(Token { token: token.map_err(anyhow::Error::from)? }))
}
