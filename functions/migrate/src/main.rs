//! Applies the database migrations, as a deploy step (a Lambda function that is invoked once) and as a command.

use serde_json::{Value, json};
use shared::{db::migrations, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    if runtime::is_lambda() {
        return runtime::serve_events(async |_: Value| {
            Ok(json!({ "applied": migrations::apply(&env).await? }))
        })
        .await;
    }
    let applied = migrations::apply(&env).await.map_err(runtime::stop)?;
    tracing::info!(applied = applied.len(), "the schema is up to date: {} migrations applied", applied.len());
    Ok(())
}
