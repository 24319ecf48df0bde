//! Spend caps: what is reserved for a question before any model is paid. The record of the question settles it.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{Params, Statement, Tenant};
use crate::{Error, Result, domain::ids::MessageId, error::Budget};

pub(super) static STATEMENTS: &[&Statement] = &[&RESERVE];

/// Caps in dollars, of a day and of a month: for the person, the workspace, everybody together. None is no cap.
pub type Limits = [Option<f64>; 6];

/// Reserves for the question the first of the offers (in dollars, the most first) that fits under all caps; answers it. It is
/// settled with the question's record, and after `lifetime` counts no more. None fits: the budget is exhausted.
pub async fn reserve(
    tenant: &Tenant,
    question: MessageId,
    offers: &[f64],
    limits: &Limits,
    lifetime: Duration,
) -> Result<f64> {
    let (limits, lifetime_s) = (limits.as_slice(), lifetime.as_secs_f64());
    let params: Params<'_> = &[&question.0, &offers, &limits, &lifetime_s];
    let row = tenant.query_opt(&RESERVE, params).await?;
    let row = row.ok_or_else(|| Error::Internal(anyhow::anyhow!("the reservation answered nothing")))?;
    if let Some(offer) = row.get::<_, Option<i32>>(0) {
        let offer = usize::try_from(offer).ok().and_then(|offer| offers.get(offer.checked_sub(1)?));
        return offer.copied().ok_or_else(|| Error::Internal(anyhow::anyhow!("no such offer was made")));
    }
    Err(Error::BudgetExhausted(Box::new(Budget {
        scope: row.get(1),
        period: row.get(2),
        limit_usd: row.get(3),
        left_usd: row.get(4),
        resets_at: row.get::<_, Timestamp>(5),
    })))
}

static RESERVE: Statement = Statement::new(
    "SELECT offer, scope, period, limit_usd, left_usd, resets_at FROM budget_reserve($1, $2, $3, $4)",
    &[Type::UUID, Type::FLOAT8_ARRAY, Type::FLOAT8_ARRAY, Type::FLOAT8],
);
