//! Bucket events as a queue brings them. Each record stands for itself: what fails goes back alone.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use shared::storage::decode_key;

use crate::{Arrival, Ingest, Outcome, ingest};

/// A batch of messages. Only what is read is named: local object stores leave out members that Amazon sends.
#[derive(Deserialize)]
pub struct Queue {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
}

/// Which messages are to come again.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// A bucket's notification, or the test event that a bucket sends when notifications are switched on.
#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    object: Object,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    e_tag: String,
    sequencer: Option<String>,
}

/// Handles a batch. A message that cannot be understood goes back too: after five times it lies in the dead-letter queue
/// for someone to look at. A batch of which everything goes back is an error: the queue treats both alike, but only
/// errors are counted, and let the queue slow down.
pub async fn handle(state: &Ingest, queue: Queue) -> anyhow::Result<BatchResponse> {
    let messages = queue.records.len();
    let mut batch_item_failures = Vec::new();
    for message in queue.records {
        if let Err(error) = message_done(state, &message.body).await {
            tracing::warn!(error = format!("{error:#}"), "a bucket event goes back to the queue");
            batch_item_failures.push(ItemFailure { item_identifier: message.message_id });
        }
    }
    let failed = batch_item_failures.len();
    anyhow::ensure!(failed == 0 || failed < messages, "every message of the batch failed");
    Ok(BatchResponse { batch_item_failures })
}

async fn message_done(state: &Ingest, body: &str) -> anyhow::Result<()> {
    let notification: Notification = serde_json::from_str(body).context("read a bucket event")?;
    let Some(records) = notification.records else {
        // What is no notification at all must not be lost as if it had been one.
        anyhow::ensure!(
            notification.event.as_deref() == Some("s3:TestEvent"),
            "the message is no bucket event"
        );
        return Ok(());
    };
    for record in records {
        if !record.event_name.contains("ObjectCreated") {
            continue;
        }
        let Object { key, size, e_tag, sequencer } = record.s3.object;
        let arrival = Arrival { key: decode_key(&key)?, size_bytes: size, etag: e_tag, sequencer };
        let outcome = ingest(state, &arrival).await?;
        anyhow::ensure!(outcome != Outcome::Held, "another worker holds the document");
    }
    Ok(())
}
