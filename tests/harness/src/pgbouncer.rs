//! PgBouncer in transaction mode before the tests' Postgres: the pooler that deployments have.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, Command},
};

use crate::{
    parts::{given, unique},
    postgres_wire::host,
};

/// Who may connect.
const ROLE: &str = "footnote_app";

/// A pooler of one test. Dropping it kills the process.
pub struct PgBouncer {
    address: String,
    folder: PathBuf,
    _process: Child,
}

impl PgBouncer {
    /// One that has at most `pool` connections to the server of a Postgres URL; none, with a loud word about it, where the
    /// machine has no PgBouncer.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(url: &str, pool: usize) -> Option<Self> {
        let Ok(program) = std::env::var("TEST_PGBOUNCER") else {
            println!("WARNING: THERE IS NO PGBOUNCER ON THIS MACHINE; this goes straight to Postgres");
            return None;
        };
        let folder = std::env::temp_dir().join(unique("footnote-pgbouncer"));
        std::fs::create_dir_all(&folder).expect("a folder");
        // For the server; its own clients it believes, which saves thousands of rounds of hashing a connection.
        let password = given("TEST_DATABASE_PASSWORD");
        std::fs::write(folder.join("users"), format!("\"{ROLE}\" \"{password}\"\n")).expect("a file");
        let (server, port) = host(url).rsplit_once(':').expect("a host and a port");
        // Between looking for a free port and taking it somebody else may take it.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let settings = format!(
                "[databases]\n* = host={server} port={port}\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\n\
                 pool_mode = transaction\ndefault_pool_size = {pool}\nmax_client_conn = 200\n\
                 auth_type = trust\nauth_file = {}\nserver_login_retry = 0\n",
                address.port(),
                folder.join("users").display(),
            );
            std::fs::write(folder.join("settings.ini"), settings).expect("a file");
            let mut command = Command::new(&program);
            if let Ok(libraries) = std::env::var("TEST_PGBOUNCER_LIBRARIES") {
                command.env("LD_LIBRARY_PATH", libraries);
            }
            if rustix::process::geteuid().is_root() {
                // It refuses to be root.
                command.args(["-u", "nobody"]);
            }
            command.arg(folder.join("settings.ini")).stdin(Stdio::null()).stdout(Stdio::null());
            let mut process =
                command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("start PgBouncer");
            let mut lines = BufReader::new(process.stderr.take().expect("its log")).lines();
            if is_up(&mut lines).await {
                // Somebody has to read the rest, or it stops when the pipe is full.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Some(Self { address: address.to_string(), folder, _process: process });
            }
        }
        panic!("PgBouncer does not start; what it says is above");
    }

    /// The URL of the same database through the pooler.
    pub fn url(&self, url: &str) -> String {
        url.replace(host(url), &self.address)
    }
}

async fn is_up(lines: &mut Lines<BufReader<ChildStderr>>) -> bool {
    while let Some(line) = lines.next_line().await.expect("its log") {
        if line.contains("process up") {
            return true;
        }
        println!("pgbouncer: {line}");
    }
    false
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
