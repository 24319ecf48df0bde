//! A statement with the types of its parameters, and the list of all of them.

use anyhow::ensure;
use tokio_postgres::types::{ToSql, Type};

use super::{
    Params, answers, audit, budgets, calls, conversations, documents, embeddings, idempotency, jobs, pages,
    renewal, search, users,
};

/// SQL and the types of its parameters: typed statements need no name and no extra round trip.
#[derive(Debug)]
pub struct Statement {
    /// The SQL.
    pub sql: &'static str,
    /// The type of `$1`, `$2` …
    pub types: &'static [Type],
}

impl Statement {
    /// A statement.
    pub const fn new(sql: &'static str, types: &'static [Type]) -> Self {
        Self { sql, types }
    }

    /// Each parameter with its type.
    pub(crate) fn bind<'a>(&self, params: Params<'a>) -> anyhow::Result<Vec<(&'a (dyn ToSql + Sync), Type)>> {
        ensure!(
            params.len() == self.types.len(),
            "a statement got {} parameters: {}",
            params.len(),
            self.sql
        );
        Ok(params.iter().copied().zip(self.types.iter().cloned()).collect())
    }
}

/// Whether the database answers.
pub static PING: Statement = Statement::new("SELECT 1", &[]);

/// Every statement of the bundle, for the test that prepares each against the migrated schema.
pub static STATEMENTS: &[&[&Statement]] = &[
    &[&PING],
    answers::STATEMENTS,
    audit::STATEMENTS,
    budgets::STATEMENTS,
    calls::STATEMENTS,
    conversations::STATEMENTS,
    documents::STATEMENTS,
    embeddings::STATEMENTS,
    idempotency::STATEMENTS,
    jobs::STATEMENTS,
    pages::STATEMENTS,
    renewal::STATEMENTS,
    search::STATEMENTS,
    users::STATEMENTS,
];
