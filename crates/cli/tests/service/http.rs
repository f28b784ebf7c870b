//! Requests as any client sends them, each on a connection of its own.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request with an API token to a server's `http://HOST:PORT`.
pub(crate) async fn send(
    (address, token): (&str, &str),
    (method, path): (&str, &str),
    (content_type, body): (&str, &[u8]),
) -> std::io::Result<Answer> {
    let host = address.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host).await?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.unwrap_or_default(), body: body.to_owned() })
}

pub(crate) async fn get(server: (&str, &str), path: &str) -> Answer {
    send(server, ("GET", path), ("application/json", b"")).await.unwrap()
}

pub(crate) async fn post(server: (&str, &str), path: &str, body: &serde_json::Value) -> Answer {
    send(server, ("POST", path), ("application/json", body.to_string().as_bytes())).await.unwrap()
}
