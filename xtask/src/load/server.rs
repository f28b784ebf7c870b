//! A server of the measurement's own: built in release, with a data directory that goes with it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::client::Client;
use crate::environment::Environment;

const PASSWORD: &str = "seven quiet hens measure the rain";
/// How long the server rests before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// A server and a token for it. Ended and removed when dropped.
pub(super) struct RunningServer {
    server: Child,
    address: SocketAddr,
    token: String,
    data: PathBuf,
    /// From its start until it answered.
    pub(super) start_ms: f64,
}

impl RunningServer {
    /// Builds and starts it; with a model file it can train.
    pub(super) fn start(environment: &Environment, model: Option<&Path>) -> Result<Self> {
        let program = crate::suite::executable(environment)?;
        let data = std::env::temp_dir().join(format!("gradus-load-{}", std::process::id()));
        std::fs::create_dir_all(&data)?;
        let models = data.join("local-models");
        if let Some(model) = model {
            install(model, &models)?;
        }
        // Once before, so that what is measured is a start and not the making of a database.
        drop(Self::spawn(&program, &data, &models)?);
        let (server, address, token, start_ms) = Self::spawn(&program, &data, &models)?.ready()?;
        let mut running = Self { server, address, token: String::new(), data, start_ms };
        running.token = running.set_up(&token)?;
        Ok(running)
    }

    fn spawn(program: &Path, data: &Path, models: &Path) -> Result<Starting> {
        let begun = Instant::now();
        let server = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("GRADUS_MODELS_DIR", models)
            .env("GRADUS_ACCOUNTS_QUOTAS__RUNNING_JOBS", "1000")
            .env("GRADUS_LOG_LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the server could not be started")?;
        Ok(Starting { server, begun })
    }

    /// Makes the first administrator and a token.
    fn set_up(&self, token: &str) -> Result<String> {
        let mut client = Client::connect(self.address, None)?;
        let first = json!({ "token": token, "name": "load", "display_name": "Load", "password": PASSWORD });
        client.post("/api/v1/setup", &first)?;
        let login = json!({ "name": "load", "password": PASSWORD });
        let answer =
            client.ask("POST", "/api/v1/sessions", "application/json", login.to_string().as_bytes())?;
        ensure!(answer.status < 300, "the login was answered with {}", answer.status);
        let cookie = answer.cookie.context("the login set no cookie")?;
        let mut client = Client::connect(self.address, None)?.with_cookie(&cookie);
        let made =
            client.post("/api/v1/tokens", &json!({ "name": "load", "scope": "write", "hours": 24 }))?;
        Ok(made["secret"].as_str().context("no token was made")?.to_owned())
    }

    /// A connection of its own, with the token.
    pub(super) fn client(&self) -> Result<Client> {
        Client::connect(self.address, Some(&self.token))
    }

    pub(super) fn process(&self) -> u32 {
        self.server.id()
    }

    pub(super) fn memory_mb(&self) -> Result<f64> {
        memory_of(self.server.id())
    }

    /// Memory of the server alone and with its workers, when nobody asks anything.
    pub(super) fn memory_at_rest(&self) -> Result<(f64, f64)> {
        std::thread::sleep(REST);
        let alone = self.memory_mb()?;
        let workers = children_of(self.server.id())?;
        let workers = workers.into_iter().map(memory_of).sum::<Result<f64>>()?;
        Ok((alone, alone + workers))
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        end(&mut self.server);
        // A directory in the way of the next measurement is better than none of this one.
        _ = std::fs::remove_dir_all(&self.data);
    }
}

/// A server that may not answer yet. Ended when dropped.
struct Starting {
    server: Child,
    begun: Instant,
}

impl Starting {
    /// Waits until it answers: the process, its address, its token for setting up, and how long that took.
    fn ready(mut self) -> Result<(Child, SocketAddr, String, f64)> {
        let mut output = BufReader::new(self.server.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address =
            line.trim().strip_prefix("listening on http://").context("it does not say where it listens")?;
        let address: SocketAddr = address.parse()?;
        let live = Client::connect(address, None)?.get("/health/live")?;
        ensure!(live.status == 200, "/health/live was answered with {}", live.status);
        let start_ms = self.begun.elapsed().as_secs_f64() * 1e3;
        let said = BufReader::new(self.server.stderr.take().context("no messages")?);
        let token = said.lines().map_while(Result::ok).map(|line| line.trim().to_owned());
        let token = token.skip_while(|line| !line.contains("one-time token")).find(|line| is_token(line));
        let token = token.context("it shows no token for setting up")?;
        let server = std::mem::replace(&mut self.server, Command::new("true").spawn()?);
        Ok((server, address, token, start_ms))
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

fn is_token(line: &str) -> bool {
    line.len() > 20
        && line.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

fn end(server: &mut Child) {
    _ = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    _ = server.wait();
}

/// The model under the name and the file name that the catalogue knows.
fn install(model: &Path, models: &Path) -> Result<()> {
    std::fs::create_dir_all(models)?;
    let name = model.file_name().context("the model has no name")?;
    let to = models.join(name);
    if !to.exists() {
        std::fs::copy(model, &to)?;
    }
    Ok(())
}

/// Resident memory of a process, in MB.
pub(super) fn memory_of(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

fn children_of(process: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Ok(id) = name.parse::<u32>() else { continue };
        let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else { continue };
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        if parent.is_some_and(|parent| parent.trim() == process.to_string()) {
            children.push(id);
        }
    }
    Ok(children)
}
