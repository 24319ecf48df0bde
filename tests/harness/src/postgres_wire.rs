//! A relay in front of Postgres that reads what the bundle sends: which statements have names, and what it waits for.
//!
//! From `BEGIN` to `COMMIT` it withholds Postgres' replies: who needs one in between to go on never gets to `COMMIT`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// A message of the frontend (PostgreSQL documentation, "Message Formats").
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sent {
    /// `Query`: simple, never prepared.
    Query(String),
    /// `Parse`: the statement's name, empty where it has none, and its SQL.
    Parse(String, String),
    /// Any other, by its type.
    Other(char),
}

/// The relay. It ends with the test's runtime.
pub struct Wire {
    address: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Wire {
    /// Relays to the server of a Postgres URL.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(url: &str) -> Self {
        let server = host(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = sent.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(&server).await.expect("Postgres");
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = upstream.into_split();
                let (open, withheld) = watch::channel(false);
                tokio::spawn(forward(from_client, to_server, open, log.clone()));
                tokio::spawn(back(from_server, to_client, withheld));
            }
        });
        Self { address, sent }
    }

    /// The URL of the same database through the relay.
    pub fn url(&self, url: &str) -> String {
        url.replace(host(url), &self.address)
    }

    /// All that was sent so far, in order (of one connection, where there is one).
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was sent so far.
    pub fn forget(&self) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Host and port of a Postgres URL.
pub(crate) fn host(url: &str) -> &str {
    let (_, place) = url.split_once('@').expect("a URL with a user");
    place.split_once('/').expect("a URL with a database").0
}

async fn forward(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    open: watch::Sender<bool>,
    log: Arc<Mutex<Vec<Sent>>>,
) {
    // The first message has no type.
    let mut first = true;
    while let Some(message) = read(&mut client, !first).await {
        if !first {
            let sent = parse(&message);
            match &sent {
                Sent::Query(sql) if sql == "BEGIN" => drop(open.send(true)),
                // Other simple queries stand alone; their replies are waited for.
                Sent::Query(_) => drop(open.send(false)),
                _ => {}
            }
            log.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        }
        first = false;
        if server.write_all(&message).await.is_err() {
            break;
        }
    }
    server.shutdown().await.ok();
}

async fn back(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, mut withheld: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        if withheld.wait_for(|open| !open).await.is_err() {
            break;
        }
        if client.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}

/// One whole message, its type and length included.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), typed: bool) -> Option<Vec<u8>> {
    let mut message = vec![0; if typed { 5 } else { 4 }];
    stream.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message.last_chunk::<4>().copied()?);
    let begins = message.len();
    message.resize(begins + usize::try_from(length).ok()?.checked_sub(4)?, 0);
    stream.read_exact(&mut message[begins..]).await.ok()?;
    Some(message)
}

fn parse(message: &[u8]) -> Sent {
    let mut texts =
        message[5..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let mut text = || texts.next().unwrap_or_default();
    match message[0] {
        b'Q' => Sent::Query(text()),
        b'P' => Sent::Parse(text(), text()),
        other => Sent::Other(other.into()),
    }
}
