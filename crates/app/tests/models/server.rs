//! A hub of one file on the loopback interface: honest, cutting connections, or lying.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// How the server answers one request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// The whole file, or the part asked for if the tag still fits.
    File { content: Vec<u8>, etag: Option<&'static str> },
    /// Announces the whole file and hangs up after so many bytes of it.
    Cut { content: Vec<u8>, etag: Option<&'static str>, after: usize },
    /// A status with nothing.
    Status(u16),
}

/// Answers requests in turn, then stops listening.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    requests: Receiver<String>,
}

impl Server {
    pub(crate) fn answering(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (send, requests) = channel();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read_request(&stream);
                // The client may hang up on an answer that it does not like.
                let _ = reply(&mut stream, &answer, &request);
                send.send(request).unwrap();
            }
        });
        Self { endpoint, requests }
    }

    /// The head of the next request that was answered.
    pub(crate) fn next_request(&self) -> String {
        self.requests.recv().unwrap()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines();
    let mut head = String::new();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
        head.push('\n');
    }
    head
}

fn reply(stream: &mut TcpStream, answer: &Answer, request: &str) -> std::io::Result<()> {
    match answer {
        Answer::Status(status) => {
            write!(stream, "HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Answer::Cut { content, etag, after } => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
                tag(*etag),
                content.len()
            )?;
            stream.write_all(&content[..*after])
        }
        Answer::File { content, etag } => {
            let start = range_start(request).filter(|_| {
                etag.is_some_and(|etag| request.contains(&format!("if-range: {}", etag.to_ascii_lowercase())))
            });
            let head = match start {
                Some(start) => {
                    let last = content.len() - 1;
                    format!("206 Partial Content\r\ncontent-range: bytes {start}-{last}/{}", content.len())
                }
                None => "200 OK".to_owned(),
            };
            let body = &content[start.unwrap_or(0)..];
            let tag = tag(*etag);
            write!(
                stream,
                "HTTP/1.1 {head}\r\n{tag}content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            )?;
            stream.write_all(body)
        }
    }
}

fn tag(etag: Option<&str>) -> String {
    etag.map_or_else(String::new, |etag| format!("etag: {etag}\r\n"))
}

fn range_start(request: &str) -> Option<usize> {
    let (_, rest) = request.split_once("range: bytes=")?;
    rest.split_once('-')?.0.parse().ok()
}
