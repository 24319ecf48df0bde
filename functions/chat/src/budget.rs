//! What a question may spend on models: reserved before the first call, settled with the record.

use std::time::Duration;

use anyhow::ensure;
use shared::{
    Error, Result,
    db::budgets::{self, Limits},
    domain::caller::Caller,
    env::Env,
    llm::{Embeddings, Models, PRICES_OF},
};

use crate::{
    Chat,
    asked::{Asked, before},
};

/// Caps by setting, in the order of [`Limits`].
const SETTINGS: [&str; 6] = [
    "BUDGET_USD_PER_DAY_USER",
    "BUDGET_USD_PER_MONTH_USER",
    "BUDGET_USD_PER_DAY_WORKSPACE",
    "BUDGET_USD_PER_MONTH_WORKSPACE",
    "BUDGET_USD_PER_DAY_TOTAL",
    "BUDGET_USD_PER_MONTH_TOTAL",
];
/// How long a reservation counts after its question must have been answered; only one that nobody settled lasts so long.
const MARGIN: Duration = Duration::from_secs(30);

/// The operator's caps; none where none is set. A model without a price would make them meaningless.
pub fn limits(env: &Env, models: &Models, embeddings: &Embeddings) -> anyhow::Result<Option<Limits>> {
    let mut limits = Limits::default();
    for (limit, name) in limits.iter_mut().zip(SETTINGS) {
        if env.get(name).is_some() {
            *limit = Some(env.number(name, 0.0..=1e9)?);
        }
    }
    if limits == Limits::default() {
        return Ok(None);
    }
    let mut unpriced = models.unpriced();
    unpriced.extend(embeddings.unpriced());
    ensure!(
        unpriced.is_empty(),
        "a BUDGET_USD_… cap is set, and there is no price for {}: name it in MODEL_PRICES (NAME=0/0 for a model that costs nothing)",
        unpriced.join(", ")
    );
    tracing::info!("spend caps are set; they count prices of {PRICES_OF}, where MODEL_PRICES says no other");
    Ok(Some(limits))
}

/// Reserves the first of the offers (dollars, the most first) that the caps leave room for; where they leave none for the
/// smallest, an error says which cap and until when. Without caps nobody is asked.
pub async fn reserve(chat: &Chat, caller: &Caller, asked: &Asked, offers: &[f64]) -> Result<()> {
    let Some(limits) = &chat.settings.limits else { return Ok(()) };
    let has_reserved = asked.attempts.has_reserved();
    asked.attempts.reserving(true);
    let lifetime = chat.settings.request_timeout + MARGIN;
    let reserved = async {
        let tenant = chat.db.each(caller.into()).await?;
        budgets::reserve(&tenant, asked.message, offers, limits, lifetime).await
    };
    let reserved = before(asked.record_from(), Box::pin(reserved)).await;
    // Whatever else went wrong, it may be there.
    if let Err(Error::BudgetExhausted(_)) = reserved {
        asked.attempts.reserving(has_reserved);
    }
    asked.attempts.allow(reserved?);
    Ok(())
}
