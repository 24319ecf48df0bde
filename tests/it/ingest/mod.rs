//! Ingestion as the queue drives it: events in any order, more than once, while other things happen.

mod again;
mod copies;
mod embedder;
mod events;
mod hidden;
mod replaced;

use harness::{
    app::TestApp,
    behind::Arrived,
    events::{s3_record, s3_through_sqs},
};
use serde_json::Value;

/// An event of the bucket: the object came.
pub struct Event {
    /// Its key, decoded.
    pub key: String,
    /// Its size.
    pub size: u64,
    /// Its entity tag.
    pub etag: String,
    /// Its place among the key's events.
    pub sequencer: &'static str,
}

impl Event {
    /// Of what arrived.
    pub fn of(arrived: &Arrived, sequencer: &'static str) -> Self {
        Self { key: arrived.key.clone(), size: arrived.size, etag: arrived.etag.clone(), sequencer }
    }

    fn record(&self, app: &TestApp) -> Value {
        s3_record(app.setting("BUCKET"), &self.key, self.size, &self.etag, self.sequencer)
    }

    /// Brings it alone through the queue; answers how many messages go back.
    pub async fn deliver(&self, app: &TestApp) -> usize {
        handle(app, s3_through_sqs(vec![("only", self.record(app))])).await.len()
    }
}

/// Hands a batch to ingestion; answers the ids of the messages that go back. A batch that fails as a whole goes back whole.
async fn handle(app: &TestApp, queue: Value) -> Vec<String> {
    let ids = |list: &Value, id: &str| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|one| one[id].as_str().expect("an id").to_owned()).collect()
    };
    let all = ids(&queue["Records"], "messageId");
    let queue = serde_json::from_value(queue).expect("a batch");
    let Ok(response) = ingest::handle(&app.server.ingest, queue).await else { return all };
    ids(&serde_json::to_value(response).expect("JSON")["batchItemFailures"], "itemIdentifier")
}

/// The document, as its address shows it.
async fn show(app: &TestApp, token: &str, id: &str) -> Value {
    let shown = app.get(&format!("/v1/documents/{id}"), token).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    shown.json()
}

/// Status of the document, and the code of its failure.
async fn status(app: &TestApp, token: &str, id: &str) -> String {
    let document = show(app, token, id).await;
    let status = document["status"].as_str().expect("a status").to_owned();
    match document["failure"]["code"].as_str() {
        Some(code) => format!("{status}: {code}"),
        None => status,
    }
}

/// A page's text; none where there is no such page.
async fn page(app: &TestApp, token: &str, id: &str, number: u32) -> Option<String> {
    let page = app.get(&format!("/v1/documents/{id}/pages/{number}"), token).await;
    (page.status == 200).then(|| page.json()["text"].as_str().expect("text").to_owned())
}

/// Settings that ask an OpenAI-compatible provider for vectors.
fn asking(url: &str) -> [(&'static str, &str); 3] {
    [("EMBEDDINGS", "openai:small"), ("OPENAI_BASE_URL", url), ("OPENAI_API_KEY", "key")]
}
