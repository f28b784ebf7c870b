//! Requests, said in few words.

use serde_json::Value;

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn session(self, token: &str) -> Self {
        self.header("cookie", &format!("__Host-gradus_session={token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The bytes of the request, on a connection that stays open or not.
    pub(crate) fn bytes(&self, keeps_open: bool) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: gradus.test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str(if keeps_open { "\r\n" } else { "Connection: close\r\n\r\n" });
        [head.as_bytes(), &self.body].concat()
    }
}

/// A form with one file, between two fields.
pub(crate) fn form_with_file(file: &[u8], file_name: &str) -> (String, Vec<u8>) {
    let boundary = "a-boundary-of-this-test";
    let field = |name: &str, value: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let body = [
        field("before", "1").as_bytes(),
        head.as_bytes(),
        file,
        b"\r\n",
        field("after", "2").as_bytes(),
        format!("--{boundary}--\r\n").as_bytes(),
    ]
    .concat();
    (format!("multipart/form-data; boundary={boundary}"), body)
}
