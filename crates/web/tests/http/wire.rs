//! A client of a few lines, which sends exactly what it is told and reads answers as RFC 9112 says.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes, shorter than a person waits for a test.
const PATIENCE: Duration = Duration::from_secs(30);

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The values of all lines of a header, joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let values: Vec<&str> = values.collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends to a server that may have closed the connection already.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        timeout(PATIENCE, self.0.write_all(bytes.as_ref())).await.expect("the server reads")
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    pub(crate) async fn answer_to(&mut self, method: &str) -> Answer {
        timeout(PATIENCE, self.read_answer(method)).await.expect("the server answers")
    }

    /// The status and headers alone, of an answer whose body goes on.
    pub(crate) async fn head(&mut self) -> Answer {
        timeout(PATIENCE, self.read_head()).await.expect("the server answers")
    }

    /// The next line of a body that goes on, without its end; none at the end of the connection.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count =
            timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("the server goes on").unwrap_or(0);
        (count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Whether the server closes within `time`, having sent nothing more.
    pub(crate) async fn is_closed_within(&mut self, time: Duration) -> bool {
        let mut rest = Vec::new();
        let ended = timeout(time, self.0.read_to_end(&mut rest)).await;
        ended.is_ok() && rest.is_empty()
    }

    /// The socket, with nothing read ahead.
    pub(crate) fn into_socket(self) -> TcpStream {
        assert!(self.0.buffer().is_empty());
        self.0.into_inner()
    }

    async fn read_head(&mut self) -> Answer {
        let first = self.line().await.expect("an answer before the connection ends");
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.line().await.expect("the whole head");
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Answer { status: status.unwrap_or_else(|| panic!("no status: {first}")), headers, body: Vec::new() }
    }

    async fn read_answer(&mut self, method: &str) -> Answer {
        let mut answer = self.read_head().await;
        if answer.status == 100 {
            answer = self.read_head().await;
        }
        if method == "HEAD" || matches!(answer.status, 204 | 304) {
            return answer;
        }
        if answer.header("transfer-encoding").as_deref() == Some("chunked") {
            answer.body = self.read_chunks().await;
        } else if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut answer.body).await.unwrap();
        } else {
            self.0.read_to_end(&mut answer.body).await.unwrap();
        }
        answer
    }

    async fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await.expect("the size of a chunk");
            let size = usize::from_str_radix(&line, 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk).await.unwrap();
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return body;
            }
        }
    }
}
