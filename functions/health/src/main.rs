//! Health as a Lambda function.

use health::Health;
use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let env = runtime::start_without_secret()?;
    runtime::serve(&env, health::routes(Health::new(&env))).await
}
