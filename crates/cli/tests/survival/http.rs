//! One request and its answer over a connection of its own, which may break at any moment.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any answer takes: a server that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bodies are sent in pieces of this length, with a moment between, so that they are under way for a while.
const PIECE: usize = 64 << 10;
const BETWEEN_PIECES: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    kind: &'static str,
    body: Vec<u8>,
    key: Option<String>,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), kind: "", body: Vec::new(), key: None }
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self { method: "POST", ..Self::get(path) }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: "DELETE", ..Self::get(path) }
    }

    pub(crate) fn with_json(self, body: &Value) -> Self {
        Self { kind: "application/json", body: body.to_string().into_bytes(), ..self }
    }

    pub(crate) fn with_file(self, bytes: &[u8]) -> Self {
        Self { kind: "application/octet-stream", body: bytes.to_vec(), ..self }
    }

    /// To be done once, however often it is sent under this key.
    pub(crate) fn under(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }

    fn head(&self, address: &str, token: &str) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {address}\r\n", self.method, self.path);
        head += &format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
        if let Some(key) = &self.key {
            head += &format!("Idempotency-Key: {key}\r\n");
        }
        if self.method != "GET" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        if !self.kind.is_empty() {
            head += &format!("Content-Type: {}\r\n", self.kind);
        }
        head + "\r\n"
    }

    /// Sends it to `address`, such as `127.0.0.1:80`.
    ///
    /// # Errors
    /// When the answer does not arrive as a whole; whether the request did, nobody knows then.
    pub(crate) async fn send(&self, address: &str, token: &str) -> Result<Answer> {
        let exchanged = async {
            let mut connection = TcpStream::connect(address).await?;
            connection.write_all(self.head(address, token).as_bytes()).await?;
            for piece in self.body.chunks(PIECE) {
                connection.write_all(piece).await?;
                if self.body.len() > PIECE {
                    tokio::time::sleep(BETWEEN_PIECES).await;
                }
            }
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).await?;
            Answer::read(&answer).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))
        };
        let exchanged = tokio::time::timeout(PATIENCE, exchanged).await;
        exchanged.unwrap_or_else(|_| panic!("{} {} was never answered", self.method, self.path))
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it was given before, to the same request under the same key.
    pub(crate) is_replayed: bool,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer from all bytes of its connection; none if it was cut.
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let body = &bytes[end + 4..];
        let value = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let body = match value("content-length") {
            Some(length) => body.get(..length.parse().unwrap())?.to_vec(),
            None if value("transfer-encoding") == Some("chunked") => joined(body)?,
            None => body.to_vec(),
        };
        let is_replayed = value("idempotency-replayed") == Some("true");
        Some(Self { status: head.split(' ').nth(1)?.parse().ok()?, is_replayed, body })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The content of a chunked body; none if its last chunk is missing.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(str::from_utf8(&body[..line]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend(body.get(line + 2..line + 2 + length)?);
        body = body.get(line + 4 + length..)?;
    }
}
