//! Upload as a Lambda function. Called with `pages` as first argument it is the process that looks into one PDF.

use shared::{pdf, runtime};
use upload::Upload;

fn main() -> Result<(), runtime::Error> {
    pdf::serve_child();
    run()
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    let upload = Upload::connect(&env).await.map_err(runtime::stop)?;
    upload.db.warm();
    upload.limiter.warm();
    runtime::serve(&env, upload::routes(upload)).await
}
