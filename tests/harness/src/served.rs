//! The real `server` program on a loopback port.

use std::{process::Stdio, time::Duration};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::{
    parts::{given, program},
    runtime_api::cpu_time,
};

/// A running server. Dropping it kills the process.
pub struct Served {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    process: Child,
    /// Reads its log to the end, so that it never waits for a reader; only where somebody wants it.
    log: Option<JoinHandle<Vec<String>>>,
}

impl Served {
    /// Starts the program with `PATH` and these settings, and waits until it listens.
    ///
    /// # Panics
    /// Where it ends before it is ready.
    pub async fn start(settings: &[(&'static str, String)]) -> Self {
        Self::run(settings, Stdio::null()).await
    }

    /// The same with the store's credentials; what it logs is kept for [`Served::end`].
    ///
    /// # Panics
    /// Likewise.
    pub async fn telling(settings: &[(&'static str, String)]) -> Self {
        let mut settings = settings.to_vec();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            settings.push((name, given(name)));
        }
        let mut served = Self::run(&settings, Stdio::piped()).await;
        let log = served.process.stderr.take().expect("its log");
        served.log = Some(tokio::spawn(lines(log)));
        served
    }

    async fn run(settings: &[(&'static str, String)], log: Stdio) -> Self {
        let mut process = Command::new(program("server"))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("start the server");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let first = lines.next_line().await.expect("read its output").expect("it says that it is ready");
        let url = first.strip_prefix("ready ").expect("a line `ready URL`").to_owned();
        Self { url, process, log: None }
    }

    /// CPU time of all its threads so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_time(self.process.id().context("it runs")?)
    }

    /// Asks it to end, as a platform does; answers all that it logged.
    ///
    /// # Panics
    /// Where it does not end well, or was not started to tell.
    pub async fn end(mut self) -> Vec<String> {
        let id = self.process.id().expect("it runs").to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.expect("a signal");
        assert!(self.process.wait().await.expect("its end").success(), "it ends well");
        self.log.take().expect("it tells").await.expect("its log")
    }
}

async fn lines(log: impl AsyncRead + Unpin) -> Vec<String> {
    let (mut lines, mut said) = (BufReader::new(log).lines(), Vec::new());
    while let Some(line) = lines.next_line().await.expect("a line of text") {
        said.push(line);
    }
    said
}
