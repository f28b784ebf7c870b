//! A server that speaks S3 and keeps what it is given in memory, for one run of the tests.

use std::ffi::OsStr;
use std::net::TcpStream;
use std::path::Path;

use anyhow::Result;

use super::server::{Plan, Server, free_port, new_directory};

/// A server that may not answer yet.
pub(super) struct Starting {
    server: Server,
    port: u16,
}

/// Starts moto's server.
pub(super) fn start(python: &OsStr, temporary_dir: &Path) -> Result<Starting> {
    let directory = new_directory(temporary_dir, "s3")?;
    let port = free_port()?;
    let number = port.to_string();
    let mut command = vec![python];
    command.extend(["-m", "moto.server", "-H", "127.0.0.1", "-p", &number].map(OsStr::new));
    let server = Server::start(Plan { name: "the S3 server", command, signal: "TERM", directory })?;
    Ok(Starting { server, port })
}

impl Starting {
    /// Waits until it answers; returns it with its address.
    pub(super) fn ready(mut self) -> Result<(Server, String)> {
        let port = self.port;
        self.server.wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok((self.server, format!("http://127.0.0.1:{port}")))
    }
}
