//! Ingest as a Lambda function. Called with `pages` as first argument it is the process that reads one PDF.

use ingest::{Ingest, handle};
use shared::{pdf, runtime};

fn main() -> Result<(), runtime::Error> {
    pdf::serve_child();
    run()
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    let ingest = Ingest::connect(&env, "DATABASE_URL").await.map_err(runtime::stop)?;
    ingest.db.warm();
    ingest.embeddings.warm();
    // Boxed: the future of a whole ingestion is large.
    runtime::serve_events(|queue| Box::pin(handle(&ingest, queue))).await
}
