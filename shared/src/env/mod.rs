//! Settings: the one place that reads environment variables, and the secret that fills in what they leave open.
//! What the environment sets, the secret never overrides.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use secrecy::SecretString;
use tokio::sync::Mutex;

mod settings;

pub use settings::{SETTINGS, Setting};

/// The secret is fetched again at most this often, so that a wrong password does not become a request storm.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// What operators turn while requests are served: a wrong word there must not take effect.
const SWITCHES: [&str; 3] = ["MAINTENANCE_MODE", "DISABLE_CHAT", "DISABLE_UPLOADS"];

/// Every setting of this process. Cloning shares it.
#[derive(Clone)]
pub struct Env(Arc<Inner>);

struct Inner {
    set: HashMap<&'static str, String>,
    secret: RwLock<HashMap<String, String>>,
    refresh: Mutex<Refresh>,
    /// What a later version of the secret changed, until it is told.
    change: RwLock<Option<SettingsChange>>,
}

/// Settings that say something else since the secret was fetched again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettingsChange {
    /// The secret's version, as Secrets Manager names it.
    pub version: Option<String>,
    /// Their names; never what they say.
    pub names: BTreeSet<&'static str>,
}

#[derive(Default)]
struct Refresh {
    /// When the secret was last fetched.
    fetched: Option<Instant>,
    /// When it was last fetched again, or tried to.
    tried_again: Option<Instant>,
}

impl Refresh {
    fn too_soon(&self, pause: Duration) -> bool {
        self.tried_again.is_some_and(|at| at.elapsed() < pause)
    }
}

impl Env {
    /// Reads the environment. Empty variables count as unset.
    pub fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let read = |setting: &Setting| std::env::var(setting.name).ok().map(|value| (setting.name, value));
        Self::new(SETTINGS.iter().filter_map(read))
    }

    /// Settings from pairs, for tests and tools. Names that are not in [`SETTINGS`] are passed over.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let known =
            |name: &str| SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.name);
        Self::new(pairs.into_iter().filter_map(|(name, value)| Some((known(name)?, value))))
    }

    fn new(pairs: impl Iterator<Item = (&'static str, String)>) -> Self {
        Self(Arc::new(Inner {
            set: pairs.filter(|(_, value)| !value.trim().is_empty()).collect(),
            secret: RwLock::default(),
            refresh: Mutex::default(),
            change: RwLock::default(),
        }))
    }

    /// The setting's value: the environment's, else the secret's, else its default.
    pub fn get(&self, name: &'static str) -> Option<String> {
        if let Some(value) = self.0.set.get(name) {
            return Some(value.clone());
        }
        if let Some(value) = self.0.secret.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(value.clone());
        }
        SETTINGS.iter().find(|setting| setting.name == name)?.default.map(str::to_owned)
    }

    /// A setting without which the process cannot work.
    pub fn require(&self, name: &'static str) -> anyhow::Result<String> {
        self.get(name).with_context(|| format!("{name} is not set; .env.example says what it is"))
    }

    /// A secret setting, if it is there.
    pub fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }

    /// A setting that names a file or a folder.
    pub fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The address of an HTTP service, if it is there.
    pub fn url(&self, name: &'static str) -> anyhow::Result<Option<String>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let parsed = text.parse::<reqwest::Url>().ok();
        // The message leaves the value out: an address may hold a password.
        parsed
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .with_context(|| format!("{name} is no http or https URL"))?;
        Ok(Some(text))
    }

    /// A switch: `true` or `false`, nothing else.
    pub fn flag(&self, name: &'static str) -> anyhow::Result<bool> {
        match self.get(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => bail!("{name} must be true or false, not {other:?}"),
        }
    }

    /// A number within `range`, both ends included.
    pub fn number<T>(&self, name: &'static str, range: std::ops::RangeInclusive<T>) -> anyhow::Result<T>
    where
        T: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let text = self.require(name)?;
        let number = text.parse::<T>().ok().filter(|number| range.contains(number));
        number.with_context(|| {
            format!("{name} must be a number from {} to {}, not {text:?}", range.start(), range.end())
        })
    }

    /// A comma-separated list; empty where the setting is not set.
    pub fn list(&self, name: &'static str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Whether a secret is configured that [`Self::fetch_secret`] would fetch.
    pub fn has_secret(&self) -> bool {
        self.0.set.contains_key("SECRETS_ID")
    }

    /// Whether the settings that are read with every request are well-formed; the others are read where they are needed first.
    pub fn check(&self) -> anyhow::Result<()> {
        SWITCHES.iter().try_for_each(|name| self.flag(name).map(drop))?;
        self.secret_lifetime().map(drop)
    }

    fn secret_lifetime(&self) -> anyhow::Result<Duration> {
        self.number("SECRETS_TTL_S", 1..=86_400).map(Duration::from_secs)
    }

    /// Begins to fetch the secret again where it is older than `SECRETS_TTL_S`; nobody waits for it.
    pub fn keep_fresh(&self) {
        if !self.has_secret() {
            return;
        }
        // Locked: someone is at it.
        let Ok(refresh) = self.0.refresh.try_lock() else { return };
        let lifetime = self.secret_lifetime().unwrap_or(REFRESH_INTERVAL);
        if refresh.too_soon(lifetime.min(REFRESH_INTERVAL))
            || refresh.fetched.is_none_or(|at| at.elapsed() < lifetime)
        {
            return;
        }
        drop(refresh);
        let env = self.clone();
        tokio::spawn(async move {
            if let Err(error) = env.fetch_secret().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the secret was not refreshed; the old one counts on"
                );
            }
        });
    }

    /// Fetches the secret; again at most every ten seconds, for when a credential was refused. Where nothing is fetched,
    /// another caller may have done it just now: what a setting says then is what counts.
    pub async fn fetch_secret(&self) -> anyhow::Result<()> {
        let Some(id) = self.0.set.get("SECRETS_ID") else { return Ok(()) };
        let pause =
            self.secret_lifetime().map_or(REFRESH_INTERVAL, |lifetime| lifetime.min(REFRESH_INTERVAL));
        let mut refresh = self.0.refresh.lock().await;
        if refresh.fetched.is_some() {
            if refresh.too_soon(pause) {
                return Ok(());
            }
            refresh.tried_again = Some(Instant::now());
        }
        let (version, fetched) = fetch(self, id).await?;
        let known = {
            let mut secret = self.0.secret.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *secret, fetched.clone())
        };
        if refresh.fetched.replace(Instant::now()).is_some() {
            self.note_change(version, &known, &fetched);
        }
        Ok(())
    }

    /// What later versions of the secret changed; told once.
    pub fn take_change(&self) -> Option<SettingsChange> {
        // Asked with every use of the database, and nearly always nothing: readers do not wait for one another.
        self.0.change.read().unwrap_or_else(PoisonError::into_inner).as_ref()?;
        self.0.change.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What the environment sets did not change, whatever the secret says.
    fn note_change(
        &self,
        version: Option<String>,
        before: &HashMap<String, String>,
        now: &HashMap<String, String>,
    ) {
        let changed = SETTINGS.iter().map(|setting| setting.name);
        let changed =
            changed.filter(|name| !self.0.set.contains_key(name) && before.get(*name) != now.get(*name));
        let names: BTreeSet<&str> = changed.collect();
        if names.is_empty() {
            return;
        }
        tracing::info!(
            event = "settings_changed",
            ?names,
            "the secret was fetched again: {} settings changed",
            names.len()
        );
        let mut slot = self.0.change.write().unwrap_or_else(PoisonError::into_inner);
        let change = slot.get_or_insert_default();
        change.version = version;
        change.names.extend(names);
    }
}

/// The secret's current version and its name: a JSON object of setting names. The stage is always asked for by name, because a
/// version that is being rotated in must not be used before it is current.
async fn fetch(env: &Env, id: &str) -> anyhow::Result<(Option<String>, HashMap<String, String>)> {
    let config = crate::tls::aws_config(env).await?;
    let client = aws_sdk_secretsmanager::Client::new(&config);
    let request = client.get_secret_value().secret_id(id).version_stage("AWSCURRENT");
    let answer = request.send().await.with_context(|| format!("fetch the secret {id}"))?;
    let text = answer.secret_string().with_context(|| format!("the secret {id} is not text"))?;
    // The parse error would show a piece of the secret.
    let mut members: HashMap<String, String> = serde_json::from_str(text).map_err(|error| {
        anyhow::anyhow!("the secret {id} is no JSON object of texts (line {})", error.line())
    })?;
    members.retain(|_, value| !value.trim().is_empty());
    for name in SWITCHES {
        let word = members.get(name).is_none_or(|value| matches!(value.as_str(), "true" | "false"));
        anyhow::ensure!(word, "the secret {id}: {name} must be true or false");
    }
    Ok((answer.version_id().map(str::to_owned), members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&'static str, &str)]) -> Env {
        Env::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())))
    }

    #[test]
    fn empty_is_unset_and_unset_is_the_default() {
        assert_eq!(env(&[("LOG_LEVEL", " ")]).get("LOG_LEVEL").as_deref(), Some("info"));
        assert_eq!(env(&[("LOG_LEVEL", "debug")]).get("LOG_LEVEL").as_deref(), Some("debug"));
    }

    #[test]
    fn a_typo_is_said_and_not_hidden_by_a_default() {
        let error = env(&[("STRICT_QUERY", "yes")]).flag("STRICT_QUERY").unwrap_err().to_string();
        assert_eq!(error, "STRICT_QUERY must be true or false, not \"yes\"");
        let error = env(&[("TOP_K", "many")]).number("TOP_K", 1..=50).unwrap_err().to_string();
        assert_eq!(error, "TOP_K must be a number from 1 to 50, not \"many\"");
    }

    #[test]
    fn an_address_is_one_of_http_and_is_not_shown() {
        for bad in ["clerk.example.com", "ftp://a:secret@example.com", "//example.com", "https://"] {
            let error = env(&[("CLERK_ISSUER", bad)]).url("CLERK_ISSUER").unwrap_err().to_string();
            assert_eq!(error, "CLERK_ISSUER is no http or https URL");
        }
        let issuer = env(&[("CLERK_ISSUER", "https://clerk.example.com")]).url("CLERK_ISSUER").unwrap();
        assert_eq!(issuer.as_deref(), Some("https://clerk.example.com"));
        assert_eq!(env(&[]).url("CLERK_ISSUER").unwrap(), None);
    }

    #[test]
    fn missing_settings_are_named() {
        let error = env(&[]).require("DATABASE_URL").unwrap_err().to_string();
        assert!(error.starts_with("DATABASE_URL is not set"), "{error}");
    }
}
