//! Retention as a Lambda function. Called with `pages` as first argument it is the process that reads one PDF.

use jiff::Timestamp;
use retention::{Retention, Schedule, run};
use shared::{pdf, runtime};

fn main() -> Result<(), runtime::Error> {
    pdf::serve_child();
    serve()
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    let retention = Retention::connect(&env, "DATABASE_URL").await.map_err(runtime::stop)?;
    #[expect(clippy::disallowed_methods, reason = "the schedule's time is now")]
    runtime::serve_events(|schedule: Schedule| run(&retention, schedule.task, Timestamp::now())).await
}
