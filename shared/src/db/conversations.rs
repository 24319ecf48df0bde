//! Conversations: their messages, and the record of each question.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::types::{Json, Type};
use utoipa::ToSchema;

use super::{
    Params, Statement, Tenant,
    calls::{Calls, Spending, with_calls},
};
use crate::{
    Result,
    domain::{
        answer::Answer,
        caller::Caller,
        ids::{ConversationId, MessageId},
    },
};

pub(super) static STATEMENTS: &[&Statement] = &[&TURNS, &LIST, &MESSAGES, &DELETE, &RECORD];

/// The last `limit` questions of the person's conversation that were answered to the end, each with its answer's text, oldest
/// first. None: there is no such conversation of theirs.
pub async fn turns(tenant: &Tenant, id: ConversationId, limit: i64) -> Result<Option<Vec<(String, String)>>> {
    let params: Params<'_> = &[&id.0, &tenant.workspace(), &tenant.user(), &limit.max(1)];
    let rows = tenant.query(&TURNS, params).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    // The conversation itself is one row without a message, so that an empty one is not taken for a missing one.
    let turns = rows.iter().rev().filter_map(|row| Some((row.get::<_, Option<String>>(0)?, row.get(1))));
    Ok(Some(turns.collect()))
}

static TURNS: Statement = Statement::new(
    "SELECT m.question, m.response ->> 'answer' FROM conversations c \
     LEFT JOIN messages m ON m.conversation_id = c.id AND m.workspace_id = c.workspace_id AND m.user_id = c.user_id \
          AND m.response -> 'interrupted' IS DISTINCT FROM 'true' \
     WHERE c.id = $1 AND c.workspace_id = $2 AND c.user_id = $3 ORDER BY m.created_at DESC LIMIT $4",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::INT8],
);

/// A conversation as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The first 200 characters of what was asked first.
    pub question: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When the last question of it was answered.
    pub updated_at: Timestamp,
}

/// The person's conversations, newest first: at most `limit` of those begun before `before`.
pub async fn list(tenant: &Tenant, before: Option<ConversationId>, limit: i64) -> Result<Vec<Conversation>> {
    let before = before.map(|id| id.0);
    let params: Params<'_> = &[&tenant.workspace(), &tenant.user(), &before, &limit];
    let rows = tenant.query(&LIST, params).await?;
    let read = |row: &tokio_postgres::Row| Conversation {
        id: ConversationId(row.get(0)),
        question: row.get(1),
        created_at: row.get(2),
        updated_at: row.get(3),
    };
    Ok(rows.iter().map(read).collect())
}

// A conversation whose messages retention took is empty, and not worth listing.
static LIST: Statement = Statement::new(
    "SELECT c.id, first.question, c.created_at, last.created_at FROM conversations c \
     CROSS JOIN LATERAL (SELECT left(m.question, 200) AS question FROM messages m \
                          WHERE m.conversation_id = c.id AND m.workspace_id = $1 AND m.user_id = $2 \
                          ORDER BY m.created_at LIMIT 1) first \
     CROSS JOIN LATERAL (SELECT m.created_at FROM messages m \
                          WHERE m.conversation_id = c.id AND m.workspace_id = $1 AND m.user_id = $2 \
                          ORDER BY m.created_at DESC LIMIT 1) last \
     WHERE c.workspace_id = $1 AND c.user_id = $2 AND ($3::uuid IS NULL OR c.id < $3) ORDER BY c.id DESC LIMIT $4",
    &[Type::UUID, Type::TEXT, Type::UUID, Type::INT8],
);

/// One question with its answer.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ConversationMessage)]
pub struct Message {
    /// What was asked.
    pub question: String,
    /// When it was answered.
    pub created_at: Timestamp,
    /// What was answered, as it was sent.
    pub answer: Answer,
}

/// When the person's conversation began, and at most `limit` of its messages after `after`, oldest first. None: there is no
/// such conversation of theirs.
pub async fn messages(
    tenant: &Tenant,
    id: ConversationId,
    after: Option<MessageId>,
    limit: i64,
) -> Result<Option<(Timestamp, Vec<Message>)>> {
    let after = after.map(|id| id.0);
    let params: Params<'_> = &[&id.0, &tenant.workspace(), &tenant.user(), &after, &limit];
    let rows = tenant.query(&MESSAGES, params).await?;
    let Some(began) = rows.first().map(|row| row.get(0)) else { return Ok(None) };
    let messages = rows.iter().filter(|row| row.get::<_, Option<&str>>(1).is_some()).map(|row| {
        let Json(answer) = row.try_get(3).map_err(anyhow::Error::from)?;
        Ok(Message { question: row.get(1), created_at: row.get(2), answer })
    });
    Ok(Some((began, messages.collect::<Result<_>>()?)))
}

static MESSAGES: Statement = Statement::new(
    "SELECT c.created_at, m.question, m.created_at, m.response FROM conversations c \
     LEFT JOIN messages m ON m.conversation_id = c.id AND m.workspace_id = c.workspace_id AND m.user_id = c.user_id \
          AND ($4::uuid IS NULL OR m.id > $4) \
     WHERE c.id = $1 AND c.workspace_id = $2 AND c.user_id = $3 ORDER BY m.id LIMIT $5",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::UUID, Type::INT8],
);

/// Deletes the person's conversation with its messages.
pub async fn delete(tenant: &Tenant, id: ConversationId) -> Result<bool> {
    Ok(tenant.query_opt(&DELETE, &[&id.0, &tenant.workspace(), &tenant.user()]).await?.is_some())
}

static DELETE: Statement = Statement::new(
    "DELETE FROM conversations WHERE id = $1 AND workspace_id = $2 AND user_id = $3 RETURNING id",
    &[Type::UUID, Type::UUID, Type::TEXT],
);

/// What is kept of a question besides the message: counts, never words.
#[derive(Clone, Debug)]
pub struct Log {
    /// SHA-256 of the question.
    pub question_hash: [u8; 32],
    /// Passages found.
    pub passages: usize,
    /// Citations that the check rejected.
    pub rejected: u32,
    /// What it spent on models.
    pub spending: Spending,
}

/// Records a question: conversation, message, log and model calls, and settles what was reserved, in one statement.
pub async fn record(
    tenant: &Tenant,
    caller: &Caller,
    question: &str,
    answer: &Answer,
    log: &Log,
) -> Result<()> {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let milliseconds = answer.timings_ms;
    let calls = Calls::of(&log.spending);
    let params: Params<'_> = &[
        &caller.workspace.id.0,
        &caller.workspace.kind,
        &caller.workspace.external_id,
        &caller.user.as_str(),
        &answer.conversation_id.0,
        &answer.id.0,
        &question,
        &Json(answer),
        &log.question_hash.as_slice(),
        &count(log.passages),
        &count(answer.citations.len()),
        &log.rejected.cast_signed(),
        &answer.refused,
        &answer.degraded,
        &milliseconds.search.cast_signed(),
        &milliseconds.total.cast_signed(),
    ];
    tenant.query(&RECORD, &[params, &calls.columns(), &calls.sum()].concat()).await.map(drop)
}

static RECORD: Statement = Statement::new(
    include_str!("../../sql/record.sql"),
    with_calls![
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::JSONB,
        Type::BYTEA,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::BOOL,
        Type::TEXT_ARRAY,
        Type::INT4,
        Type::INT4;
        Type::FLOAT8,
        Type::FLOAT8_ARRAY
    ],
);
