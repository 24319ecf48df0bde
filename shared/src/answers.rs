//! Answers kept in Redis for an hour, each workspace's apart, so that all of them can be erased at once.

use std::{sync::LazyLock, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    domain::{
        caller::WorkspaceId,
        hash::hex,
        kept::{AGE_MAX, Kept, Key},
    },
    env::Env,
    redis::{
        Away, Redis,
        upstash::{Failure, Script},
    },
};

/// The answers of all workspaces. Cloning shares the connection.
#[derive(Clone)]
pub struct Answers(Redis);

/// What is there for a question.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The answer, if there is one.
    pub kept: Option<Kept>,
    /// How often the workspace's answers were erased of late: what is written on that ground is kept only if they were not
    /// erased again meanwhile.
    pub erasures: String,
}

impl Answers {
    /// None where no Redis is set.
    pub fn connect(env: &Env) -> anyhow::Result<Option<Self>> {
        Ok(Redis::connect(env)?.map(Self))
    }

    /// What is there for the question.
    pub async fn find(&self, workspace: WorkspaceId, key: &Key, now: Timestamp) -> Result<Found, Away> {
        let [_, present, past] = hours(workspace, now);
        let field = hex(&key.0);
        let get = |hour: String| vec!["HGET".to_owned(), hour, field.clone()];
        let commands = [get(present), get(past), vec!["GET".to_owned(), erasures(workspace)]];
        let answers = self.0.ask(async |redis, timeout| {
            let answers = redis.pipeline(&commands, timeout).await?;
            answers.into_iter().collect::<Result<Vec<Value>, Failure>>()
        });
        let answers = answers.await?;
        let texts = || answers.iter().map(Value::as_str);
        let kept = texts().take(2).flatten().filter_map(|text| serde_json::from_str::<Kept>(text).ok());
        // An hour's answers are kept together, so that Redis does not know how old each is.
        let kept = kept.filter(|kept| !kept.left(now).is_zero()).max_by_key(|kept| kept.written_at);
        Ok(Found { kept, erasures: texts().nth(2).flatten().unwrap_or("0").to_owned() })
    }

    /// Keeps an answer, unless the workspace's were erased since `erasures` was read.
    pub async fn keep(
        &self,
        workspace: WorkspaceId,
        key: &Key,
        kept: &Kept,
        erasures_then: &str,
    ) -> Result<(), Away> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(KEEP));
        // Only numbers and texts: nothing that could fail.
        let text = serde_json::to_string(kept).unwrap_or_default();
        let [_, present, _] = hours(workspace, kept.written_at);
        let keys = [present, erasures(workspace)];
        let arguments = [erasures_then.to_owned(), hex(&key.0), text, AGE_MAX.as_secs().to_string()];
        let kept = self.0.ask(async |redis, timeout| redis.script(&SCRIPT, &keys, &arguments, timeout).await);
        kept.await.map(drop)
    }

    /// Erases all answers of the workspace, and refuses those that are being written just now. They are of a version that is
    /// no longer searchable, so that none is ever given again; where Redis is away, the last one ends by itself within two hours.
    pub async fn erase(&self, workspace: WorkspaceId, now: Timestamp) {
        let counter = erasures(workspace);
        let expiry = (2 * AGE_MAX.as_secs()).to_string();
        let [next, present, past] = hours(workspace, now);
        let commands = [
            vec!["INCR".to_owned(), counter.clone()],
            vec!["EXPIRE".to_owned(), counter, expiry],
            // The next hour's too: the clocks of processes differ.
            vec!["DEL".to_owned(), next, present, past],
        ];
        let erased = self.0.ask(async |redis, timeout| {
            let answers = redis.pipeline(&commands, timeout).await?;
            answers.into_iter().collect::<Result<Vec<Value>, Failure>>()
        });
        if let Err(away) = erased.await {
            tracing::warn!(reason = %away, "answers of an earlier version stay in Redis until they expire: {away}");
        }
    }
}

/// KEYS: the hour's answers, the workspace's erasures. ARGV: erasures then, field, answer, seconds to live.
const KEEP: &str = "if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end \
                    redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) redis.call('EXPIRE', KEYS[1], ARGV[4]) return 1";

/// The keys of the answers written in the next hour, in this one, and in the one before: what expires can be no smaller than
/// a key, and one for all hours would never expire. The braces keep a workspace's keys on one node of a cluster.
fn hours(workspace: WorkspaceId, at: Timestamp) -> [String; 3] {
    let hour = at.as_second().div_euclid(3_600);
    [1, 0, -1].map(|after| format!("footnote:answers:{{{}}}:{}", workspace.0, hour + after))
}

fn erasures(workspace: WorkspaceId) -> String {
    format!("footnote:answers:{{{}}}:erasures", workspace.0)
}

const _: () =
    assert!(AGE_MAX.as_secs() == Duration::from_hours(1).as_secs(), "two keys hold all that is young enough");
