//! Fifty tenants at once through a pooler, each after its own rows and the others'; callers go away, statements fail,
//! connections die. With both guards, with either of them taken away: nobody sees a row of anybody else's.
//!
//! 10,000 requests in all: 2 × 1,000 with both guards, 2 × 2,000 without the handlers' conditions, 2 × 2,000 without
//! row-level security; half of each over one connection of the pooler, half over five.

mod after;
mod chance;
mod ground;
mod request;

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed};

use futures_util::{StreamExt, stream::FuturesUnordered};
use harness::postgres_rewrite::without_conditions;
use shared::db::STATEMENTS;

use self::{
    chance::Chance,
    ground::{CONNECTIONS, Ground},
    request::{Judged, Request},
};
use super::given_up::{nothing_left_open, polled_at_most};

/// The most requests under way at once.
const AT_ONCE_MAX: usize = 16;

/// Which guards stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guards {
    /// As deployed.
    Both,
    /// Row-level security alone: the handlers' conditions are taken out of their statements.
    NoConditions,
    /// The handlers' conditions alone.
    NoPolicies,
    /// Nothing: to show that the storm sees what is to be seen.
    None,
}

/// What is to be done.
pub struct Storm {
    /// Which guards stand.
    pub guards: Guards,
    /// The pooler's connections to the server.
    pub pool: usize,
    /// How many requests.
    pub requests: usize,
    /// Whether the tenant is set for the connection and not for the transaction: a mistake that a pooler punishes.
    pub binds_for_good: bool,
}

/// What was seen.
#[derive(Default, Debug)]
struct Seen {
    own: usize,
    nothing: usize,
    /// Requests that were told to come back, by what they were told.
    unavailable: BTreeMap<String, usize>,
    gone_away: usize,
    foreign: Vec<String>,
    wrong: Vec<String>,
    /// Rows and tenants that a program saw which set no tenant.
    strange: Vec<String>,
    looks: usize,
    /// Moments in which connections died.
    misfortunes: usize,
    /// Connections that may be dead since, and that nobody has used yet.
    dead: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_one_connection_nobody_sees_another() {
    holds(&Storm::new(Guards::Both, 1, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_five_connections_nobody_sees_another() {
    holds(&Storm::new(Guards::Both, 5, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_one_connection_row_level_security_holds_alone() {
    holds(&Storm::new(Guards::NoConditions, 1, 2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_five_connections_row_level_security_holds_alone() {
    holds(&Storm::new(Guards::NoConditions, 5, 2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_one_connection_the_handlers_conditions_hold_alone() {
    holds(&Storm::new(Guards::NoPolicies, 1, 2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_five_connections_the_handlers_conditions_hold_alone() {
    holds(&Storm::new(Guards::NoPolicies, 5, 2_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_either_guard_the_storm_sees_foreign_rows() {
    let storm = Storm::new(Guards::None, 1, 300);
    let mut chance = Chance::seeded("no guards");
    let ground = Ground::prepare(&storm, &chance).await;
    let seen = rage(&storm, &ground, &mut chance).await;
    println!("{}", seen.report(&storm, &ground));
    assert!(seen.foreign.len() > 20, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_is_set_for_the_connection_is_noticed() {
    let storm = Storm { binds_for_good: true, ..Storm::new(Guards::Both, 1, 100) };
    let mut chance = Chance::seeded("set for good");
    let ground = Ground::prepare(&storm, &chance).await;
    let seen = rage(&storm, &ground, &mut chance).await;
    println!("{}", seen.report(&storm, &ground));
    // Without a pooler the stranger has a connection of its own.
    assert_eq!(!seen.strange.is_empty(), ground.has_pooler(), "{seen:#?}");
}

#[test]
fn no_statement_keeps_a_condition_on_its_tenant() {
    let (mut changed, mut kept) = (0, Vec::new());
    for statement in STATEMENTS.iter().flat_map(|of_module| of_module.iter()) {
        let left = without_conditions(statement.sql);
        for condition in ["workspace_id =", "user_id =", "owner_id ="] {
            assert!(!left.contains(condition), "{left}");
        }
        if left == statement.sql {
            kept.push(statement.sql);
        } else {
            changed += 1;
        }
    }
    // These only write, or call the named functions, which take no tenant.
    for sql in &kept {
        // A list that the statement brings along is nobody's table.
        let reads = sql.contains(" WHERE ") && sql.replace(" FROM unnest(", "").contains(" FROM ");
        assert!(!reads, "{sql}");
    }
    assert!(changed > kept.len(), "{changed} {kept:#?}");
}

/// No storm sees anything of anybody else's, and none leaves rows that mix tenants.
async fn holds(storm: &Storm) {
    let mut chance = Chance::seeded(&format!("{:?}, pool of {}", storm.guards, storm.pool));
    let ground = Ground::prepare(storm, &chance).await;
    let seen = rage(storm, &ground, &mut chance).await;
    println!("{}", seen.report(storm, &ground));
    assert_eq!(seen.foreign, [""; 0]);
    assert_eq!(seen.strange, [""; 0]);
    assert_eq!(seen.wrong, [""; 0]);
    // All of it happened: own rows, nothing of others, callers who went away, statements that failed.
    assert!(seen.own > storm.requests / 6 && seen.nothing > storm.requests / 4, "{seen:?}");
    assert!(seen.gone_away > storm.requests / 50 && ground.failed.load(Relaxed) > 0, "{seen:?}");
    nothing_left_open(&ground.app).await;
    after::no_row_mixes_tenants(&ground).await;
    ground.app.assert_consistent().await;
}

/// In waves of random size, so that a seed chooses what is under way together.
async fn rage(storm: &Storm, ground: &Ground, chance: &mut Chance) -> Seen {
    let mut seen = Seen::default();
    let mut sent = 0;
    while sent < storm.requests {
        let size = (chance.below(AT_ONCE_MAX) + 1).min(storm.requests - sent);
        sent += size;
        // One in four callers goes away after a few steps, wherever the request is then.
        let steps = |chance: &mut Chance| if chance.one_in(4) { chance.below(16) } else { usize::MAX };
        let wave: Vec<(Request, usize)> =
            (0..size).map(|_| (Request::choose(ground, chance), steps(chance))).collect();
        let misfortune = chance.below(24);
        let (failed, turned_away) = (ground.failed.load(Relaxed), seen.turned_away());
        let requests = async {
            let sent = wave.iter().map(async |(request, steps)| {
                let answered = polled_at_most(*steps, request.send(ground)).await?;
                Some(request.judge(ground, &answered))
            });
            sent.collect::<FuturesUnordered<_>>().collect::<Vec<_>>().await
        };
        let dies = async {
            match misfortune {
                0 => ground.cut(true),
                1 => ground.cut(false),
                2..=4 => ground.terminate().await,
                _ => {}
            }
        };
        let looked = async {
            // As another program would come, between the others' transactions.
            after::stranger(storm, ground).await
        };
        let (judged, (), looked) = tokio::join!(requests, dies, looked);
        match looked {
            Some(Ok(())) => seen.looks += 1,
            Some(Err(strange)) => seen.strange.push(strange),
            None => {}
        }
        for judged in judged {
            match judged {
                None => seen.gone_away += 1,
                Some(Judged::Own) => seen.own += 1,
                Some(Judged::Nothing) => seen.nothing += 1,
                Some(Judged::Unavailable(code)) => *seen.unavailable.entry(code).or_default() += 1,
                Some(Judged::Foreign(what)) => seen.foreign.push(what),
                Some(Judged::Wrong(what)) => seen.wrong.push(what),
            }
        }
        let failed = ground.failed.load(Relaxed) - failed;
        if misfortune < 5 {
            ground.until_it_serves().await;
        }
        seen.excuse(misfortune < 5, failed, turned_away);
    }
    seen
}

impl Storm {
    fn new(guards: Guards, pool: usize, requests: usize) -> Self {
        Self { guards, pool, requests, binds_for_good: false }
    }
}

impl Seen {
    fn turned_away(&self) -> usize {
        self.unavailable.values().sum()
    }

    /// Nobody is turned away but whose own statement was made to fail, who was there when connections died, and who met a
    /// dead one afterwards.
    fn excuse(&mut self, was_misfortune: bool, failed: usize, turned_away_before: usize) {
        let turned_away = self.turned_away() - turned_away_before;
        if was_misfortune {
            (self.misfortunes, self.dead) = (self.misfortunes + 1, CONNECTIONS);
            return;
        }
        let unexplained = turned_away.saturating_sub(failed);
        if unexplained > self.dead {
            self.wrong.push(format!(
                "{turned_away} turned away, {failed} statements failed, {} connections dead",
                self.dead
            ));
        }
        self.dead = self.dead.saturating_sub(unexplained);
    }

    fn report(&self, storm: &Storm, ground: &Ground) -> String {
        let through = if ground.has_pooler() { "PgBouncer" } else { "NO POOLER, straight to Postgres" };
        format!(
            "guards {:?}, {through}, pool of {}: {} requests of {} people; {} answered with own rows, {} as if there were \
             nothing, {} went away half-way, told to come back {:?} ({} statements failed on the way, {} times \
             connections died); a stranger looked {} times and saw something {} times; {} foreign answers, {} wrong",
            storm.guards,
            storm.pool,
            storm.requests,
            ground.holdings.len(),
            self.own,
            self.nothing,
            self.gone_away,
            self.unavailable,
            ground.failed.load(Relaxed),
            self.misfortunes,
            self.looks,
            self.strange.len(),
            self.foreign.len(),
            self.wrong.len()
        )
    }
}
