//! The bundle on a socket. Called with `pages` as first argument it is the process that reads one PDF.

use std::io::Write;

use server::{Server, ingest_forever, routes};
use shared::{http::finish, pdf, runtime};
use tokio::net::TcpListener;

fn main() -> Result<(), runtime::Error> {
    pdf::serve_child();
    serve()
}

#[tokio::main]
async fn serve() -> Result<(), runtime::Error> {
    let env = runtime::start().await?;
    let server = Server::connect(&env).await.map_err(runtime::stop)?;
    let address = env.require("LISTEN_ADDR").map_err(runtime::stop)?;
    let listener = TcpListener::bind(&address).await;
    let listener = listener
        .map_err(|error| runtime::stop(format!("LISTEN_ADDR: cannot listen on {address}: {error}")))?;
    let local = listener.local_addr()?;
    let routes = finish(routes(server.clone()), &env).map_err(runtime::stop)?;
    server.warm();
    let ingesting = tokio::spawn(ingest_forever(server.ingest));
    writeln!(std::io::stdout(), "ready http://{local}")?;
    runtime::serve_socket(routes, listener).await?;
    ingesting.abort();
    Ok(())
}
