//! A server of the measurement's own: built in release, with a data directory that goes with it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::client::Client;
use super::process::Process;
use crate::built::Built;
use crate::environment::Environment;

const PASSWORD: &str = "seven quiet hens measure the rain";
/// How long the server rests before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// A server and a token for it. Ended and removed when dropped.
pub(super) struct RunningServer {
    pub(super) process: Process,
    address: SocketAddr,
    token: String,
    _place: Place,
    /// From its start until it answered, in milliseconds.
    pub(super) start_ms: f64,
}

impl RunningServer {
    /// Builds and starts it; with a model file it can train.
    pub(super) fn start(environment: &Environment, model: Option<&Path>) -> Result<Self> {
        let arguments = ["build", "--release", "--package", "gradus-cli", "--bin", "gradus"];
        let program = Built::with(environment, &arguments)?.program("gradus")?;
        let place = Place::make(model)?;
        // Twice: what is measured is a start and not the making of a database.
        place.start(&program)?;
        let (process, address, start_ms) = place.start(&program)?;
        let token = set_up(address, &place.one_time_token()?)?;
        Ok(Self { process, address, token, _place: place, start_ms })
    }

    /// A connection of its own, with the token.
    pub(super) fn client(&self) -> Result<Client> {
        Client::connect(self.address, Some(&self.token))
    }

    /// Memory of the server alone, and of it and its workers together with shared pages counted once, in MB, when nobody
    /// asks anything.
    pub(super) fn memory_at_rest(&self) -> Result<(f64, f64)> {
        std::thread::sleep(REST);
        let mut all = self.process.children()?;
        all.push(self.process.id());
        let together = all.into_iter().map(super::process::proportional_memory_mb).sum::<Result<f64>>()?;
        Ok((self.process.memory_mb()?, together))
    }
}

/// A directory of the server's own. Removed when dropped.
struct Place(PathBuf);

impl Place {
    fn make(model: Option<&Path>) -> Result<Self> {
        let place = Self(std::env::temp_dir().join(format!("gradus-load-{}", std::process::id())));
        std::fs::create_dir_all(place.models())?;
        if let Some(model) = model {
            let name = model.file_name().context("the model has no name")?;
            std::fs::copy(model, place.models().join(name))?;
        }
        Ok(place)
    }

    fn models(&self) -> PathBuf {
        self.0.join("local-models")
    }

    fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    /// Starts a server here and waits until it answers: where it listens, and how many milliseconds that took.
    fn start(&self, program: &Path) -> Result<(Process, SocketAddr, f64)> {
        let begun = Instant::now();
        let mut server = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&self.0)
            .env("GRADUS_MODELS_DIR", self.models())
            .env("GRADUS_ACCOUNTS_QUOTAS__RUNNING_JOBS", "1000")
            // One client is all of them here.
            .env("GRADUS_SERVER_CLIENTS__REQUESTS_PER_MINUTE", "1000000")
            .env("GRADUS_LOG_LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(File::create(self.log())?)
            .spawn()
            .context("the server could not be started")?;
        let output = server.stdout.take().context("no output")?;
        let process = Process::new(server);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").with_context(|| {
            format!(
                "it does not say where it listens: {}",
                std::fs::read_to_string(self.log()).unwrap_or_default()
            )
        })?;
        let address: SocketAddr = address.parse()?;
        let live = Client::connect(address, None)?.get("/health/live")?;
        ensure!(live.status == 200, "/health/live was answered with {}", live.status);
        Ok((process, address, begun.elapsed().as_secs_f64() * 1e3))
    }

    /// The token for setting up that the server shows.
    fn one_time_token(&self) -> Result<String> {
        let said = std::fs::read_to_string(self.log())?;
        let lines = said.lines().map(str::trim).skip_while(|line| !line.contains("one-time token"));
        let token =
            lines.into_iter().find(|line| is_token(line)).context("it shows no token for setting up")?;
        Ok(token.to_owned())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A directory in the way of the next measurement is better than none of this one.
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes the first administrator and a token.
fn set_up(address: SocketAddr, one_time_token: &str) -> Result<String> {
    let mut client = Client::connect(address, None)?;
    let first =
        json!({ "token": one_time_token, "name": "load", "display_name": "Load", "password": PASSWORD });
    client.post("/api/v1/setup", &first)?;
    let login = json!({ "name": "load", "password": PASSWORD });
    let answer = client.ask("POST", "/api/v1/sessions", "application/json", login.to_string().as_bytes())?;
    ensure!(answer.status < 300, "the login was answered with {}", answer.status);
    let cookie = answer.cookie.context("the login set no cookie")?;
    let mut client = Client::connect(address, None)?.with_cookie(&cookie);
    let made = client.post("/api/v1/tokens", &json!({ "name": "load", "scope": "write", "hours": 24 }))?;
    Ok(made["secret"].as_str().context("no token was made")?.to_owned())
}

fn is_token(line: &str) -> bool {
    line.len() > 20
        && line.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}
