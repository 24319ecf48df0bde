//! Conversations: their messages, and the record of each question.

use jiff::Timestamp;
use tokio_postgres::types::{Json, Type};

use super::{Params, Statement, Tenant};
use crate::{
    Result,
    domain::{answer::Answer, caller::Caller, ids::ConversationId},
};

pub(super) static STATEMENTS: &[&Statement] = &[&TURNS, &RECORD];

/// One question with its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Turn {
    /// What was asked.
    pub question: String,
    /// What was answered, as it was sent.
    pub answer: Answer,
    /// When.
    pub created_at: Timestamp,
}

/// The last `limit` turns of the person's conversation that came to their end, oldest first. None: there is no such
/// conversation of theirs.
pub async fn turns(tenant: &Tenant, id: ConversationId, limit: i64) -> Result<Option<Vec<Turn>>> {
    let params: Params<'_> = &[&id.0, &tenant.workspace(), &tenant.user(), &limit];
    let rows = tenant.query(&TURNS, params).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    // The conversation itself is one row without a message, so that an empty one is not taken for a missing one.
    let messages = rows.iter().rev().filter_map(|row| {
        let (question, Json(answer)) =
            (row.get::<_, Option<String>>(0)?, row.get::<_, Option<Json<Answer>>>(1)?);
        Some(Turn { question, answer, created_at: row.get(2) })
    });
    Ok(Some(messages.collect()))
}

static TURNS: Statement = Statement::new(
    "SELECT m.question, m.response, m.created_at FROM conversations c \
     LEFT JOIN messages m ON m.conversation_id = c.id AND m.workspace_id = c.workspace_id AND m.user_id = c.user_id \
     AND NOT m.response ? 'interrupted' \
     WHERE c.id = $1 AND c.workspace_id = $2 AND c.user_id = $3 ORDER BY m.created_at DESC LIMIT $4",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::INT8],
);

/// What is kept of a question besides the message: counts, never words.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// SHA-256 of the question.
    pub question_hash: [u8; 32],
    /// Passages found.
    pub passages: usize,
    /// Citations that the check rejected.
    pub rejected: u32,
}

/// Records a question: conversation, message, log and model call, in one statement.
pub async fn record(
    tenant: &Tenant,
    caller: &Caller,
    question: &str,
    answer: &Answer,
    log: &Log,
) -> Result<()> {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let milliseconds = answer.timings_ms;
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
        &answer.model.provider,
        &answer.model.name,
        &answer.usage.input_tokens.cast_signed(),
        &answer.usage.output_tokens.cast_signed(),
        &answer.usage.cost_usd,
        &milliseconds.model.cast_signed(),
    ];
    tenant.query(&RECORD, params).await.map(drop)
}

static RECORD: Statement = Statement::new(
    include_str!("../../sql/record.sql"),
    &[
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
        Type::INT4,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT4,
        Type::FLOAT8,
        Type::INT4,
    ],
);
