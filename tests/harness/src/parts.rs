//! The real parts that a test runs on: a database of its own, a bucket of its own, keys that sign tokens.
//! `scripts/test` starts them and says where they are.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use shared::{db::migrations, env::Env};
use tokio::sync::OnceCell;

/// The issuer that tests' tokens name.
pub const ISSUER: &str = "https://dev.footnote.invalid";

/// What `scripts/test` says in `name`.
///
/// # Panics
/// Where the tests were not started by it.
pub fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with ./scripts/test"))
}

/// A name that no other test of this run has.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A program of the bundle, as cargo built it.
pub fn program(name: &str) -> PathBuf {
    PathBuf::from(given("TEST_BIN_DIR")).join(name)
}

/// A migrated database of one test; it is dropped with this.
pub struct Database {
    name: String,
}

impl Database {
    /// A copy of the template, which the first caller migrates.
    ///
    /// # Panics
    /// Where Postgres is not there or a migration is wrong.
    pub async fn create() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(make_template).await;
        let name = unique("test");
        admin(&format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"")).await;
        Self { name }
    }

    /// A database as operators hand it over: the roles and the extension are there, no migration was applied.
    ///
    /// # Panics
    /// Where Postgres is not there.
    pub async fn empty() -> Self {
        let name = unique("empty");
        make_empty(&name).await;
        Self { name }
    }

    /// Its URL for one of the three roles, or for the superuser (`None`).
    pub fn url(&self, role: Option<&str>) -> String {
        url(&self.name, role)
    }

    /// A connection as one of the roles; it ends with the client.
    ///
    /// # Panics
    /// Where the role may not connect.
    pub async fn connect(&self, role: Option<&str>) -> tokio_postgres::Client {
        connect(&self.url(role)).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = self.name.clone();
        let drop = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(admin(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")));
        };
        // A test's own runtime may be ending; this one is not.
        std::thread::spawn(drop).join().ok();
    }
}

async fn make_template() -> String {
    let name = unique("template");
    make_empty(&name).await;
    let env = Env::of([("DATABASE_DIRECT_URL", url(&name, Some("footnote_owner")))]);
    migrations::apply(&env).await.expect("the migrations apply");
    name
}

async fn make_empty(name: &str) {
    admin(&format!("CREATE DATABASE \"{name}\" OWNER footnote_owner")).await;
    let superuser = connect(&url(name, None)).await;
    superuser.batch_execute("CREATE EXTENSION IF NOT EXISTS vector").await.expect("pgvector");
}

async fn admin(sql: &str) {
    let client = connect(&given("TEST_DATABASE_ADMIN_URL")).await;
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connect to Postgres");
    tokio::spawn(connection);
    client
}

fn url(database: &str, role: Option<&str>) -> String {
    let admin = given("TEST_DATABASE_ADMIN_URL");
    let (server, _) = admin.rsplit_once('/').expect("the admin URL names a database");
    let server = match role {
        None => server.to_owned(),
        Some(role) => {
            let (_, host) = server.rsplit_once('@').expect("the admin URL names a user");
            format!("postgres://{role}:{}@{host}", given("TEST_DATABASE_PASSWORD"))
        }
    };
    format!("{server}/{database}?sslmode=disable")
}

/// A bucket of one test, versioned.
///
/// # Panics
/// Where the object store is not there.
pub async fn bucket() -> String {
    let name = unique("bucket");
    let s3 = s3().await;
    s3.create_bucket().bucket(&name).send().await.expect("make a bucket");
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    s3.put_bucket_versioning()
        .bucket(&name)
        .versioning_configuration(versioning)
        .send()
        .await
        .expect("version it");
    name
}

/// A client of the object store, to look behind the bundle's back.
///
/// # Panics
/// Where the store is not there.
pub async fn s3() -> aws_sdk_s3::Client {
    let env = Env::of([("AWS_ENDPOINT_URL", given("TEST_S3_ENDPOINT"))]);
    let config = shared::tls::aws_config(&env).await.expect("the SDK's configuration");
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build())
}

/// The public key that the tests' tokens are checked with, as PEM.
///
/// # Panics
/// Where the keys are not there.
pub fn public_key() -> String {
    std::fs::read_to_string(PathBuf::from(given("FOOTNOTE_KEYS_DIR")).join("dev.pub.pem"))
        .expect("the public key")
}

/// A session token of `claims`, signed with the development key.
///
/// # Panics
/// Where the keys are not there.
pub fn sign(header: &Header, claims: &Value) -> String {
    let pem =
        std::fs::read(PathBuf::from(given("FOOTNOTE_KEYS_DIR")).join("dev.pem")).expect("the private key");
    jsonwebtoken::encode(header, claims, &EncodingKey::from_rsa_pem(&pem).expect("an RSA key"))
        .expect("a token")
}

/// The claims of a good token, for `user` and perhaps an organisation.
pub fn claims(user: &str, organization: Option<&str>) -> Value {
    let now = now_s();
    let mut claims = json!({ "iss": ISSUER, "sub": user, "sid": "sess_1", "sts": "active", "v": 2,
        "iat": now, "nbf": now - 10, "exp": now + 600 });
    if let Some(id) = organization {
        claims["o"] = json!({ "id": id, "rol": "admin" });
    }
    claims
}

/// A good token.
pub fn token(user: &str, organization: Option<&str>) -> String {
    sign(&Header::new(Algorithm::RS256), &claims(user, organization))
}

/// The time in Unix seconds.
///
/// # Panics
/// Where the clock stands before 1970.
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs().cast_signed()
}
