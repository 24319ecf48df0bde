//! Answers that a model writes: what becomes of its citations, and of its failures.

mod attempts;
mod bought_vectors;
mod caps;
mod citations;
mod embeddings;
mod failures;
mod faults;
mod prompts;
mod short;

use harness::{
    app::TestApp,
    openai::{Answer, OpenAi},
};
use serde_json::Value;

/// A provider's wire format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wire {
    OpenAi,
    Anthropic,
}

const WIRES: [Wire; 2] = [Wire::OpenAi, Wire::Anthropic];

/// An app whose only model is `provider`, and some settings of one's own.
pub async fn with_model(provider: &OpenAi, own: &[(&'static str, &str)]) -> TestApp {
    with_model_of(Wire::OpenAi, provider, own).await
}

/// The same, spoken to in that format.
async fn with_model_of(wire: Wire, provider: &OpenAi, own: &[(&'static str, &str)]) -> TestApp {
    let url = provider.url();
    let model = match wire {
        Wire::OpenAi => [
            ("OPENAI_BASE_URL", url.as_str()),
            ("OPENAI_API_KEY", "sk-test"),
            ("CHAT_MODELS", "openai:gpt-4o-mini"),
        ],
        Wire::Anthropic => [
            ("ANTHROPIC_BASE_URL", url.trim_end_matches("/v1")),
            ("ANTHROPIC_API_KEY", "sk-ant-test"),
            ("CHAT_MODELS", "anthropic:claude-haiku-4-5"),
        ],
    };
    TestApp::with(&[&model[..], &[("DISABLE_VECTOR_SEARCH", "true")], own].concat()).await
}

/// The last message of a chat request: passages and question.
fn asked(request: &Value) -> &str {
    request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap()
}

/// The number under which the model was shown the passage that holds `words`.
pub fn number_of(request: &Value, words: &str) -> usize {
    let passages = asked(request).split("<passage ").skip(1);
    1 + passages.into_iter().position(|passage| passage.contains(words)).expect("a passage with these words")
}

/// A provider that answers with `text`, in which `{words}` stands for the number of the passage that holds them.
pub fn quoting(text: &'static str) -> OpenAi {
    OpenAi::answering(move |request| {
        let mut written = String::new();
        for piece in text.split('{') {
            match piece.split_once('}') {
                Some((words, rest)) => {
                    written.push_str(&number_of(request, words).to_string());
                    written.push_str(rest);
                }
                None => written.push_str(piece),
            }
        }
        Answer::text(&written).usage(1_000, 100)
    })
}

/// A fault after which the provider may be tried again at once.
fn passing(status: u16) -> Answer {
    let mut answer = Answer::error(status, "server_error", None, "The server had an error.");
    if let Answer::Error { headers, .. } = &mut answer {
        headers.push(("retry-after", "0".into()));
    }
    answer
}
