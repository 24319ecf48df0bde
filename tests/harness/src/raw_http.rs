//! HTTP/1.1 byte by byte: requests that no client library would send.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Longer than any answer takes; a server that is silent for so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to one server, opened again whenever the server has closed it.
pub struct Connection {
    address: String,
    open: Option<(BufReader<OwnedReadHalf>, OwnedWriteHalf)>,
}

/// What a server said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// To the server of a URL such as `http://127.0.0.1:PORT`. Nothing is opened yet.
    pub fn to(url: &str) -> Self {
        Self { address: url.trim_start_matches("http://").to_owned(), open: None }
    }

    /// Sends these bytes and reads what comes back; none where the server closes without a word. `ends` says that nothing
    /// more will come, though the bytes may promise it.
    ///
    /// # Panics
    /// Where the server is not there, or says nothing and stays.
    pub async fn send(&mut self, bytes: &[u8], ends: bool) -> Option<Reply> {
        let kept = self.open.is_some();
        let said = self.exchange(bytes, ends).await;
        if said.is_none() && kept {
            // It may have closed the connection after the last answer.
            return self.exchange(bytes, ends).await;
        }
        said
    }

    /// Closes it: the next request goes over another one.
    pub fn close(&mut self) {
        self.open = None;
    }

    async fn exchange(&mut self, bytes: &[u8], ends: bool) -> Option<Reply> {
        if self.open.is_none() {
            let stream = TcpStream::connect(&self.address).await.expect("the server listens");
            stream.set_nodelay(true).expect("a socket");
            let (from, to) = stream.into_split();
            self.open = Some((BufReader::new(from), to));
        }
        let (mut from, mut to) = self.open.take().expect("opened above");
        let writing = async {
            // Who refuses early does not read to the end.
            to.write_all(bytes).await.ok();
            if ends {
                to.shutdown().await.ok();
            }
            to
        };
        let is_head = bytes.starts_with(b"HEAD ");
        let exchanged = async { tokio::join!(read(&mut from, is_head), writing) };
        let outcome = tokio::time::timeout(PATIENCE, exchanged).await;
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let (read, to) = outcome.unwrap_or_else(|_| panic!("no answer within {PATIENCE:?}: {start}"));
        let (reply, stays) = read.ok()??;
        if stays && !ends {
            self.open = Some((from, to));
        }
        Some(reply)
    }
}

/// One answer, and whether another may follow; none at the connection's end.
async fn read(from: &mut BufReader<OwnedReadHalf>, is_head: bool) -> io::Result<Option<(Reply, bool)>> {
    loop {
        let Some(line) = line(from).await? else { return Ok(None) };
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or_else(|| io::Error::other(format!("no status line: {line}")))?;
        let mut headers = Vec::new();
        while let Some(line) = self::line(from).await?.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status == 100 {
            continue;
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        let bare = is_head || matches!(status, 204 | 304);
        let length = reply.header("content-length").and_then(|length| length.parse::<u64>().ok());
        match length {
            _ if bare => {}
            Some(length) => {
                from.take(length).read_to_end(&mut reply.body).await?;
            }
            None if reply.header("transfer-encoding").is_some() => read_chunks(from, &mut reply.body).await?,
            None => {
                from.read_to_end(&mut reply.body).await?;
            }
        }
        let stays = (bare || length.is_some() || reply.header("transfer-encoding").is_some())
            && reply.header("connection") != Some("close");
        return Ok(Some((reply, stays)));
    }
}

async fn read_chunks(from: &mut BufReader<OwnedReadHalf>, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let size = line(from).await?.unwrap_or_default();
        let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
        from.take(size).read_to_end(body).await?;
        line(from).await?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// A line without its end; none at the connection's end.
async fn line(from: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if from.read_until(b'\n', &mut bytes).await? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}
