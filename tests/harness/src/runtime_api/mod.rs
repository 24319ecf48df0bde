//! The Lambda Runtime API on a loopback port, and a function's real binary running against it: what AWS does between
//! an event and an answer, including time-outs, crashes and response streaming. Events are built in `events`.

mod server;
mod sockets;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep_until, timeout};

use server::{Delivery, Part, serve};

/// An HTTP API waits 30 s for its function; ours are set to end before.
pub const DEADLINE: Duration = Duration::from_secs(29);
/// What template.yaml gives functions that work on events.
pub const EVENT_DEADLINE: Duration = Duration::from_mins(15);
// Lambda allows 10 s; a debug build on a busy machine gets more.
const INIT_MAX: Duration = Duration::from_secs(30);
const EVENT_MAX_BYTES: usize = 6 * 1024 * 1024;

/// A running execution environment: one process, one request at a time. Dropping it kills the process.
pub struct Function {
    name: String,
    process_id: u32,
    invocations: mpsc::UnboundedSender<Delivery>,
    // An environment serves one request at a time; AWS would start another, here the second waits.
    turn: tokio::sync::Mutex<u32>,
    exited: watch::Receiver<Option<ExitStatus>>,
    output: watch::Receiver<Vec<String>>,
    /// What of the current answer has arrived.
    arrived: watch::Sender<String>,
    api: SocketAddr,
    init_error: Arc<OnceLock<FunctionError>>,
    kill: Mutex<Option<oneshot::Sender<()>>>,
    _serving: oneshot::Sender<()>,
}

/// What came of one event.
#[derive(Debug)]
pub struct Invocation {
    /// The body: for a streamed answer everything after the prelude. Or what AWS reports as the function's error.
    pub result: Result<Vec<u8>, FunctionError>,
    /// Set as soon as a streamed answer began, even if it broke off.
    pub streamed: Option<Streamed>,
    /// When the process took the event; if it never did, when the event was given.
    pub delivered: Instant,
    /// When the answer began to arrive.
    pub answered: Option<Instant>,
}

/// A streamed answer as it arrived.
#[derive(Debug, Default)]
pub struct Streamed {
    /// `statusCode`, `headers` and `cookies`; null for a stream that is not an HTTP answer.
    pub prelude: Value,
    /// The pieces after the prelude, each with the moment it arrived.
    pub chunks: Vec<(Instant, Vec<u8>)>,
}

/// An error as AWS words it to the invoker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The function's own type, or `Sandbox.Timedout`, `Runtime.ExitError`, `Function.ResponseSizeTooLarge`.
    pub error_type: String,
    /// For people.
    pub error_message: String,
}

/// What a fresh process costs until its first answer.
#[derive(Debug, Clone, Copy)]
pub struct ColdStart {
    /// From before the process is made until its answer begins to arrive.
    pub first_response: Duration,
    /// CPU time of all its threads by then.
    pub cpu: Duration,
    /// The highest resident set by then.
    pub peak_memory_bytes: u64,
}

/// Starts `program`, gives it one event and measures. An answer that is an error is one here too.
pub async fn cold_start(program: &Path, env: &[(&str, String)], event: Value) -> anyhow::Result<ColdStart> {
    let started = Instant::now();
    let function = Function::start(program, env)?;
    let invocation = function.invoke(event).await?;
    let (cpu, peak_memory_bytes) = function.usage()?;
    if let Err(error) = &invocation.result {
        bail!("the first answer is an error: {error:?}");
    }
    let first_response = invocation.answered.context("an answer without a beginning")? - started;
    Ok(ColdStart { first_response, cpu, peak_memory_bytes })
}

impl Function {
    /// Runs `program` with Lambda's variables, `PATH` and `env`, and nothing else. Needs a tokio runtime around it.
    pub fn start(program: &Path, env: &[(&str, String)]) -> anyhow::Result<Function> {
        let name = program.file_stem().context("a program has a name")?.to_string_lossy().into_owned();
        let (invocations, receiver) = mpsc::unbounded_channel();
        let (serving, stopped) = oneshot::channel();
        let init_error = Arc::default();
        let address = serve(receiver, Arc::clone(&init_error), stopped)?;
        let api = address.parse().context("an address")?;

        let mut child = Command::new(program)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", &name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/03/12/[$LATEST]3d2f1e0c9b8a7f6e5d4c3b2a19080706")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_REGION", "us-east-1")
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let process_id = child.id().context("a process has an id")?;

        let (lines, output) = watch::channel(Vec::new());
        let lines = Arc::new(lines);
        tokio::spawn(collect(child.stdout.take(), Arc::clone(&lines)));
        tokio::spawn(collect(child.stderr.take(), lines));

        let (exit, exited) = watch::channel(None);
        let (kill, killed) = oneshot::channel();
        tokio::spawn(async move {
            let status = tokio::select! {
                status = child.wait() => status,
                // Also when `Function` is dropped.
                _ = killed => {
                    child.start_kill().ok();
                    child.wait().await
                }
            };
            exit.send_replace(status.ok());
        });

        let turn = tokio::sync::Mutex::new(0);
        let kill = Mutex::new(Some(kill));
        Ok(Function {
            name,
            process_id,
            invocations,
            turn,
            exited,
            output,
            arrived: watch::Sender::default(),
            api,
            init_error,
            kill,
            _serving: serving,
        })
    }

    /// Hands over an event and waits for the answer, at most [`DEADLINE`].
    pub async fn invoke(&self, event: Value) -> anyhow::Result<Invocation> {
        self.invoke_within(event, DEADLINE).await
    }

    /// As [`Function::invoke`], with the function's time-out; it counts from the moment the process takes the event.
    /// As on AWS a time-out ends the process, and no other is started here.
    pub async fn invoke_within(&self, event: Value, deadline: Duration) -> anyhow::Result<Invocation> {
        let mut turn = self.turn.lock().await;
        *turn += 1;
        let event = event.to_string();
        ensure!(
            event.len() <= EVENT_MAX_BYTES,
            "RequestTooLargeException: an event of {} bytes",
            event.len()
        );
        let request_id = format!("8476a536-e9f4-11e8-9739-{:012x}", *turn);
        let (parts, mut arriving) = mpsc::unbounded_channel();
        let function_arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{}", self.name);
        let delivery = Delivery { request_id: request_id.clone(), function_arn, event, deadline, parts };
        self.invocations.send(delivery).ok().context("the Runtime API has ended")?;

        let mut exited = self.exited.clone();
        let mut until = Instant::now() + INIT_MAX;
        let mut delivered = Instant::now();
        let mut answered = None;
        let mut open = true;
        let mut body = Vec::new();
        let mut streamed = None;
        self.arrived.send_replace(String::new());
        let outcome = loop {
            let part = tokio::select! {
                // In this order: an endless answer is cut, and what was said before an exit counts.
                biased;
                () = sleep_until(until.into()) => {
                    self.kill();
                    let cause = format!("Task timed out after {:.2} seconds", delivered.elapsed().as_secs_f64());
                    break Err(FunctionError::of_platform("Sandbox.Timedout", &request_id, &cause));
                }
                part = arriving.recv(), if open => part,
                ended = exited.wait_for(Option::is_some), if !open || answered.is_none() => {
                    if let Some(error) = self.init_error.get() {
                        break Err(error.clone());
                    }
                    let status = ended.ok().and_then(|status| *status).map(|status| status.to_string());
                    let cause = format!("Runtime exited with error: {}", status.unwrap_or_default());
                    break Err(FunctionError::of_platform("Runtime.ExitError", &request_id, &cause));
                }
            };
            let now = Instant::now();
            // An answer that broke off; the exit or the deadline that follows says why.
            let Some(part) = part else {
                open = false;
                continue;
            };
            match part {
                Part::Delivered => {
                    delivered = now;
                    until = now + deadline;
                }
                Part::Begun => answered = Some(now),
                Part::Prelude(prelude) => streamed = Some(Streamed { prelude, chunks: Vec::new() }),
                Part::Chunk(chunk) => {
                    body.extend_from_slice(&chunk);
                    self.arrived.send_replace(String::from_utf8_lossy(&body).into_owned());
                    if let Some(streamed) = &mut streamed {
                        streamed.chunks.push((now, chunk));
                    }
                }
                Part::End(error) => break error.map_or(Ok(()), Err),
            }
        };
        Ok(Invocation { result: outcome.map(|()| body), streamed, delivered, answered })
    }

    /// The lines on stdout and stderr so far. A line written before an answer may still be under way: see
    /// [`Function::log_with`].
    pub fn logs(&self) -> Vec<String> {
        self.output.borrow().clone()
    }

    /// Waits for the first line that contains `words`. Fails when the process closes its output without one.
    pub async fn log_with(&self, words: &str) -> anyhow::Result<String> {
        let mut output = self.output.clone();
        let found = |lines: &Vec<String>| lines.iter().any(|line| line.contains(words));
        let lines = output.wait_for(found).await.with_context(|| format!("no line with {words:?}"))?;
        lines.iter().find(|line| line.contains(words)).cloned().context("just seen")
    }

    /// Waits until `words` have arrived of the answer that is being given.
    pub async fn arrived(&self, words: &str) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|text| text.contains(words)).await.expect("it lives as long as we");
    }

    /// CPU time of all threads and peak memory in bytes so far; an error once the process has ended.
    pub fn usage(&self) -> anyhow::Result<(Duration, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id))?;
        // Not `rusage`'s figure, which counts the memory of the parent that forked.
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("a process with memory")?;
        let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok((cpu_time(self.process_id)?, peak_kb * 1024))
    }

    /// Waits until the process ends by itself.
    pub async fn exited(&self) -> Option<ExitStatus> {
        self.exited.clone().wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Kills the process, as AWS does, and returns all it wrote.
    pub async fn stop(mut self) -> Vec<String> {
        self.kill();
        self.exited().await;
        // Both readers end with the output, unless the process left children that hold it open.
        let closed = async { while self.output.changed().await.is_ok() {} };
        timeout(Duration::from_secs(5), closed).await.ok();
        self.logs()
    }

    fn kill(&self) {
        drop(self.kill.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Invocation {
    /// The answer as JSON; panics with what came instead.
    pub fn json(&self) -> Value {
        let body = self.result.as_ref().expect("an answer, not an error");
        serde_json::from_slice(body).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(body)))
    }
}

impl FunctionError {
    fn of_platform(error_type: &str, request_id: &str, cause: &str) -> FunctionError {
        let error_message = format!("RequestId: {request_id} Error: {cause}");
        FunctionError { error_type: error_type.into(), error_message }
    }

    fn from_report(error_type: Option<&str>, report: &[u8]) -> FunctionError {
        let report: Value = serde_json::from_slice(report).unwrap_or_default();
        let text = |member: &str| report[member].as_str().map(str::to_owned);
        FunctionError {
            error_type: text("errorType")
                .or(error_type.map(str::to_owned))
                .unwrap_or_else(|| "Unhandled".into()),
            error_message: text("errorMessage").unwrap_or_default(),
        }
    }
}

async fn collect(stream: Option<impl AsyncRead + Unpin>, lines: Arc<watch::Sender<Vec<String>>>) {
    let Some(stream) = stream else { return };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        lines.send_modify(|lines| lines.push(text));
        line.clear();
    }
}

/// CPU time of all threads of a process so far.
pub(crate) fn cpu_time(process_id: u32) -> anyhow::Result<Duration> {
    let process_id = libc::pid_t::try_from(process_id)?;
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls only write to the two locals they are given.
    let read = unsafe {
        libc::clock_getcpuclockid(process_id, &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    ensure!(read, "no CPU clock of process {process_id}");
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_process_gets_only_the_given_environment_and_its_end_is_an_error() {
        let given = [("GREETING", "hello".to_owned())];
        let function = Function::start(Path::new("/usr/bin/env"), &given).unwrap();
        let error = function.invoke(json!({})).await.unwrap().result.unwrap_err();
        assert_eq!(error.error_type, "Runtime.ExitError");
        assert_eq!(function.log_with("GREETING").await.unwrap(), "GREETING=hello");
        assert!(function.log_with("no such words").await.is_err());
        let names: Vec<String> = function.stop().await;
        let foreign = names.iter().filter(|line| !line.starts_with("AWS_")).count();
        assert_eq!(foreign, 2, "{names:?}");
    }
}
