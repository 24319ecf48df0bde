//! The real `server` program on a loopback port.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::parts::program;

/// A running server. Dropping it kills the process.
pub struct Served {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    _process: Child,
}

impl Served {
    /// Starts the program with `PATH` and these settings, and waits until it listens.
    ///
    /// # Panics
    /// Where it ends before it is ready.
    pub async fn start(settings: &[(&'static str, String)]) -> Self {
        let mut process = Command::new(program("server"))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("start the server");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let first = lines.next_line().await.expect("read its output").expect("it says that it is ready");
        let url = first.strip_prefix("ready ").expect("a line `ready URL`").to_owned();
        Self { url, _process: process }
    }
}
