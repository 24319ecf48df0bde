//! Starting: settings from a secret, and what is said when a function cannot start.

use aws_sdk_secretsmanager::Client;
use harness::{
    app::{TestApp, sample},
    parts::{given, token, unique},
};
use serde_json::{Value, json};
use shared::env::Env;

use super::{bearer, jobs_settings, set, settings, start, through_api};

/// A secret on the object store's neighbour; answers its name.
async fn secret(value: &Value) -> String {
    let env = Env::of([("AWS_ENDPOINT_URL", given("TEST_S3_ENDPOINT"))]);
    let client = Client::new(&shared::tls::aws_config(&env).await.expect("the SDK's configuration"));
    let name = unique("secret");
    client.create_secret().name(&name).secret_string(value.to_string()).send().await.expect("make a secret");
    name
}

#[tokio::test]
async fn what_is_not_in_the_environment_comes_from_the_secret() {
    let app = TestApp::new().await;
    let alice = token("alice", None);
    app.ready(&alice, "fn-1175.pdf", sample()).await;
    let mut settings = settings(&app);
    let taken_out = |name: &str| settings.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let secret = secret(&json!({
        "DATABASE_URL": taken_out("DATABASE_URL"),
        "CLERK_JWT_KEY": taken_out("CLERK_JWT_KEY"),
        // What the environment says, the secret does not override.
        "CLERK_ISSUER": "https://someone.else.invalid",
    }))
    .await;
    settings.retain(|(name, _)| !["DATABASE_URL", "CLERK_JWT_KEY"].contains(name));
    set(&mut settings, "SECRETS_ID", secret);
    let chat = start("chat", &settings);
    let authorization = bearer(&alice);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let question = json!({ "message": "What is the maximum hardness?" }).to_string();
    let (status, _, body) = through_api(&chat, "POST", "/v1/chat", &headers, question.as_bytes()).await;
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    app.prove(&alice, &answer).await;
    assert_ne!(answer["citations"], json!([]));
}

#[tokio::test]
async fn the_first_question_waits_for_the_connection_that_is_being_opened() {
    let app = TestApp::new().await;
    let authorization = bearer(&token("alice", None));
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let chat = start("chat", &settings(&app));
    let (status, _, _) =
        through_api(&chat, "POST", "/v1/chat", &headers, br#"{"message":"Hardness?"}"#).await;
    assert_eq!(status, 200);
    let superuser = app.database.connect(None).await;
    let opened = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'footnote_app'";
    let opened: i64 = superuser.query_one(opened, &[]).await.unwrap().get(0);
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why_and_ends() {
    let app = TestApp::new().await;
    let without = |name: &str, mut settings: Vec<(&'static str, String)>| {
        settings.retain(|(known, _)| *known != name);
        settings
    };
    let with = |name: &'static str, value: &str| {
        let mut settings = settings(&app);
        set(&mut settings, name, value.to_owned());
        settings
    };
    let not_json = secret(&json!("DATABASE_URL=postgres://footnote_app:hunter2@db/footnote")).await;
    let wrong = [
        ("chat", without("DATABASE_URL", settings(&app)), "DATABASE_URL is not set"),
        ("chat-stream", with("EMBEDDINGS", "somewhere"), "EMBEDDINGS must be"),
        ("upload", without("BUCKET", settings(&app)), "BUCKET is not set"),
        ("delete-user", with("CLERK_JWT_KEY", "no PEM"), "CLERK_JWT_KEY is no RSA public key"),
        ("ingest", with("DATABASE_MAX_CONNECTIONS", "none"), "DATABASE_MAX_CONNECTIONS must be a number"),
        ("retention", without("DATABASE_URL", jobs_settings(&app)), "DATABASE_URL is not set"),
        ("health", with("LOG_LEVEL", "loud"), "LOG_LEVEL must be"),
        ("chat", with("SECRETS_ID", "no-such-secret"), "fetch the secret no-such-secret"),
        ("chat", with("SECRETS_ID", &not_json), "is no JSON object"),
    ];
    for (program, settings, reason) in wrong {
        let function = start(program, &settings);
        let error = function.invoke(json!({})).await.unwrap().result.expect_err("it does not start");
        assert_eq!(error.error_type, "Runtime.ExitError", "{program}: {error:?}");
        assert!(!function.exited().await.unwrap().success(), "{program}");
        function
            .log_with(reason)
            .await
            .unwrap_or_else(|_| panic!("{program}: {reason}: {:?}", function.logs()));
        let log = function.stop().await.join("\n");
        assert!(!log.contains("hunter2"), "{log}");
    }
}
