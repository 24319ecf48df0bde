//! Opening a connection: from the settings as they are now, so that a rotated password needs no restart.

use std::{future::Future, pin::Pin};

use anyhow::Context;
use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::CONNECT_TIMEOUT;
use crate::{env::Env, tls};

/// Connects by what a setting says at that moment.
pub struct FromSettings {
    env: Env,
    setting: &'static str,
    /// What the setting said at start: stands in should a later secret hold nonsense.
    first: Config,
    tls: ClientConfig,
}

impl FromSettings {
    /// Fails where the setting is missing or is no Postgres URL.
    pub fn new(env: &Env, setting: &'static str) -> anyhow::Result<Self> {
        let authorities =
            env.path("DATABASE_CA_FILE").map(std::fs::read).transpose().context("read DATABASE_CA_FILE")?;
        let tls = match authorities {
            Some(pem) => tls::client_config_with(&pem)?,
            None => tls::client_config()?,
        };
        Ok(Self { env: env.clone(), setting, first: config(env, setting)?, tls })
    }

    async fn open(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let config = config(&self.env, self.setting).unwrap_or_else(|_| self.first.clone());
        let (client, connection) = config.connect(MakeRustlsConnect::new(self.tls.clone())).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(error = %error, "lost a database connection");
            }
        });
        Ok((client, task))
    }
}

impl deadpool_postgres::Connect for FromSettings {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async move {
            let used = self.env.get(self.setting);
            let error = match self.open().await {
                Err(error) if refused(&error) => error,
                other => return other,
            };
            // One forced refresh, one retry: the password may have been rotated since we read it.
            if let Err(fetch) = self.env.fetch_secret().await {
                tracing::warn!(error = %fetch, "could not refresh the secret after a refused password");
            }
            if self.env.get(self.setting) == used { Err(error) } else { self.open().await }
        })
    }
}

fn refused(error: &Error) -> bool {
    let codes = [&SqlState::INVALID_PASSWORD, &SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
    error.code().is_some_and(|code| codes.contains(&code))
}

fn config(env: &Env, setting: &'static str) -> anyhow::Result<Config> {
    // The driver's own message could show a piece of the URL, and with it the password.
    let parsed = env.require(setting)?.parse::<Config>();
    let mut config = parsed.map_err(|_| anyhow::anyhow!("{setting} is no Postgres URL"))?;
    config.connect_timeout(CONNECT_TIMEOUT).application_name("footnote");
    Ok(config)
}
