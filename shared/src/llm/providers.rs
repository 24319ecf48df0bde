//! Which models the settings name, and how each is reached.

use anyhow::{Context, bail, ensure};

use super::{ChatModel, anthropic::Anthropic, endpoint::Endpoint, openai::OpenAi};
use crate::{env::Env, tls};

/// A provider's settings, and the model that is taken where none is named.
struct Provider {
    name: &'static str,
    key: &'static str,
    base_url: &'static str,
    default_model: &'static str,
    wire: Wire,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    OpenAi,
    Anthropic,
}

/// The first whose key is set is preferred, unless the settings say otherwise.
const PROVIDERS: [Provider; 3] = [
    Provider {
        name: "groq",
        key: "GROQ_API_KEY",
        base_url: "GROQ_BASE_URL",
        default_model: "llama-3.3-70b-versatile",
        wire: Wire::OpenAi,
    },
    Provider {
        name: "anthropic",
        key: "ANTHROPIC_API_KEY",
        base_url: "ANTHROPIC_BASE_URL",
        default_model: "claude-haiku-4-5",
        wire: Wire::Anthropic,
    },
    Provider {
        name: "openai",
        key: "OPENAI_API_KEY",
        base_url: "OPENAI_BASE_URL",
        default_model: "gpt-4o-mini",
        wire: Wire::OpenAi,
    },
];

/// Models in order of preference.
pub type Order = Vec<Box<dyn ChatModel>>;

/// What `CHAT_MODELS` and `CHAT_MODELS_CHEAP` name. Where the first is not set: each provider whose key is, `AI_PROVIDER` first.
pub fn connect(env: &Env) -> anyhow::Result<(Order, Order)> {
    let mut wanted = listed(env, "CHAT_MODELS")?;
    if wanted.is_empty() {
        let with_key = PROVIDERS.iter().filter(|provider| env.get(provider.key).is_some());
        wanted.extend(with_key.map(|provider| (provider, provider.default_model.to_owned())));
    }
    if let Some(preferred) = env.get("AI_PROVIDER") {
        ensure!(
            PROVIDERS.iter().any(|provider| provider.name == preferred),
            "AI_PROVIDER must be one of {}, not {preferred:?}",
            names(", ", |provider| provider.name.to_owned())
        );
        wanted.sort_by_key(|(provider, _)| provider.name != preferred);
    }
    let cheap = listed(env, "CHAT_MODELS_CHEAP")?;
    ensure!(
        cheap.is_empty() || !wanted.is_empty(),
        "CHAT_MODELS_CHEAP names models, and there are no others: name them in CHAT_MODELS"
    );
    if wanted.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let http = tls::http_client()?;
    let open = |models: Vec<(&Provider, String)>| {
        models.into_iter().map(|(provider, name)| provider.model(env, &http, &name)).collect()
    };
    let cheap: anyhow::Result<Order> = open(cheap);
    Ok((open(wanted)?, cheap?))
}

fn listed(env: &Env, setting: &'static str) -> anyhow::Result<Vec<(&'static Provider, String)>> {
    let read = |item: String| {
        let named = item.split_once(':').filter(|(_, model)| !model.is_empty());
        let known = |provider: &str| PROVIDERS.iter().find(|known| known.name == provider);
        match named.and_then(|(provider, model)| Some((known(provider)?, model.to_owned()))) {
            Some(model) => Ok(model),
            None => bail!(
                "{setting} takes {}, separated by commas, not {item:?}",
                names(" and ", |provider| format!("{}:NAME", provider.name))
            ),
        }
    };
    env.list(setting).into_iter().map(read).collect()
}

fn names(between: &str, of: impl Fn(&Provider) -> String) -> String {
    PROVIDERS.iter().map(of).collect::<Vec<_>>().join(between)
}

impl Provider {
    fn model(&self, env: &Env, http: &reqwest::Client, name: &str) -> anyhow::Result<Box<dyn ChatModel>> {
        env.url(self.base_url)?;
        let endpoint = Endpoint::new(http.clone(), &env.require(self.base_url)?);
        let key = env.secret(self.key);
        Ok(match self.wire {
            Wire::OpenAi => Box::new(OpenAi::new(endpoint.bearer(key.as_ref())?, self.name, name)),
            Wire::Anthropic => {
                let key =
                    key.with_context(|| format!("{} is not set, and anthropic:{name} needs it", self.key))?;
                Box::new(Anthropic::new(endpoint, &key, name)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pairs: &[(&'static str, &str)]) -> Vec<String> {
        let env = Env::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let (strong, cheap) = connect(&env).unwrap();
        strong.iter().chain(&cheap).map(|model| format!("{}:{}", model.provider(), model.name())).collect()
    }

    #[test]
    fn keys_choose_the_models_and_settings_their_order() {
        let keys = [("OPENAI_API_KEY", "b"), ("ANTHROPIC_API_KEY", "c"), ("GROQ_API_KEY", "a")];
        assert!(order(&[]).is_empty());
        let usual = ["groq:llama-3.3-70b-versatile", "anthropic:claude-haiku-4-5", "openai:gpt-4o-mini"];
        assert_eq!(order(&keys), usual);
        let preferred = [keys[0], keys[2], ("AI_PROVIDER", "openai")];
        assert_eq!(order(&preferred), ["openai:gpt-4o-mini", "groq:llama-3.3-70b-versatile"]);
        let named = [("CHAT_MODELS", "openai:x, groq:y"), ("CHAT_MODELS_CHEAP", "groq:z")];
        assert_eq!(order(&named), ["openai:x", "groq:y", "groq:z"]);
    }

    #[test]
    fn a_model_that_cannot_be_is_said_at_start() {
        for bad in [
            &[("CHAT_MODELS", "openai")][..],
            &[("CHAT_MODELS", "openai:")],
            &[("CHAT_MODELS", "nobody:x")],
            &[("CHAT_MODELS", "anthropic:x")],
            &[("CHAT_MODELS", "openai:x"), ("OPENAI_API_KEY", "a\nb")],
            &[("CHAT_MODELS_CHEAP", "openai:x")],
            &[("AI_PROVIDER", "nobody")],
        ] {
            let env = Env::of(bad.iter().map(|(name, value)| (*name, (*value).to_owned())));
            assert!(connect(&env).is_err(), "{bad:?}");
        }
    }
}
