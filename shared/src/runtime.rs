//! The hosts: Lambda, Lambda with streaming, Lambda events, a socket. Nothing here knows what a function does.

use std::{
    fmt::Display,
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use axum::{Router, extract::Request, middleware::map_request, serve::ListenerExt};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpListener;

use crate::{
    env::Env,
    http::{Deadline, finish},
    telemetry,
};

/// Of the time that Lambda gives, what handing the response over may take.
const MARGIN: Duration = Duration::from_millis(300);

/// Why a process ended badly.
pub type Error = lambda_runtime::Error;

/// Logs and settings, the secret's included where one is configured. Happens once, before the first request.
pub async fn start() -> Result<Env, Error> {
    let env = start_without_secret()?;
    if env.has_secret() {
        env.fetch_secret().await.map_err(stop)?;
    }
    env.check().map_err(stop)?;
    Ok(env)
}

/// Logs and settings only: for functions that answer most requests without a secret.
pub fn start_without_secret() -> Result<Env, Error> {
    let env = Env::read();
    telemetry::install(&env).map_err(stop)?;
    Ok(env)
}

/// Says on the log why the process cannot start, and makes it the process's end.
pub fn stop(error: impl Display) -> Error {
    let reason = format!("{error:#}");
    tracing::error!(reason, "cannot start: {reason}");
    reason.into()
}

/// Serves routes to API Gateway.
pub async fn serve(env: &Env, routes: Router) -> Result<(), Error> {
    on_lambda()?;
    lambda_http::run(on_lambda_time(finish(routes, env).map_err(stop)?)).await
}

/// Serves routes to a function URL in `RESPONSE_STREAM` mode.
pub async fn serve_streaming(env: &Env, routes: Router) -> Result<(), Error> {
    on_lambda()?;
    lambda_http::run_with_streaming_response(on_lambda_time(finish(routes, env).map_err(stop)?)).await
}

/// Tells every request when Lambda will give it up.
fn on_lambda_time(routes: Router) -> Router {
    routes.layer(map_request(async |mut request: Request| {
        let context = request.extensions().get::<lambda_runtime::Context>();
        if let Some(deadline) = context.and_then(|context| instant_of(context.deadline)) {
            request.extensions_mut().insert(Deadline(deadline.checked_sub(MARGIN)));
        }
        request
    }))
}

/// When the system's clock will show these milliseconds since 1970; now, if it has.
fn instant_of(unix_ms: u64) -> Option<Instant> {
    let left =
        Duration::from_millis(unix_ms).saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH).ok()?);
    Instant::now().checked_add(left)
}

/// Serves events of a queue or a schedule.
pub async fn serve_events<E, A, F>(handle: impl Fn(E) -> F) -> Result<(), Error>
where
    E: DeserializeOwned,
    A: Serialize,
    F: Future<Output = anyhow::Result<A>>,
{
    on_lambda()?;
    let handle = &handle;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<E>| {
        handle(event.payload).await.map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "an event failed");
            Error::from(format!("{error:#}"))
        })
    }))
    .await
}

/// Whether this process runs on Lambda (or an emulator of it).
pub fn is_lambda() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the platform's own variable is no setting")]
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

fn on_lambda() -> Result<(), Error> {
    if is_lambda() {
        return Ok(());
    }
    Err(stop(
        "this program is a Lambda function; run the program `server` to have all of them in one process",
    ))
}

/// Serves finished routes on a socket until SIGTERM or SIGINT, then lets running requests end.
pub async fn serve_socket(routes: Router, listener: TcpListener) -> Result<(), Error> {
    // Or a streamed answer's first event waits for the acknowledgement of its headers, which clients delay by 40 ms.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(terminated())
        .await
        .context("serve")
        .map_err(stop)
}

/// Ends when the process is asked to.
pub async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    tokio::signal::ctrl_c().await.ok();
}
