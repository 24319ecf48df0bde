//! Writing the answer: by the first model that begins one, checked while it is written, else out of the documents' own
//! sentences.

use std::time::Instant;

use shared::domain::{
    answer::{Answer, Model, Usage},
    citation::Citation,
    complexity::complexity,
    extract::extract,
    hash::{hex, sha256},
    ids::MessageId,
    passage::Passage,
    prompt::{Prompt, PromptInput, Turn, prompt},
    refusal::REFUSAL,
    verify::{Counts, Event, Filter, Verified, verify},
};
use shared::llm::{Answered, Ending, Stream};
use tracing::{Instrument, info_span};

use crate::{Chat, ask::Asked, outlet::Outlet};

/// What will be the answer, before it has ids.
pub struct Draft {
    /// With `[n]` where a citation stands.
    pub text: String,
    /// The proofs.
    pub citations: Vec<Citation>,
    /// Ranges of `text` that lost their proof.
    pub unsupported: Vec<[u32; 2]>,
    /// Whether it broke off, or its reader went away.
    pub interrupted: bool,
    /// What became of the citations that the model offered.
    pub counts: Counts,
    /// Who wrote it.
    pub model: Model,
    /// What it cost.
    pub usage: Usage,
}

/// An answer by the first model that gives one, else the best sentences of the documents themselves. What the outlet is told
/// is, put together, the draft's text.
pub async fn write(
    chat: &Chat,
    asked: &Asked,
    (searched, passages): (&str, &[Passage]),
    history: Vec<Turn>,
    outlet: &Outlet,
    degraded: &mut Vec<String>,
) -> Draft {
    if passages.is_empty() {
        return told(outlet, refusal(no_model(), Usage::default())).await;
    }
    if chat.models.is_empty() {
        return told(outlet, extracted(searched, passages, no_model())).await;
    }
    let question = asked.question.as_str();
    let nonce = nonce();
    let simplified = chat.settings.simplified;
    let prompt = prompt(&PromptInput { question, passages, history: &history, nonce: &nonce, simplified });
    let complexity = complexity(question, !history.is_empty());
    let span = info_span!("llm_generate", complexity);
    let deadline = asked.record_from();
    let drafted = if outlet.is_followed() {
        Box::pin(streamed(chat, &prompt, complexity, deadline, passages, outlet)).instrument(span).await
    } else {
        Box::pin(whole(chat, &prompt, complexity, deadline, passages)).instrument(span).await
    };
    match drafted {
        Some((draft, ending)) => {
            if ending == Some(Ending::Length) {
                degraded.push("truncated".to_owned());
            }
            draft
        }
        None => {
            degraded.push("model".to_owned());
            told(outlet, extracted(searched, passages, Model { fallback: true, ..no_model() })).await
        }
    }
}

/// The documents themselves.
fn no_model() -> Model {
    Model { provider: Answer::EXTRACTIVE.to_owned(), name: "extractive".to_owned(), fallback: false }
}

/// Letters and digits that nobody could foresee, for the boundaries of one prompt.
pub fn nonce() -> String {
    let hash = sha256(MessageId::new().to_string().as_bytes());
    hex(hash.get(..8).unwrap_or_default())
}

/// An answer that is checked when it is whole.
async fn whole(
    chat: &Chat,
    prompt: &Prompt,
    complexity: f64,
    deadline: Instant,
    passages: &[Passage],
) -> Option<(Draft, Option<Ending>)> {
    let Answered { text, ending, model, usage } = chat.models.answer(prompt, complexity, deadline).await?;
    let verified = info_span!("citation_verify").in_scope(|| verify(&text, passages));
    // Without text it was nothing but markers, links and images.
    if verified.is_refusal || verified.answer.is_empty() {
        return Some((refusal(model, usage), Some(ending)));
    }
    Some((draft(verified, model, usage, false), Some(ending)))
}

/// An answer that is checked and told while it is written. One that breaks off, or whose reader goes away, ends where it is.
async fn streamed(
    chat: &Chat,
    prompt: &Prompt,
    complexity: f64,
    deadline: Instant,
    passages: &[Passage],
    outlet: &Outlet,
) -> Option<(Draft, Option<Ending>)> {
    // Whoever has gone away by now is noticed below.
    outlet.begin().await.ok();
    let mut stream = tokio::select! {
        stream = chat.models.stream(prompt, complexity, deadline) => stream?,
        () = outlet.gone() => return Some((unread(), None)),
    };
    let mut filter = Filter::new(passages);
    let is_whole = tokio::select! {
        is_whole = follow(&mut stream, &mut filter, outlet) => is_whole,
        () = outlet.gone() => false,
    };
    let (events, verified) = info_span!("citation_verify").in_scope(|| filter.finish());
    // A provider's filter that cuts in has not let the model come to its end.
    let is_whole = is_whole && stream.ending() != Some(Ending::Refused);
    let (ending, model, usage) = (stream.ending(), stream.model().clone(), stream.settle());
    // Ends the call to the provider, if it goes on.
    drop(stream);
    if verified.answer.is_empty() && is_whole {
        return Some((told(outlet, refusal(model, usage)).await, ending));
    }
    let is_told = outlet.tell(events).await.is_ok();
    // What was told cannot be taken back: a refusal that comes after other words stays behind them.
    Some((draft(verified, model, usage, !(is_whole && is_told)), ending))
}

/// Passes on what the model writes; whether that came to its end.
async fn follow(stream: &mut Stream, filter: &mut Filter<'_>, outlet: &Outlet) -> bool {
    loop {
        match stream.next().await {
            Ok(Some(words)) => {
                if outlet.tell(filter.push(&words)).await.is_err() {
                    return false;
                }
            }
            Ok(None) => return true,
            Err(failure) => {
                let (provider, model) = (&stream.model().provider, &stream.model().name);
                let reason = failure.reason;
                tracing::warn!(
                    event = "llm_failure",
                    provider,
                    model,
                    fallback_triggered = false,
                    reason,
                    "{model} broke off"
                );
                return false;
            }
        }
    }
}

/// The best sentences of the documents, or a refusal.
fn extracted(question: &str, passages: &[Passage], model: Model) -> Draft {
    match extract(question, passages) {
        Some(extract) => {
            Draft { text: extract.answer, citations: extract.citations, ..refusal(model, Usage::default()) }
        }
        None => refusal(model, Usage::default()),
    }
}

/// A draft that is there at once: its citations, then its text.
async fn told(outlet: &Outlet, draft: Draft) -> Draft {
    let citations = draft.citations.iter().cloned().map(Event::Citation);
    let is_told =
        outlet.tell(citations.chain([Event::Text(draft.text.clone())]).collect::<Vec<_>>()).await.is_ok();
    Draft { interrupted: !is_told, ..draft }
}

fn draft(verified: Verified, model: Model, usage: Usage, interrupted: bool) -> Draft {
    Draft {
        unsupported: unsupported(&verified),
        text: verified.answer,
        citations: verified.citations,
        interrupted,
        counts: verified.counts,
        model,
        usage,
    }
}

/// What of the answer lost its proof in the check; all of it where nothing in it was ever cited.
fn unsupported(verified: &Verified) -> Vec<[u32; 2]> {
    if !verified.citations.is_empty() || !verified.unsupported.is_empty() {
        return verified.unsupported.clone();
    }
    vec![[0, u32::try_from(verified.answer.chars().count()).unwrap_or(u32::MAX)]]
}

/// Nobody waited for the first word.
fn unread() -> Draft {
    Draft { text: String::new(), interrupted: true, ..refusal(no_model(), Usage::default()) }
}

fn refusal(model: Model, usage: Usage) -> Draft {
    Draft {
        text: REFUSAL.to_owned(),
        citations: Vec::new(),
        unsupported: Vec::new(),
        interrupted: false,
        counts: Counts::default(),
        model,
        usage,
    }
}
