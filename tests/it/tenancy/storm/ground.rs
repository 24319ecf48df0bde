//! What a storm goes over: fifty tenants, the bundle before a pooler, and what is done to its statements on their way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use harness::{
    app::TestApp,
    holdings::{Holding, hold},
    pgbouncer::PgBouncer,
    postgres_rewrite::{Rewriter, without_conditions},
    routes::{self, Route},
};
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::{Guards, Storm, chance::Chance};
use crate::tenancy::routes::REMOVE_POLICIES;

/// Workspaces: every other one an organisation, with a name that a person has too.
const TENANTS: usize = 50;
/// Organisations that a second person is in.
const WITH_COLLEAGUES: usize = 5;
/// The bundle's own connections, more than a pool of the pooler has.
pub const CONNECTIONS: usize = 6;
/// One statement of the bundle in so many fails, or ends its connection.
const FAILS_ONE_IN: usize = 80;

/// What Postgres says of a transaction that it cannot serialise: the statement fails, the transaction is rolled back.
const FAIL: &str = "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$";
/// The connection dies in the middle of its own transaction.
const DIE: &str = "SELECT pg_terminate_backend(pg_backend_pid())";

/// All that one response tells.
pub type Told = (StatusCode, Vec<(String, String)>, String);

/// The ground.
pub struct Ground {
    /// The bundle.
    pub app: TestApp,
    /// What each person holds.
    pub holdings: Vec<Holding>,
    /// Routes that need a session token.
    pub routes: Vec<Route>,
    /// What is answered about things that do not exist, by method and pattern.
    pub unknown: HashMap<String, Told>,
    /// What asking a conversation that does not exist is answered.
    pub unknown_conversation: Told,
    /// What a question within a document that does not exist is answered.
    pub unknown_document: [Value; 3],
    /// Documents that were announced during the storm, with their holdings' numbers.
    announced: Mutex<Vec<(usize, String)>>,
    /// Words and ids that nobody else's rows have: whose they are, and whether their colleagues see them.
    words: Mutex<HashMap<String, (usize, bool)>>,
    /// Past all guards.
    pub superuser: Client,
    /// Statements that were made to fail, on the way to the database.
    pub failed: Arc<AtomicUsize>,
    pooler: Option<PgBouncer>,
    /// The same database through the pooler.
    pooled: String,
    /// Between the bundle and the pooler.
    before: Rewriter,
    /// Between the pooler and Postgres.
    behind: Rewriter,
}

impl Ground {
    pub async fn prepare(storm: &Storm, chance: &Chance) -> Self {
        let own = [("DISABLE_VECTOR_SEARCH", "true"), ("MATCH_THRESHOLD", "-1")];
        let mut app = TestApp::with(&own).await;
        let superuser = app.database.connect(None).await;
        let mut holdings = Vec::new();
        for number in 0..TENANTS {
            let organization = (number % 2 == 1).then(|| format!("user_{}", number - 1));
            holdings.push(hold(&superuser, &format!("user_{number}"), organization.as_deref(), number).await);
        }
        for number in 0..WITH_COLLEAGUES {
            // A colleague in the first organisations, who has a workspace of their own elsewhere.
            let user = format!("user_{}", TENANTS - 2 * (number + 1));
            let organization = format!("user_{}", 2 * number);
            holdings.push(hold(&superuser, &user, Some(&organization), TENANTS + number).await);
        }
        if matches!(storm.guards, Guards::NoPolicies | Guards::None) {
            superuser.batch_execute(REMOVE_POLICIES).await.expect("policies go");
        }

        let direct = app.database.url(Some("footnote_app"));
        let behind = Rewriter::start(&direct, str::to_owned).await;
        let direct = behind.url(&direct);
        let pooler = PgBouncer::start(&direct, storm.pool).await;
        let pooled = pooler.as_ref().map_or_else(|| direct.clone(), |pooler| pooler.url(&direct));
        let failed = Arc::new(AtomicUsize::new(0));
        let before = Rewriter::start(&pooled, on_the_way(storm, chance.clone(), failed.clone())).await;
        let connections = CONNECTIONS.to_string();
        let own = [("DATABASE_URL", before.url(&pooled)), ("DATABASE_MAX_CONNECTIONS", connections.clone())];
        app.restart(&own.each_ref().map(|(name, value)| (*name, value.as_str()))).await;

        let routes = routes::all(&app).await.into_iter().filter(|route| !route.is_public()).collect();
        let mut ground = Self {
            app,
            holdings,
            routes,
            unknown: HashMap::new(),
            unknown_conversation: Told::default(),
            unknown_document: <[Value; 3]>::default(),
            announced: Mutex::default(),
            words: Mutex::default(),
            superuser,
            failed,
            pooler,
            pooled,
            before,
            behind,
        };
        for (number, holding) in ground.holdings.iter().enumerate() {
            let mut words = ground.words.lock().unwrap_or_else(PoisonError::into_inner);
            for shared in [&holding.subject, &holding.secret, &holding.document] {
                words.insert(shared.clone(), (number, true));
            }
            words.insert(holding.conversation.clone(), (number, false));
        }
        ground.ask_for_nothing().await;
        ground
    }

    /// What is answered to whom asks for what is not there.
    async fn ask_for_nothing(&mut self) {
        let (token, unknown) = (self.holdings[0].token.clone(), Uuid::now_v7().to_string());
        for route in self.routes.iter().filter(|route| route.names_something()) {
            let path = route.naming(&unknown, &unknown, "nobody");
            let told = loop {
                let answered = self.app.call(route.method.clone(), &path, &token).await;
                // A statement may be made to fail already.
                if answered.status != 503 {
                    break answered.told();
                }
            };
            assert!(told.0.is_client_error(), "{route:?}: {told:?}");
            self.unknown.insert(key(route), told);
        }
        let ask = async |body: Value| loop {
            let answered = self.app.post("/v1/chat", &token, &body).await;
            if answered.status != 503 {
                break answered;
            }
        };
        let other = self.holdings[1].question();
        let continued = ask(json!({ "message": other, "conversation_id": unknown })).await;
        let within = ask(json!({ "message": other, "filters": { "document_ids": [unknown] } })).await;
        self.unknown_conversation = continued.told();
        self.unknown_document = of_search(&within.json());
    }

    /// Whether `me` may see the documents of `other`.
    pub fn shares(&self, me: usize, other: usize) -> bool {
        self.holdings[me].workspace == self.holdings[other].workspace
    }

    /// Whose words or ids stand in a text that `me` was sent and should not.
    pub fn foreign_to(&self, me: usize, text: &str) -> Option<usize> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(|word| words.get(word));
        let foreign =
            |(owner, is_shared): &(usize, bool)| *owner != me && !(*is_shared && self.shares(me, *owner));
        known.copied().find(foreign).map(|(owner, _)| owner)
    }

    /// Notes that `me` announced a document.
    pub fn announced(&self, me: usize, id: &str) {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner).push((me, id.to_owned()));
        self.words.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), (me, true));
    }

    /// A document that somebody announced; `me` takes their own to delete it.
    pub fn an_announced(&self, me: usize, chance: &mut Chance) -> Option<(usize, String)> {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let at = chance.below(announced.len().max(1));
        let found = announced.get(at).cloned()?;
        if found.0 == me {
            announced.swap_remove(at);
        }
        Some(found)
    }

    /// Ends one of the server's connections, whatever it is doing.
    pub async fn terminate(&self) {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
                   WHERE datname = current_database() AND usename = 'footnote_app' ORDER BY random() LIMIT 1) one";
        self.superuser.query_one(sql, &[]).await.expect("a connection ends");
    }

    /// Cuts the pooler's connections to the server, or the bundle's to the pooler.
    pub fn cut(&self, behind: bool) {
        if behind { self.behind.cut() } else { self.before.cut() }
    }

    /// Waits until the pooler takes newcomers again: PgBouncer turns them away for a moment after a server's login broke off.
    pub async fn until_it_serves(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while connect(self.strangers_url()).await.is_none() {
            assert!(Instant::now() < deadline, "the pooler does not come back");
        }
    }

    /// Where another program finds the pooler.
    pub fn strangers_url(&self) -> &str {
        &self.pooled
    }

    /// Whether there is a pooler at all.
    pub fn has_pooler(&self) -> bool {
        self.pooler.is_some()
    }
}

/// A connection that answers, as another program would open it.
pub async fn connect(url: &str) -> Option<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
    tokio::spawn(connection);
    client.batch_execute("").await.ok()?;
    Some(client)
}

pub fn key(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// What an answer owes to search alone.
pub fn of_search(answer: &Value) -> [Value; 3] {
    ["answer", "citations", "refused"].map(|member| answer[member].clone())
}

/// What becomes of the bundle's statements before they reach the pooler.
fn on_the_way(
    storm: &Storm,
    chance: Chance,
    failed: Arc<AtomicUsize>,
) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let (guards, binds_for_good) = (storm.guards, storm.binds_for_good);
    let chance = Mutex::new(chance);
    move |sql| {
        if sql.contains("set_config('app.workspace_id'") {
            return if binds_for_good { sql.replace(", true)", ", false)") } else { sql.to_owned() };
        }
        let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
        if chance.one_in(FAILS_ONE_IN) {
            failed.fetch_add(1, Relaxed);
            return if chance.one_in(2) { FAIL } else { DIE }.to_owned();
        }
        match guards {
            Guards::NoConditions | Guards::None => without_conditions(sql),
            Guards::Both | Guards::NoPolicies => sql.to_owned(),
        }
    }
}
