//! Answers that are followed while they are written: what comes when, what becomes of those that break off, and the
//! language of the AI SDK.

mod broken;
mod events;
mod ui_message;

use std::{sync::Arc, time::Duration};

use harness::{
    app::TestApp,
    openai::{Answer, Interruption, OpenAi},
    parts::token,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    chat::{PIPES, shelve},
    models::with_model,
};

/// A question that one passage answers.
const QUESTION: &str = "What is the maximum hardness of a weld?";
/// What the model writes, and what of it is sent.
const WRITTEN: &str =
    "Welds are very hard. They reach 22 HRC [1 \"weld is 22 HRC\"]. Then they are inspected.";
const SENT: &str = "Welds are very hard. They reach 22 HRC [1]. Then they are inspected.";
/// Words of `WRITTEN` before its citation.
const WORDS: usize = 6;

/// The provider's answer, up to that many words and then interrupted.
fn written(words: usize, interruption: Interruption) -> Answer {
    Answer::text(WRITTEN).usage(1_000, 100).interrupted(words, interruption)
}

/// A provider that goes on after the first words when it is told to.
fn waiting(words: usize) -> (OpenAi, Arc<Notify>) {
    let until = Arc::new(Notify::new());
    let told = Arc::clone(&until);
    (OpenAi::answering(move |_| written(words, Interruption::Until(Arc::clone(&told)))), until)
}

/// Alice's app, with a paper on pipes and this model.
async fn shelved(provider: &OpenAi, own: &[(&'static str, &str)]) -> (TestApp, String) {
    let (app, alice) = (with_model(provider, own).await, token("alice", None));
    shelve(&app, &alice, "", PIPES).await;
    (app, alice)
}

fn question() -> Value {
    json!({ "message": QUESTION, "stream": true })
}

/// The stored answers, oldest first, once there are so many.
async fn stored(app: &TestApp, count: usize) -> Vec<Value> {
    let client = app.database.connect(None).await;
    let looking = async {
        loop {
            let rows = client.query("SELECT response FROM messages ORDER BY created_at", &[]).await.unwrap();
            if rows.len() >= count {
                return rows.iter().map(|row| row.get(0)).collect();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.expect("it is recorded")
}
