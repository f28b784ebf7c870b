//! Runs the peers' scripts, each with the Python that has its packages.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Figures;
use super::comparisons::Peer;
use super::options::Options;

const PEFT: &str = include_str!("peer_peft.py");
const LLAMA_CPP: &str = include_str!("peer_llama_cpp.py");

pub(super) struct Peers<'a> {
    pub(super) model: &'a Path,
    pub(super) options: &'a Options,
}

impl Peers<'_> {
    /// One run; `None` where no Python was given for that peer.
    pub(super) fn measure(&self, peer: Peer) -> Result<Option<Figures>> {
        let (python, script, arguments) = match peer {
            Peer::Peft(arguments) => (&self.options.python, PEFT, arguments),
            Peer::LlamaCpp(arguments) => (&self.options.llama_python, LLAMA_CPP, arguments),
        };
        let Some(python) = python else { return Ok(None) };
        let threads = std::thread::available_parallelism()?.to_string();
        let output = Command::new(python)
            .args(["-c", script])
            .arg(self.model)
            .args(arguments)
            .env("PEER_THREADS", threads)
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("could not start {}", python.display()))?;
        ensure!(
            output.status.success(),
            "{} ended with {}:\n{}",
            python.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        super::engine::last_line(&output.stdout).map(Some)
    }
}
