//! A relay in front of Postgres that can change statements on their way, and cut connections: what the bundle would be
//! without one of its guards, and what it does when something dies.

use std::sync::Arc;

use tokio::{
    io::{AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::postgres_wire::{host, read};

/// What becomes of a statement.
type Rewrite = dyn Fn(&str) -> String + Send + Sync;

/// The relay. It ends with the test's runtime.
pub struct Rewriter {
    address: String,
    cuts: watch::Sender<u32>,
}

impl Rewriter {
    /// Relays to the server of a Postgres URL; `rewrite` sees every statement with parameters.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(url: &str, rewrite: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let server = host(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let rewrite: Arc<Rewrite> = Arc::new(rewrite);
        let cuts = watch::Sender::new(0);
        let cut = cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Where there is no server, the client sees the end of its connection.
                let Ok(upstream) = TcpStream::connect(&server).await else { continue };
                tokio::spawn(relay(client, upstream, rewrite.clone(), cut.clone()));
            }
        });
        Self { address, cuts }
    }

    /// The URL of the same database through the relay.
    pub fn url(&self, url: &str) -> String {
        url.replace(host(url), &self.address)
    }

    /// Cuts every connection that there is, whatever it is doing. New ones may come.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn relay(client: TcpStream, server: TcpStream, rewrite: Arc<Rewrite>, mut cut: watch::Receiver<u32>) {
    for socket in [&client, &server] {
        // Half a packet would wait for the acknowledgement of the one before it.
        socket.set_nodelay(true).expect("a socket");
    }
    cut.mark_unchanged();
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    // Whichever ends first ends both.
    tokio::select! {
        () = forward(from_client, to_server, rewrite) => {}
        _ = copy(&mut from_server, &mut to_client) => {}
        _ = cut.changed() => {}
    }
}

async fn forward(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, rewrite: Arc<Rewrite>) {
    // The first message has no type.
    let mut typed = false;
    while let Some(message) = read(&mut client, typed).await {
        let message = if typed && message[0] == b'P' { rewritten(&message, &*rewrite) } else { message };
        typed = true;
        if server.write_all(&message).await.is_err() {
            break;
        }
    }
    server.shutdown().await.ok();
}

/// A `Parse` message: its type, its length, the statement's name, its SQL, the types of its parameters.
fn rewritten(message: &[u8], rewrite: &Rewrite) -> Vec<u8> {
    let mut texts = message[5..].splitn(3, |byte| *byte == 0);
    let mut next = || texts.next().expect("a whole message");
    let (name, sql, types) = (next(), next(), next());
    let sql = rewrite(std::str::from_utf8(sql).expect("SQL"));
    let body = [name, b"\0", sql.as_bytes(), b"\0", types].concat();
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [b"P", &length.to_be_bytes()[..], &body].concat()
}

/// The statement without the conditions by which handlers keep to their tenant: what is left is row-level security.
/// Columns that are written keep their values.
///
/// # Panics
/// Where the statement compares a tenant's column in a way that this does not know.
pub fn without_conditions(sql: &str) -> String {
    let mut words: Vec<String> = sql.split_inclusive(char::is_whitespace).map(str::to_owned).collect();
    let bare = |word: &str| word.trim_end().trim_start_matches('(').to_owned();
    for at in 1..words.len().saturating_sub(1) {
        if words[at].trim_end() != "=" {
            continue;
        }
        let (left, right) = (bare(&words[at - 1]), bare(&words[at + 1]));
        let column = left.rsplit('.').next().unwrap_or_default();
        // `workspaces` is the one table whose rows are named by the tenant itself.
        let of_workspaces = column == "id" && from(&words[..at - 1]) == "workspaces";
        if !(["workspace_id", "user_id"].contains(&column) || of_workspaces) {
            continue;
        }
        let value = right.trim_end_matches([')', ',', ';']);
        let is_tenant = value.starts_with('$') || value.rsplit('.').next() == Some(column);
        assert!(is_tenant, "{left} = {right}: {sql}");
        let opening = words[at - 1].len() - words[at - 1].trim_start_matches('(').len();
        words[at - 1] = format!("{}true", "(".repeat(opening));
        words[at].clear();
        words[at + 1] = words[at + 1].replacen(value, "", 1);
        if !words[at + 1].ends_with(char::is_whitespace) {
            words[at + 1].push(' ');
        }
    }
    words.concat()
}

/// The table that the innermost statement so far reads or changes.
fn from(words: &[String]) -> &str {
    let before = words.iter().rposition(|word| ["FROM", "UPDATE"].contains(&word.trim()));
    before.and_then(|at| words.get(at + 1)).map_or("", |word| word.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_go_and_values_stay() {
        for (sql, left) in [
            (
                "SELECT a FROM t WHERE id = $1 AND workspace_id = $2",
                "SELECT a FROM t WHERE id = $1 AND true ",
            ),
            (
                "SELECT (x WHERE p.workspace_id = $1) FROM t JOIN d ON d.workspace_id = p.workspace_id AND 1",
                "SELECT (x WHERE true) FROM t JOIN d ON true AND 1",
            ),
            ("SELECT chunks FROM workspaces WHERE id = $1\n)", "SELECT chunks FROM workspaces WHERE true\n)"),
            ("DELETE FROM documents WHERE id = $1", "DELETE FROM documents WHERE id = $1"),
            ("INSERT INTO t (workspace_id) VALUES ($1)", "INSERT INTO t (workspace_id) VALUES ($1)"),
        ] {
            assert_eq!(without_conditions(sql), left);
        }
    }
}
