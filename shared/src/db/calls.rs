//! Calls of models, as they are booked: a row each, and what they came to under the caps.

use tokio_postgres::types::{ToSql, Type};

use super::{Statement, Tenant, budgets::Limits};
use crate::{
    Result,
    domain::{
        attempt::Attempt,
        ids::{DocumentId, MessageId},
    },
};

pub(super) static STATEMENTS: &[&Statement] = &[&RECORD_CALLS, &BOOK_FOR_DOCUMENT];

/// The types of a statement's parameters of which some are [`Calls::columns`].
macro_rules! with_calls {
    ($($before:expr),*; $($after:expr),*) => {
        &[
            $($before,)*
            Type::TEXT_ARRAY,
            Type::TEXT_ARRAY,
            Type::TEXT_ARRAY,
            Type::INT4_ARRAY,
            Type::INT4_ARRAY,
            Type::BOOL_ARRAY,
            Type::FLOAT8_ARRAY,
            Type::INT4_ARRAY,
            $($after,)*
        ]
    };
}
pub(super) use with_calls;

/// What was spent on models.
#[derive(Clone, Debug)]
pub struct Spending {
    /// Every call that it took, in order.
    pub attempts: Vec<Attempt>,
    /// The caps under which something may have been reserved for it; none: nothing was.
    pub limits: Option<Limits>,
}

/// Records the calls of a question that gets no answer, and settles what was reserved.
pub async fn record(tenant: &Tenant, question: MessageId, spending: &Spending) -> Result<()> {
    let calls = Calls::of(spending);
    let whose: &[&(dyn ToSql + Sync)] = &[&question.0, &tenant.workspace(), &tenant.user()];
    tenant.query(&RECORD_CALLS, &[whose, &calls.columns(), &calls.sum()].concat()).await.map(drop)
}

static RECORD_CALLS: Statement = Statement::new(
    include_str!("../../sql/record_calls.sql"),
    with_calls![Type::UUID, Type::UUID, Type::TEXT; Type::FLOAT8, Type::FLOAT8_ARRAY],
);

/// Books the calls that were made for a document, as its owner's. One that is gone by now took its books along.
pub async fn book_for_document(tenant: &Tenant, document: DocumentId, attempts: Vec<Attempt>) -> Result<()> {
    let spending = Spending { attempts, limits: None };
    let calls = Calls::of(&spending);
    let whose: &[&(dyn ToSql + Sync)] = &[&document.0];
    tenant.query(&BOOK_FOR_DOCUMENT, &[whose, &calls.columns()].concat()).await.map(drop)
}

static BOOK_FOR_DOCUMENT: Statement =
    Statement::new("SELECT job_book_calls($1, $2, $3, $4, $5, $6, $7, $8, $9)", with_calls![Type::UUID;]);

/// Calls of models, a column each.
pub(super) struct Calls<'a> {
    providers: Vec<&'a str>,
    models: Vec<&'a str>,
    outcomes: Vec<&'a str>,
    input_tokens: Vec<i32>,
    output_tokens: Vec<i32>,
    estimated: Vec<bool>,
    costs_usd: Vec<f64>,
    latencies_ms: Vec<i32>,
    spent_usd: f64,
    limits: Option<&'a [Option<f64>]>,
}

impl<'a> Calls<'a> {
    pub fn of(Spending { attempts, limits }: &'a Spending) -> Self {
        fn column<'a, T>(attempts: &'a [Attempt], of: impl Fn(&'a Attempt) -> T) -> Vec<T> {
            attempts.iter().map(of).collect()
        }
        Self {
            providers: column(attempts, |attempt| attempt.provider.as_str()),
            models: column(attempts, |attempt| attempt.model.as_str()),
            outcomes: column(attempts, |attempt| attempt.outcome.name()),
            input_tokens: column(attempts, |attempt| attempt.input_tokens.cast_signed()),
            output_tokens: column(attempts, |attempt| attempt.output_tokens.cast_signed()),
            estimated: column(attempts, |attempt| attempt.estimated),
            costs_usd: column(attempts, |attempt| attempt.cost_usd),
            latencies_ms: column(attempts, |attempt| attempt.latency_ms.cast_signed()),
            spent_usd: attempts.iter().map(|attempt| attempt.cost_usd).sum(),
            limits: limits.as_ref().map(Limits::as_slice),
        }
    }

    /// Each call, spread over eight arrays.
    pub fn columns(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.providers,
            &self.models,
            &self.outcomes,
            &self.input_tokens,
            &self.output_tokens,
            &self.estimated,
            &self.costs_usd,
            &self.latencies_ms,
        ]
    }

    /// Dollars in all, and the caps that they count for.
    pub fn sum(&self) -> [&(dyn ToSql + Sync); 2] {
        [&self.spent_usd, &self.limits]
    }
}
