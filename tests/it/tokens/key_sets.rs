//! The issuer's key set over the network: how often it is asked for, and what happens while it cannot be had.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use futures_util::future::join_all;
use harness::{
    app::TestApp,
    parts::{ISSUER, claims, now_s},
};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::json;
use shared::{Error, Result, auth::Auth, domain::caller::Caller, env::Env};
use tokio::net::TcpListener;

use super::forge::{ANOTHERS, OURS, jwk, key_set, signed_by};

/// An issuer's key set endpoint.
#[derive(Clone)]
pub struct Issuer {
    pub url: String,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<Behaviour>>,
}

#[derive(Clone)]
pub enum Behaviour {
    Set(String),
    Down,
    Hangs,
}

impl Issuer {
    /// Serves as `answer` says, and hands out an `Auth` that asks it.
    pub async fn start(answer: Behaviour) -> (Self, Auth) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let issuer = Self { url: url.clone(), asked: Arc::default(), answer: Arc::new(Mutex::new(answer)) };
        let routes = Router::new().route("/jwks", get(serve)).with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let env = Env::of([("CLERK_ISSUER", ISSUER.to_owned()), ("CLERK_JWKS_URL", url)]);
        (issuer, Auth::connect(&env).unwrap())
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn becomes(&self, answer: Behaviour) {
        *self.answer.lock().unwrap() = answer;
    }
}

async fn serve(State(issuer): State<Issuer>) -> (StatusCode, String) {
    issuer.asked.fetch_add(1, Ordering::SeqCst);
    let answer = issuer.answer.lock().unwrap().clone();
    match answer {
        Behaviour::Set(set) => (StatusCode::OK, set),
        Behaviour::Down => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        Behaviour::Hangs => pending().await,
    }
}

fn ours() -> Behaviour {
    Behaviour::Set(key_set(&[jwk(&OURS, "ours")]))
}

/// A good token that names a key.
fn token(kid: &str) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid });
    signed_by(&OURS, Algorithm::RS256, header.to_string(), claims("alice", None).to_string())
}

async fn caller(auth: &Auth, token: &str) -> Result<Caller> {
    auth.caller(token, Timestamp::from_second(now_s()).unwrap()).await
}

fn is_unavailable(outcome: &Result<Caller>) -> bool {
    matches!(outcome, Err(Error::Unavailable { code: "auth_unavailable", retry_after, .. }) if !retry_after.is_zero())
}

fn is_refused(outcome: &Result<Caller>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated(_)))
}

#[tokio::test]
async fn fifty_cold_callers_ask_once() {
    let (issuer, auth) = Issuer::start(ours()).await;
    let token = token("ours");
    let outcomes = join_all((0..50).map(|_| caller(&auth, &token))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(issuer.asked(), 1);
    caller(&auth, &token).await.unwrap();
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn twenty_unknown_keys_ask_once_more_at_most() {
    let (issuer, auth) = Issuer::start(ours()).await;
    caller(&auth, &token("ours")).await.unwrap();
    let unknown: Vec<String> = (0..20).map(|number| token(&format!("key_{number}"))).collect();
    let (one_by_one, at_once) = unknown.split_at(10);
    for token in one_by_one {
        assert!(is_refused(&caller(&auth, token).await));
    }
    let outcomes = join_all(at_once.iter().map(|token| caller(&auth, token))).await;
    assert!(outcomes.iter().all(is_refused));
    assert_eq!(issuer.asked(), 2);
    // Nobody else waits for it.
    caller(&auth, &token("ours")).await.unwrap();
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_rotated_in_is_found_at_once() {
    let (issuer, auth) = Issuer::start(Behaviour::Set(key_set(&[jwk(&ANOTHERS, "old")]))).await;
    assert!(is_refused(&caller(&auth, &token("old")).await), "signed with another key");
    issuer.becomes(Behaviour::Set(key_set(&[jwk(&ANOTHERS, "old"), jwk(&OURS, "ours")])));
    caller(&auth, &token("ours")).await.unwrap();
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_down_known_keys_go_on_working() {
    let (issuer, auth) = Issuer::start(ours()).await;
    caller(&auth, &token("ours")).await.unwrap();
    for away in [Behaviour::Down, Behaviour::Set("<html>".to_owned())] {
        issuer.becomes(away);
        caller(&auth, &token("ours")).await.unwrap();
        assert!(is_refused(&caller(&auth, &token("unknown")).await));
        caller(&auth, &token("ours")).await.unwrap();
    }
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn without_any_key_the_caller_is_told_to_come_back() {
    let huge = Behaviour::Set(format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000)));
    for away in [Behaviour::Down, Behaviour::Set("<html>".to_owned()), Behaviour::Set(key_set(&[])), huge] {
        let (issuer, auth) = Issuer::start(away).await;
        let token = token("ours");
        let outcomes = join_all((0..20).map(|_| caller(&auth, &token))).await;
        assert!(outcomes.iter().all(is_unavailable), "{:?}", outcomes[0]);
        // A failure is not repeated for every caller; it is tried again after some seconds (shared::auth has the test).
        assert_eq!(issuer.asked(), 1);
    }
}

#[tokio::test]
async fn a_slow_issuer_holds_nobody_for_long() {
    let (issuer, auth) = Issuer::start(Behaviour::Hangs).await;
    let token = token("ours");
    let began = Instant::now();
    let outcomes = join_all((0..20).map(|_| caller(&auth, &token))).await;
    assert!(outcomes.iter().all(is_unavailable));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_nobodys_keys_along() {
    let (issuer, auth) = Issuer::start(Behaviour::Hangs).await;
    let token = token("ours");
    // Goes away as soon as the issuer was asked.
    let asked = async {
        while issuer.asked() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = caller(&auth, &token) => panic!("the issuer does not answer"),
        () = asked => {}
    }
    issuer.becomes(ours());
    caller(&auth, &token).await.unwrap();
}

#[tokio::test]
async fn over_http_it_is_a_503_that_says_when() {
    let (issuer, _) = Issuer::start(Behaviour::Down).await;
    let app = TestApp::with(&[("CLERK_JWT_KEY", ""), ("CLERK_JWKS_URL", &issuer.url)]).await;
    let answered = app.get("/v1/documents", &token("ours")).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (503, &json!("auth_unavailable")));
    let after: u64 = answered.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after));
    // Health needs no token, and so no key.
    assert_eq!(app.get("/health", "").await.status, 200);
}
