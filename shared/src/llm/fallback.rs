//! The order of models, and the one place that tries again: per model with growing pauses, then the next model, always
//! within the request's deadline.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};

use super::{
    ChatModel, ModelFailure,
    openai::{Endpoint, OpenAi},
    prices,
};
use crate::{
    domain::{answer, prompt::Prompt},
    env::Env,
    tls,
};

/// Tries of one model.
const ATTEMPTS: u32 = 3;
/// The first pause; each next is twice as long, of which a random part is taken ("full jitter").
const PAUSE: Duration = Duration::from_secs(1);

/// Models in order of preference; none where no key is set. Cloning shares them.
#[derive(Clone)]
pub struct Models(Arc<[Box<dyn ChatModel>]>);

/// An answer and who gave it.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// The text, markers and all.
    pub text: String,
    /// The model.
    pub model: answer::Model,
    /// What it cost.
    pub usage: answer::Usage,
}

/// A provider's settings, and the model that is taken where none is named.
struct Provider {
    name: &'static str,
    key: &'static str,
    base_url: &'static str,
    default_model: &'static str,
}

/// The first whose key is set is preferred, unless the settings say otherwise.
const PROVIDERS: [Provider; 2] = [
    Provider {
        name: "groq",
        key: "GROQ_API_KEY",
        base_url: "GROQ_BASE_URL",
        default_model: "llama-3.3-70b-versatile",
    },
    Provider {
        name: "openai",
        key: "OPENAI_API_KEY",
        base_url: "OPENAI_BASE_URL",
        default_model: "gpt-4o-mini",
    },
];

impl Models {
    /// What `CHAT_MODELS` names; unset, each provider whose key is set, `AI_PROVIDER` first.
    pub fn connect(env: &Env) -> anyhow::Result<Self> {
        let mut wanted: Vec<(&Provider, String)> = Vec::new();
        for item in env.list("CHAT_MODELS") {
            let named = item.split_once(':').filter(|(_, model)| !model.is_empty());
            let known = |provider: &str| PROVIDERS.iter().find(|known| known.name == provider);
            match named.and_then(|(provider, model)| Some((known(provider)?, model.to_owned()))) {
                Some(model) => wanted.push(model),
                None => {
                    bail!("CHAT_MODELS takes groq:NAME and openai:NAME, separated by commas, not {item:?}")
                }
            }
        }
        if wanted.is_empty() {
            let with_key = PROVIDERS.iter().filter(|provider| env.get(provider.key).is_some());
            wanted.extend(with_key.map(|provider| (provider, provider.default_model.to_owned())));
        }
        if let Some(preferred) = env.get("AI_PROVIDER") {
            ensure!(
                PROVIDERS.iter().any(|provider| provider.name == preferred),
                "AI_PROVIDER must be groq or openai, not {preferred:?}"
            );
            wanted.sort_by_key(|(provider, _)| provider.name != preferred);
        }
        if wanted.is_empty() {
            return Ok(Self(Arc::new([])));
        }
        let http = tls::http_client()?;
        let model = |(provider, name): (&Provider, String)| -> anyhow::Result<Box<dyn ChatModel>> {
            env.url(provider.base_url)?;
            let endpoint =
                Endpoint::new(http.clone(), &env.require(provider.base_url)?, env.secret(provider.key));
            Ok(Box::new(OpenAi::new(endpoint, provider.name, &name)))
        };
        Ok(Self(wanted.into_iter().map(model).collect::<anyhow::Result<Vec<_>>>()?.into()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer of the first model that gives one before the deadline; every failure is logged. Each model but the last
    /// may use half of what is left of the time, so that the next one has some.
    pub async fn answer(&self, prompt: &Prompt, deadline: Instant) -> Option<Answered> {
        for (at, model) in self.0.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = if at + 1 == self.0.len() { left } else { left / 2 };
            match retry(Instant::now() + share, || model.answer(prompt)).await {
                Ok(completion) => {
                    let (input, output) = (completion.input_tokens, completion.output_tokens);
                    let cost = prices::cost_usd(model.name(), input, output);
                    tracing::info!(
                        event = "model_usage",
                        provider = model.provider(),
                        model = model.name(),
                        tokens.input = input,
                        tokens.output = output,
                        cost_usd = cost,
                        "{} answered",
                        model.name()
                    );
                    let (provider, name) = (model.provider().to_owned(), model.name().to_owned());
                    return Some(Answered {
                        text: completion.text,
                        model: answer::Model { provider, name, fallback: at > 0 },
                        usage: answer::Usage {
                            input_tokens: input,
                            output_tokens: output,
                            cost_usd: cost.unwrap_or_default(),
                        },
                    });
                }
                Err(failure) => tracing::warn!(
                    event = "llm_failure",
                    provider = model.provider(),
                    model = model.name(),
                    fallback_triggered = at + 1 < self.0.len(),
                    reason = failure.reason,
                    "{} did not answer",
                    model.name()
                ),
            }
        }
        None
    }
}

/// Calls until it succeeds, a failure is permanent, the attempts are used up or the deadline would pass.
pub async fn retry<T, F>(deadline: Instant, call: impl Fn() -> F) -> Result<T, ModelFailure>
where
    F: Future<Output = Result<T, ModelFailure>>,
{
    let mut pause = PAUSE;
    for attempt in 1.. {
        let outcome = tokio::time::timeout_at(deadline.into(), call()).await;
        let failure = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(ModelFailure::transient("no answer before the deadline")),
        };
        let wait = failure.retry_after.unwrap_or_else(|| pause.mul_f64(jitter()));
        let left = deadline.saturating_duration_since(Instant::now());
        if !failure.transient || attempt == ATTEMPTS || wait >= left {
            return Err(failure);
        }
        tokio::time::sleep(wait).await;
        pause *= 2;
    }
    Err(ModelFailure::permanent("no attempt was made"))
}

/// A random part of one.
fn jitter() -> f64 {
    let bits = uuid::Uuid::now_v7().as_u128() & 0xffff_ffff;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn env(pairs: &[(&'static str, &str)]) -> Env {
        Env::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())))
    }

    fn order(pairs: &[(&'static str, &str)]) -> Vec<String> {
        let models = Models::connect(&env(pairs)).unwrap();
        models.0.iter().map(|model| format!("{}:{}", model.provider(), model.name())).collect()
    }

    #[test]
    fn keys_choose_the_models_and_settings_their_order() {
        let keys = [("GROQ_API_KEY", "a"), ("OPENAI_API_KEY", "b")];
        assert!(order(&[]).is_empty());
        assert_eq!(order(&keys), ["groq:llama-3.3-70b-versatile", "openai:gpt-4o-mini"]);
        let preferred = [keys[0], keys[1], ("AI_PROVIDER", "openai")];
        assert_eq!(order(&preferred), ["openai:gpt-4o-mini", "groq:llama-3.3-70b-versatile"]);
        assert_eq!(order(&[("CHAT_MODELS", "openai:x, groq:y")]), ["openai:x", "groq:y"]);
    }

    #[test]
    fn a_model_that_cannot_be_is_said_at_start() {
        for bad in ["openai", "openai:", "nobody:x"] {
            assert!(Models::connect(&env(&[("CHAT_MODELS", bad)])).is_err(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn passing_faults_are_tried_thrice_and_lasting_ones_once() {
        for (transient, expected) in [(true, 3), (false, 1)] {
            let calls = AtomicU32::new(0);
            let failing = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(ModelFailure { transient, retry_after: None, reason: String::new() })
            };
            assert!(retry(Instant::now() + Duration::from_mins(1), failing).await.is_err());
            assert_eq!(calls.load(Ordering::Relaxed), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_would_pass_the_deadline_is_not_begun() {
        let calls = AtomicU32::new(0);
        // The second is what a provider may say and no clock can hold.
        for pause in [Duration::from_mins(1), Duration::MAX] {
            let busy = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                let retry_after = Some(pause);
                Err::<(), _>(ModelFailure { transient: true, retry_after, reason: String::new() })
            };
            assert!(retry(Instant::now() + Duration::from_secs(20), busy).await.is_err());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
