//! Whether a question's answer is there already: in this process's memory, in the database, in Redis. And if it is not, whose
//! it is to have it written, so that a question that many ask at once is paid for once.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use shared::{
    Error,
    db::{self, Scope, answers},
    domain::{
        answer::{Answer, Timings},
        caller::Caller,
        kept::{Kept, Key, is_keepable},
        prompt,
        verify::Event,
    },
};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{
    Chat,
    asked::{Asked, before, elapsed_ms},
    cache::{Entered, Seat},
    outlet::Outlet,
    record::record,
};

/// The part of a request's time that it waits for somebody else's answer to the same question. What is left is enough for one
/// of its own.
const WAIT_SHARE: f64 = 0.5;
/// How long to wait before looking again whether another process has the answer: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(800));

/// An answer that was given before.
pub struct Again {
    kept: Kept,
    tier: Tier,
}

/// Where it was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tier {
    Memory,
    Database,
    Redis,
}

/// What ends the work on a question before it has begun.
pub enum Instead {
    /// The answer is there.
    Kept(Box<Again>),
    /// There will be none.
    Fault(Error),
}

impl From<Error> for Instead {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

/// The right to have a question's answer written. Whatever ends it, the next one in takes over.
pub struct Work {
    key: Key,
    db: db::Pool,
    scope: Scope,
    /// Keeps this process's other requests for the same answer waiting.
    seat: Option<Seat>,
    /// Keeps those of other processes waiting.
    claim: Option<Claim>,
    /// What Redis said when it had no answer either.
    erasures: Option<String>,
}

#[derive(Clone, Copy)]
struct Claim {
    id: Uuid,
    corpus_version: i64,
}

/// The answer where this process knows it; else the work on it. Neither, but a place beside: whoever has the work takes too
/// long. Questions of a conversation are answered anew, because their answers depend on it; and without a model an answer
/// costs less than keeping it.
pub async fn enter(chat: &Chat, caller: &Caller, asked: &Asked) -> Result<Option<Work>, Instead> {
    // Nothing degraded is kept, and without vectors all answers are.
    if asked.continues || chat.models.is_empty() || chat.settings.vector_search_disabled {
        return Ok(None);
    }
    let key = key(chat, caller, asked);
    loop {
        let known = match chat.cache.enter(key, asked.part(WAIT_SHARE)).await {
            Entered::Known(known) => known,
            Entered::Seat(seat) => {
                let (db, scope, seat) = (chat.db.clone(), caller.into(), Some(seat));
                return Ok(Some(Work { key, db, scope, seat, claim: None, erasures: None }));
            }
            Entered::Alone => return Ok(None),
        };
        let opened = before(asked.record_from(), Box::pin(open(chat, caller, &key, Some(&known), None)));
        match opened.await? {
            answers::Opened::Known => return Err(Instead::kept(*known, Tier::Memory)),
            answers::Opened::Kept(kept) => {
                chat.cache.know(key, (*kept).clone(), now());
                return Err(Instead::kept(*kept, Tier::Database));
            }
            _ => chat.cache.forget(&key),
        }
    }
}

/// The answer where the database keeps it; else the claim to have it written. While another process has that, this one waits,
/// and goes on without it in the end.
pub async fn claim(
    chat: &Chat,
    caller: &Caller,
    asked: &Asked,
    work: Option<&mut Work>,
) -> Result<(), Instead> {
    let Some(work) = work else { return Ok(()) };
    let (id, mut pause) = (Uuid::now_v7(), PAUSES.0);
    loop {
        let stands = asked.deadline().saturating_duration_since(Instant::now());
        let claim = Some(answers::Claim { id, stands });
        let opened =
            before(asked.record_from(), Box::pin(open(chat, caller, &work.key, None, claim))).await?;
        match opened {
            answers::Opened::Ours(corpus_version) => {
                work.claim = Some(Claim { id, corpus_version });
                return Ok(());
            }
            answers::Opened::Kept(kept) => {
                chat.cache.know(work.key, (*kept).clone(), now());
                return Err(Instead::kept(*kept, Tier::Database));
            }
            _ if Instant::now() + pause > asked.part(WAIT_SHARE) => return Ok(()),
            _ => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// The answer where Redis keeps it, of the version that the claim is for, and its citations hold.
pub async fn look_up(
    chat: &Chat,
    caller: &Caller,
    asked: &Asked,
    work: Option<&mut Work>,
) -> Result<(), Instead> {
    let Some(work) = work else { return Ok(()) };
    let (Some(claim), Some(redis)) = (work.claim, &chat.cache.redis) else { return Ok(()) };
    let Ok(found) = redis.find(caller.workspace.id, &work.key, now()).await else { return Ok(()) };
    work.erasures = Some(found.erasures);
    let Some(kept) = found.kept.filter(|kept| kept.corpus_version == claim.corpus_version) else {
        return Ok(());
    };
    let holds = async {
        let tenant = chat.db.each(caller.into()).await?;
        answers::holds(&tenant, &kept).await
    };
    if !before(asked.record_from(), Box::pin(holds)).await? {
        return Ok(());
    }
    chat.cache.know(work.key, kept.clone(), now());
    Err(Instead::kept(kept, Tier::Redis))
}

/// Keeps the answer wherever it is looked for, if it is worth it; and lets the next one in. What fails here costs the next one
/// who asks, and nobody an answer.
pub async fn keep(chat: &Chat, caller: &Caller, asked: &Asked, work: Option<Work>, answer: Option<Answer>) {
    let Some(mut work) = work else { return };
    let Some(claim) = work.claim else { return };
    let Some(answer) = answer else {
        if let Some(released) = work.release() {
            before(asked.deadline(), Box::pin(released)).await.ok();
        }
        return;
    };
    let mut kept = Kept { corpus_version: claim.corpus_version, written_at: now(), answer };
    chat.cache.know(work.key, kept.clone(), kept.written_at);
    // Who waits in this process need not wait for the other tiers.
    work.seat = None;
    let keeping = async {
        let tenant = chat.db.each(caller.into()).await?;
        answers::keep(&tenant, &work.key, claim.id, claim.corpus_version, &kept.answer).await
    };
    match before(asked.deadline(), Box::pin(keeping)).await {
        Ok(Some(written_at)) => kept.written_at = written_at,
        // What it rests on has changed meanwhile.
        Ok(None) => return,
        Err(error) => {
            let error = anyhow::Error::new(error);
            return tracing::warn!(error = format!("{error:#}"), "an answer could not be kept");
        }
    }
    work.claim = None;
    if let (Some(redis), Some(erasures)) = (&chat.cache.redis, &work.erasures) {
        redis.keep(caller.workspace.id, &work.key, &kept, erasures).await.ok();
    }
}

/// A copy of the answer, where it is worth keeping.
pub fn worth_keeping(work: Option<&Work>, answer: &Answer) -> Option<Answer> {
    (work.is_some() && is_keepable(answer)).then(|| answer.clone())
}

/// Gives the answer again: as a message of its own, told and recorded like any other.
pub async fn repeat(chat: &Chat, caller: &Caller, asked: &Asked, again: Again, outlet: &Outlet) -> Answer {
    let search = elapsed_ms(asked.started);
    let mut answer = again.kept.again(asked.message, asked.conversation);
    let citations = answer.citations.iter().cloned().map(Event::Citation);
    let told: Vec<Event> = citations.chain([Event::Text(answer.answer.clone())]).collect();
    answer.interrupted = outlet.tell(told).await.is_err();
    // A vector may have been under way when the answer was found.
    answer.usage = asked.attempts.usage();
    answer.timings_ms = Timings { search, model: 0, total: elapsed_ms(asked.started) };
    record(chat, caller, asked, 0, 0, &mut answer).await;
    tracing::info!(
        event = "chat_request",
        cached = ?again.tier,
        citations = answer.citations.len(),
        refused = answer.refused,
        interrupted = answer.interrupted,
        provider = answer.model.provider,
        duration_ms = answer.timings_ms.total,
        "answered a question again"
    );
    answer
}

impl Instead {
    fn kept(kept: Kept, tier: Tier) -> Self {
        Self::Kept(Box::new(Again { kept, tier }))
    }
}

impl Work {
    /// Gives back the claim, if nothing was written under it.
    fn release(&mut self) -> Option<impl Future<Output = shared::Result<()>> + use<>> {
        let claim = self.claim.take()?;
        let (db, scope, key) = (self.db.clone(), self.scope.clone(), self.key);
        Some(async move { answers::release(&db.each(scope).await?, &key, claim.id).await })
    }
}

impl Drop for Work {
    /// Whoever drops this may itself be going away: the claim is given back in the background.
    fn drop(&mut self) {
        if let (Some(released), Ok(runtime)) = (self.release(), Handle::try_current()) {
            runtime.spawn(released);
        }
    }
}

/// The question's name, with everything that its answer depends on but the version of what is searchable.
fn key(chat: &Chat, caller: &Caller, asked: &Asked) -> Key {
    let settings = &chat.settings;
    let workspace = caller.workspace.id.0.to_string();
    let rules = format!(
        "{} {} {:?} {} {} {}",
        asked.top_k,
        settings.threshold,
        settings.fusion,
        settings.prompt_tokens,
        settings.simplified,
        settings.vector_search_disabled
    );
    let rest = [
        workspace.as_str(),
        &chat.models.names(),
        chat.embeddings.name(),
        &rules,
        prompt::VERSION,
        // How answers are checked and what they hold changes with the release.
        env!("CARGO_PKG_VERSION"),
    ];
    Key::new(asked.question.as_str(), &asked.filters, &rest)
}

async fn open(
    chat: &Chat,
    caller: &Caller,
    key: &Key,
    known: Option<&Kept>,
    claim: Option<answers::Claim>,
) -> shared::Result<answers::Opened> {
    let tenant = chat.db.each(caller.into()).await?;
    answers::open(&tenant, key, known, claim).await
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the age of an answer counts from here")]
    Timestamp::now()
}
