//! Behind a function URL: the answer as it comes.

use chat::Chat;
use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    let chat = Chat::connect(&env).map_err(runtime::stop)?;
    chat.warm();
    runtime::serve_streaming(&env, chat::routes(chat)).await
}
