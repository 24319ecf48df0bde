//! Settings: all of them are listed, mistakes are said at start, secrets come from Secrets Manager and are never shown.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use aws_sdk_secretsmanager::Client as Secrets;
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use harness::{
    app::{TestApp, file, request},
    parts::{self, given, program, token, unique},
    redis::{self, Redis},
};
use serde_json::json;
use server::Server;
use shared::{
    env::{Env, SETTINGS},
    limiter::Limiter,
};
use tokio::process::Command;
use tower::ServiceExt;

#[test]
fn the_example_lists_every_setting_with_its_default_and_what_it_is() {
    let example = String::from_utf8(file(".env.example")).unwrap();
    let lines: Vec<&str> = example.lines().collect();
    let listed: Vec<(&str, &str, &str)> = lines
        .windows(2)
        .filter_map(|pair| {
            let (name, default) = pair[1].split_once('=').filter(|_| !pair[1].starts_with('#'))?;
            Some((name, default, pair[0].trim_start_matches("# ")))
        })
        .collect();
    let expected: Vec<(&str, &str, &str)> =
        SETTINGS.iter().map(|setting| (setting.name, setting.default.unwrap_or(""), setting.about)).collect();
    assert_eq!(listed, expected);
    let names: std::collections::BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(names.len(), SETTINGS.len(), "a setting is listed twice");
}

/// What stands for a secret in these tests: it must not come out anywhere.
const SECRET: &str = "hunter2hunter2";

/// Settings with which `server` starts, as far as it can tell without asking anybody.
fn good() -> BTreeMap<&'static str, String> {
    [
        ("DATABASE_URL", format!("postgres://footnote_app:{SECRET}@127.0.0.1:1/footnote")),
        ("BUCKET", "documents".to_owned()),
        ("AWS_ENDPOINT_URL", given("TEST_S3_ENDPOINT")),
        ("CLERK_ISSUER", parts::ISSUER.to_owned()),
        ("CLERK_JWT_KEY", parts::public_key()),
        ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
        ("GROQ_API_KEY", SECRET.to_owned()),
    ]
    .into()
}

/// Starts the real program; answers its exit code (none: it serves) and all that it said.
async fn start(settings: &BTreeMap<&'static str, String>) -> (Option<i32>, String) {
    let mut command = Command::new(program("server"));
    command.env_clear().envs(settings).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
        command.env(name, given(name));
    }
    let mut child = command.kill_on_drop(true).spawn().expect("the server's program");
    let mut ready = tokio::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let said = tokio::io::AsyncBufReadExt::read_line(&mut ready, &mut line);
    tokio::time::timeout(Duration::from_secs(60), said).await.expect("it starts or stops").unwrap();
    if line.starts_with("ready ") {
        return (None, line);
    }
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let output = output.expect("it stops").unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned() + &line)
}

#[tokio::test]
async fn a_missing_or_malformed_setting_stops_the_server_and_is_named_without_its_value() {
    assert_eq!(start(&good()).await.0, None, "it starts with good settings");
    let malformed = [
        ("DATABASE_URL", Some(format!("postgres://{SECRET}:{SECRET}@host:port/x"))),
        ("DATABASE_URL", Some(format!("mysql {SECRET}"))),
        ("DATABASE_JOBS_URL", Some(SECRET.to_owned())),
        ("DATABASE_URL", None),
        ("BUCKET", None),
        ("BUCKET", Some("  ".to_owned())),
        ("CLERK_ISSUER", None),
        ("CLERK_ISSUER", Some("clerk.example.com".to_owned())),
        ("CLERK_JWT_KEY", Some(SECRET.to_owned())),
        ("CLERK_JWT_KEY", Some(format!("-----BEGIN PUBLIC KEY-----\n{SECRET}\n-----END PUBLIC KEY-----"))),
        ("AWS_ENDPOINT_URL", Some("localhost".to_owned())),
        ("GROQ_BASE_URL", Some("groq".to_owned())),
        ("CHAT_MODELS", Some("groq".to_owned())),
        ("AI_PROVIDER", Some("nobody".to_owned())),
        ("EMBEDDINGS", Some("openai:".to_owned())),
        ("BUDGET_USD_PER_DAY_USER", Some("-1".to_owned())),
        ("BUDGET_USD_PER_MONTH_TOTAL", Some("lots".to_owned())),
        ("DATABASE_MAX_CONNECTIONS", Some("0".to_owned())),
        ("DATABASE_MAX_CONNECTIONS", Some("many".to_owned())),
        ("DATABASE_CA_FILE", Some("/nonexistent".to_owned())),
        ("TOP_K", Some("51".to_owned())),
        ("MATCH_THRESHOLD", Some("NaN".to_owned())),
        ("HISTORY_TURNS", Some("-1".to_owned())),
        ("FUSION", Some("sum".to_owned())),
        ("STRICT_QUERY", Some("yes".to_owned())),
        ("USE_SIMPLIFIED_PROMPT", Some("1".to_owned())),
        ("DISABLE_VECTOR_SEARCH", Some("TRUE".to_owned())),
        ("MAINTENANCE_MODE", Some("yes".to_owned())),
        ("DISABLE_UPLOADS", Some("on".to_owned())),
        ("SECRETS_TTL_S", Some("0".to_owned())),
        ("ADDRESS_REQUESTS_AT_ONCE", Some("0".to_owned())),
        ("TRUSTED_PROXIES", Some("proxy.example.com".to_owned())),
        ("AUDIT_TIMEOUT_MS", Some("0".to_owned())),
        ("LISTEN_ADDR", Some("nowhere".to_owned())),
        ("LOG_LEVEL", Some("loud".to_owned())),
    ];
    for (name, value) in malformed {
        let mut settings = good();
        match &value {
            Some(value) => settings.insert(name, value.clone()),
            None => settings.remove(name),
        };
        let (code, said) = start(&settings).await;
        assert!(code.is_some_and(|code| code != 0), "{name}={value:?}: {code:?} {said}");
        assert!(said.lines().any(|line| line.contains(name)), "{name}={value:?}: {said}");
        assert!(!said.contains(SECRET), "{name}: {said}");
    }
}

pub async fn secrets() -> Secrets {
    let env = Env::of([("AWS_ENDPOINT_URL", given("TEST_S3_ENDPOINT"))]);
    Secrets::new(&shared::tls::aws_config(&env).await.unwrap())
}

/// A secret of that text; answers its name.
pub async fn secret(value: &str) -> String {
    let name = unique("secret");
    secrets().await.create_secret().name(&name).secret_string(value).send().await.unwrap();
    name
}

fn env(id: &str, more: &[(&'static str, &str)]) -> Env {
    let pairs = [("SECRETS_ID", id.to_owned()), ("AWS_ENDPOINT_URL", given("TEST_S3_ENDPOINT"))];
    Env::of(pairs.into_iter().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))))
}

#[tokio::test]
async fn the_secret_fills_what_is_missing_and_overrides_nothing() {
    let id =
        secret(r#"{"TOP_K":"9","GROQ_API_KEY":"from the secret","OPENAI_API_KEY":"","UNKNOWN":"x"}"#).await;
    let env = env(&id, &[("TOP_K", "3")]);
    assert_eq!(env.get("GROQ_API_KEY"), None);
    env.fetch_secret().await.unwrap();
    assert_eq!(env.get("TOP_K").as_deref(), Some("3"));
    assert_eq!(env.get("GROQ_API_KEY").as_deref(), Some("from the secret"));
    assert_eq!(env.get("OPENAI_API_KEY"), None, "empty is not set");
    assert_eq!(env.get("FUSION").as_deref(), Some("zscore"));
}

#[tokio::test]
async fn a_version_that_is_not_current_yet_is_not_used() {
    let id = secret(r#"{"GROQ_API_KEY":"current"}"#).await;
    let pending =
        secrets().await.put_secret_value().secret_id(&id).secret_string(r#"{"GROQ_API_KEY":"pending"}"#);
    pending.version_stages("AWSPENDING").send().await.unwrap();
    let env = env(&id, &[]);
    env.fetch_secret().await.unwrap();
    assert_eq!(env.get("GROQ_API_KEY").as_deref(), Some("current"));
}

#[tokio::test]
async fn a_secret_that_is_no_list_of_settings_is_said_and_not_shown() {
    let wrong = [
        SECRET.to_owned(),
        format!(r#"{{"GROQ_API_KEY":"{SECRET}""#),
        format!(r#"{{"GROQ_API_KEY":{{"{SECRET}":1}}}}"#),
        format!(r#"["{SECRET}"]"#),
        format!(r#"{{"{SECRET}":7}}"#),
    ];
    for text in wrong {
        let id = secret(&text).await;
        let error = format!("{:#}", env(&id, &[]).fetch_secret().await.unwrap_err());
        assert!(error.contains(&id) && !error.contains(SECRET), "{error}");
        let mut settings = good();
        settings.extend([("SECRETS_ID", id.clone())]);
        settings.remove("GROQ_API_KEY");
        let (code, said) = start(&settings).await;
        assert!(code.is_some_and(|code| code != 0) && said.contains(&id) && !said.contains(SECRET), "{said}");
    }
    let error = format!("{:#}", env("no-such-secret", &[]).fetch_secret().await.unwrap_err());
    assert!(error.contains("no-such-secret"), "{error}");
}

#[tokio::test]
async fn a_switch_in_the_secret_counts_without_a_restart_and_a_wrong_word_does_not() {
    let app = TestApp::new().await;
    let id = secret(r#"{"TOP_K":"3"}"#).await;
    let more = [("SECRETS_ID", id.clone()), ("SECRETS_TTL_S", "1".to_owned())];
    let env = Env::of(app.settings.iter().cloned().chain(more));
    env.fetch_secret().await.unwrap();
    let router = shared::http::finish(server::routes(Server::connect(&env).await.unwrap()), &env).unwrap();
    let list = async || {
        let listed =
            request(Method::GET, "/v1/documents", &token("alice", None)).body(Body::empty()).unwrap();
        router.clone().oneshot(listed).await.unwrap().status()
    };
    let set = async |text: &str| {
        secrets().await.put_secret_value().secret_id(&id).secret_string(text).send().await.unwrap();
    };
    // Requests have the secret fetched again when it is a second old.
    let until = async |wanted: StatusCode| {
        let asked = async {
            while list().await != wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("the switch counts");
    };
    assert_eq!(list().await, StatusCode::OK);
    set(r#"{"MAINTENANCE_MODE":"true"}"#).await;
    until(StatusCode::SERVICE_UNAVAILABLE).await;
    let error = {
        set(r#"{"MAINTENANCE_MODE":"off"}"#).await;
        let other = Env::of([("SECRETS_ID", id.clone()), ("AWS_ENDPOINT_URL", given("TEST_S3_ENDPOINT"))]);
        format!("{:#}", other.fetch_secret().await.unwrap_err())
    };
    assert!(error.ends_with("MAINTENANCE_MODE must be true or false"), "{error}");
    assert_eq!(list().await, StatusCode::SERVICE_UNAVAILABLE);
    // While it is on, requests are what notices that it is off again.
    set(r#"{"MAINTENANCE_MODE":"false"}"#).await;
    until(StatusCode::OK).await;
}

#[tokio::test]
async fn a_rotated_database_password_needs_no_restart() {
    let app = TestApp::new().await;
    let superuser = app.database.connect(None).await;
    // Roles belong to the whole cluster, so that this one is the test's own.
    let role = unique("rotated").replace('-', "_");
    superuser
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'one' IN ROLE footnote_app"))
        .await
        .unwrap();
    let url = |password: &str| {
        let url = app.database.url(Some("footnote_app"));
        let (_, place) = url.split_once('@').unwrap();
        json!({ "DATABASE_URL": format!("postgres://{role}:{password}@{place}") }).to_string()
    };
    let id = secret(&url("one")).await;
    let settings = app.settings.iter().filter(|(name, _)| *name != "DATABASE_URL").cloned();
    let env = Env::of(settings.chain([("SECRETS_ID", id.clone())]));
    env.fetch_secret().await.unwrap();
    let router = shared::http::finish(server::routes(Server::connect(&env).await.unwrap()), &env).unwrap();
    let list = async || {
        let listed =
            request(Method::GET, "/v1/documents", &token("alice", None)).body(Body::empty()).unwrap();
        router.clone().oneshot(listed).await.unwrap().status()
    };
    assert_eq!(list().await, StatusCode::OK);

    superuser.batch_execute(&format!("ALTER ROLE {role} PASSWORD 'two'")).await.unwrap();
    let ended =
        format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'");
    superuser.query(&ended, &[]).await.unwrap();
    secrets().await.put_secret_value().secret_id(&id).secret_string(url("two")).send().await.unwrap();
    // Several at once find the old password refused: one of them asks for the secret, all of them use it.
    let served = tokio::join!(list(), list(), list());
    assert_eq!([served.0, served.1, served.2], [StatusCode::OK; 3]);

    drop(router);
    superuser.query(&ended, &[]).await.unwrap();
    superuser.batch_execute(&format!("DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn a_rotated_redis_token_needs_no_restart() {
    let Some(redis) = Redis::start().await else { return };
    let with = |token: &str| json!({ "UPSTASH_REDIS_REST_TOKEN": token }).to_string();
    let id = secret(&with("before the rotation")).await;
    let more = [("UPSTASH_REDIS_REST_URL", redis.url.as_str()), ("REDIS_TIMEOUT_MS", "5000")];
    let env = env(&id, &more);
    env.fetch_secret().await.unwrap();
    let limiter = Limiter::connect(&env).unwrap();
    secrets()
        .await
        .put_secret_value()
        .secret_id(&id)
        .secret_string(with(&redis::token()))
        .send()
        .await
        .unwrap();
    // The refused call has the secret fetched; after the breaker's pause the next one uses it.
    let mut now = jiff::Timestamp::UNIX_EPOCH;
    let recovered = async {
        while limiter.take("chat.user", &unique("user"), now).await.unwrap().degraded {
            now += Duration::from_millis(5_001);
        }
    };
    tokio::time::timeout(Duration::from_secs(60), recovered).await.expect("the new token is used");
    assert!(now > jiff::Timestamp::UNIX_EPOCH, "the first token was refused");
}
