//! Writing the answer: by the first model that begins one, checked while it is written, else out of the documents' own
//! sentences.

use shared::domain::{
    answer::{Answer, Model},
    citation::Citation,
    complexity::complexity,
    extract::extract,
    passage::Passage,
    prompt::{Prompt, PromptInput, SIMPLIFIED_WORDS_MAX, nonce, prompt},
    refusal::REFUSAL,
    shorten::Shortener,
    verify::{Counts, Event, Filter, Verified, verify},
};
use shared::llm::{Answered, Ending, Stream};
use tracing::{Instrument, info_span};

use crate::{Chat, asked::Asked, find::Sources, outlet::Outlet};

/// What will be the answer, before it has ids.
pub struct Draft {
    /// With `[n]` where a citation stands.
    pub text: String,
    /// The proofs.
    pub citations: Vec<Citation>,
    /// Ranges of `text` that lost their proof.
    pub unsupported: Vec<[u32; 2]>,
    /// Whether it says that the documents do not answer.
    pub refused: bool,
    /// Whether it broke off, or its reader went away.
    pub interrupted: bool,
    /// What became of the citations that the model offered.
    pub counts: Counts,
    /// Who wrote it.
    pub model: Model,
}

/// What a model will be asked.
pub struct Plan {
    /// The rules, the passages, the question.
    pub prompt: Prompt,
    /// How much it asks, from 0 to 1.
    complexity: f64,
}

/// What a model will be asked; none where there is no model, or nothing to answer from.
pub fn plan(chat: &Chat, asked: &Asked, found: &Sources) -> Option<Plan> {
    let (question, passages, history) = (asked.question.as_str(), &found.passages, &found.turns);
    if passages.is_empty() || chat.models.is_empty() {
        return None;
    }
    let nonce = nonce();
    let simplified = chat.settings.simplified;
    let prompt = prompt(&PromptInput { question, passages, history, nonce: &nonce, simplified });
    Some(Plan { prompt, complexity: complexity(question, !history.is_empty()) })
}

/// An answer by the first model that gives one, else the best sentences of the documents themselves. What the outlet is told
/// is, put together, the draft's text.
pub async fn write(
    chat: &Chat,
    asked: &Asked,
    (searched, passages): (&str, &[Passage]),
    plan: Option<Plan>,
    outlet: &Outlet,
    degraded: &mut Vec<String>,
) -> Draft {
    if passages.is_empty() {
        return told(outlet, refusal(no_model())).await;
    }
    let simplified = chat.settings.simplified;
    let Some(plan) = plan else {
        return told(outlet, shortened(extracted(searched, passages, no_model()), simplified)).await;
    };
    let span = info_span!("llm_generate", complexity = plan.complexity);
    let drafted = if outlet.is_followed() {
        Box::pin(streamed(chat, asked, &plan, passages, outlet)).instrument(span).await
    } else {
        Box::pin(whole(chat, asked, &plan, passages)).instrument(span).await
    };
    let Some((draft, ending)) = drafted else {
        degraded.push("model".to_owned());
        let draft = extracted(searched, passages, Model { fallback: true, ..no_model() });
        return told(outlet, shortened(draft, simplified)).await;
    };
    if ending == Some(Ending::Length) {
        degraded.push("truncated".to_owned());
    }
    draft
}

/// The documents themselves.
fn no_model() -> Model {
    Model { provider: Answer::EXTRACTIVE.to_owned(), name: "extractive".to_owned(), fallback: false }
}

/// An answer that is checked when it is whole.
async fn whole(
    chat: &Chat,
    asked: &Asked,
    plan: &Plan,
    passages: &[Passage],
) -> Option<(Draft, Option<Ending>)> {
    let (deadline, attempts) = (asked.record_from(), &asked.attempts);
    let answered = chat.models.answer(&plan.prompt, plan.complexity, deadline, attempts).await;
    let Answered { text, ending, model } = answered?;
    let verified = info_span!("citation_verify").in_scope(|| verify(&text, passages));
    // Without text it was nothing but markers, links and images.
    if verified.is_refusal || verified.answer.is_empty() {
        return Some((refusal(model), Some(ending)));
    }
    Some((shortened(draft(verified, model, false), chat.settings.simplified), Some(ending)))
}

/// An answer that is checked and told while it is written. One that breaks off, or whose reader goes away, ends where it is.
async fn streamed(
    chat: &Chat,
    asked: &Asked,
    plan: &Plan,
    passages: &[Passage],
    outlet: &Outlet,
) -> Option<(Draft, Option<Ending>)> {
    // Whoever has gone away by now is noticed below.
    outlet.begin().await.ok();
    let (deadline, attempts) = (asked.record_from(), &asked.attempts);
    let mut stream = tokio::select! {
        stream = chat.models.stream(&plan.prompt, plan.complexity, deadline, attempts) => stream?,
        () = outlet.gone() => return Some((unread(), None)),
    };
    let mut filter = Filter::new(passages);
    let mut short = chat.settings.simplified.then(|| Shortener::new(SIMPLIFIED_WORDS_MAX));
    let is_whole = tokio::select! {
        is_whole = follow(&mut stream, &mut filter, &mut short, outlet) => is_whole,
        () = outlet.gone() => false,
    };
    let (events, verified) = info_span!("citation_verify").in_scope(|| filter.finish());
    // A provider's filter that cuts in has not let the model come to its end.
    let is_whole = is_whole && stream.ending() != Some(Ending::Refused);
    let (ending, model) = (stream.ending(), stream.model().clone());
    // Ends the call to the provider, if it goes on, and books it.
    drop(stream);
    if verified.answer.is_empty() && is_whole {
        return Some((told(outlet, refusal(model)).await, ending));
    }
    let mut events = pass(&mut short, events);
    events.extend(short.as_mut().map(Shortener::finish).unwrap_or_default());
    let is_told = outlet.tell(events).await.is_ok();
    // What was told cannot be taken back: a refusal that comes after other words stays behind them.
    let draft = draft(verified, model, !(is_whole && is_told));
    let draft = match &short {
        Some(short) => cut(draft, short.text()),
        None => draft,
    };
    Some((draft, ending))
}

/// What of the answer is told, which may have to be a short one.
fn pass(short: &mut Option<Shortener>, events: Vec<Event>) -> Vec<Event> {
    match short {
        Some(short) => short.pass(events),
        None => events,
    }
}

/// The draft in at most 75 words, where answers are to be short.
fn shortened(draft: Draft, simplified: bool) -> Draft {
    if !simplified {
        return draft;
    }
    let mut short = Shortener::new(SIMPLIFIED_WORDS_MAX);
    short.pass(vec![Event::Text(draft.text.clone())]);
    short.finish();
    cut(draft, short.text())
}

/// The draft with this beginning of its text, and what belongs to it.
fn cut(draft: Draft, text: &str) -> Draft {
    let end = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let clipped = |[start, until]: [u32; 2]| [start, until.min(end)];
    let is_cited = |citation: &Citation| text.contains(&format!("[{}]", citation.marker));
    Draft {
        citations: draft.citations.into_iter().filter(is_cited).collect(),
        unsupported: draft.unsupported.into_iter().filter(|[start, _]| *start < end).map(clipped).collect(),
        text: text.to_owned(),
        ..draft
    }
}

/// Passes on what the model writes; whether that came to its end.
async fn follow(
    stream: &mut Stream,
    filter: &mut Filter<'_>,
    short: &mut Option<Shortener>,
    outlet: &Outlet,
) -> bool {
    loop {
        match stream.next().await {
            Ok(Some(words)) => {
                if outlet.tell(pass(short, filter.push(&words))).await.is_err() {
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
            Draft { text: extract.answer, citations: extract.citations, refused: false, ..refusal(model) }
        }
        None => refusal(model),
    }
}

/// A draft that is there at once: its citations, then its text.
async fn told(outlet: &Outlet, draft: Draft) -> Draft {
    let citations = draft.citations.iter().cloned().map(Event::Citation);
    let is_told =
        outlet.tell(citations.chain([Event::Text(draft.text.clone())]).collect::<Vec<_>>()).await.is_ok();
    Draft { interrupted: !is_told, ..draft }
}

fn draft(verified: Verified, model: Model, interrupted: bool) -> Draft {
    Draft {
        unsupported: unsupported(&verified),
        text: verified.answer,
        citations: verified.citations,
        refused: verified.is_refusal,
        interrupted,
        counts: verified.counts,
        model,
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
    Draft { text: String::new(), refused: false, interrupted: true, ..refusal(no_model()) }
}

fn refusal(model: Model) -> Draft {
    Draft {
        text: REFUSAL.to_owned(),
        citations: Vec::new(),
        unsupported: Vec::new(),
        refused: true,
        interrupted: false,
        counts: Counts::default(),
        model,
    }
}
