//! Delete-user as a Lambda function.

use delete_user::DeleteUser;
use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    let delete_user = DeleteUser::connect(&env).await.map_err(runtime::stop)?;
    delete_user.db.warm();
    delete_user.limiter.warm();
    runtime::serve(&env, delete_user::routes(delete_user)).await
}
