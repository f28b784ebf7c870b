//! A machine with Gradus on it: a data directory with a tiny base model, and the processes that run over it.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gradus_app::accounts::{AccountSettings, Accounts, FirstAdministrator, NewApiToken, Origin, Password};
use gradus_app::domain::{Scope, SystemClock};
use gradus_app::store::{DatabaseLocation, Opening, Store, Timekeeper};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::base_model;
use crate::gradus::Place;

/// The administrator's password.
pub(crate) const PASSWORD: &str = "seven green kettles whistle";

/// What servers with their workers log, and what workers by themselves do.
const LOGS: [&str; 2] = ["server.log", "worker.log"];

/// A machine, which may share its database and its blobs with others.
pub(crate) struct Machine {
    pub(crate) place: Place,
    database: DatabaseLocation,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    /// One with a base model and nothing else.
    pub(crate) fn new(database: &DatabaseLocation) -> Self {
        let place = Place::new();
        base_model::install(&place);
        Self { place, database: database.clone(), settings: Vec::new() }
    }

    /// Gives its processes a setting.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }

    /// Starts a server on a free port, and returns once it listens.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        let mut command = self.command("serve");
        command.args(arguments);
        Server::start(command, || self.log())
    }

    /// Starts a worker that does everything.
    pub(crate) fn work(&self) -> Process {
        let mut command = self.command("worker");
        command.stdout(Stdio::null());
        Process::spawn(command)
    }

    fn command(&self, command: &str) -> Command {
        let mut gradus = self.place.command(command);
        let log = self.place.path(if command == "serve" { LOGS[0] } else { LOGS[1] });
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        gradus
            .env("GRADUS_DATABASE_LOCATION", named(&self.database))
            // Rounding in bf16 may make a text part from itself when others join.
            .env("GRADUS_CPU", "portable")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(log);
        gradus
    }

    /// What its processes logged.
    pub(crate) fn log(&self) -> String {
        let logs = LOGS.map(|log| std::fs::read(self.place.path(log)).unwrap_or_default());
        String::from_utf8_lossy(&logs.concat()).into_owned()
    }

    /// Its database, opened beside whoever has it open.
    pub(crate) async fn store(&self) -> Store {
        let timekeeper = match &self.database {
            DatabaseLocation::Sqlite(_) => Timekeeper::Clock(Arc::new(SystemClock)),
            DatabaseLocation::Postgres(_) => Timekeeper::Database,
        };
        Store::open(&self.database, Opening::AsItIs, timekeeper).await.unwrap()
    }

    /// A token of the administrator, who sets its first server up with it.
    pub(crate) async fn token(&self) -> String {
        // A server that announces its own token after that would make this one worthless.
        while !self.log().contains("There is no user yet") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let store = self.store().await;
        let accounts =
            Accounts::new(store.clone(), Arc::new(SystemClock), AccountSettings::default()).unwrap();
        let origin =
            Origin { address: [127, 0, 0, 1].into(), user_agent: "a test".to_owned(), request_id: None };
        let first = FirstAdministrator {
            token: accounts.open_set_up().await.unwrap().unwrap().expose().to_owned(),
            name: "carol".to_owned(),
            display_name: "Carol".to_owned(),
            password: Password::new(PASSWORD),
        };
        let logged_in = accounts.set_up(first, &origin).await.unwrap();
        let caller = accounts.authenticate_session(logged_in.secret.expose()).await.unwrap();
        let new = NewApiToken { name: "a test".to_owned(), scope: Scope::Write, expires_at: None };
        let made = accounts.make_api_token(&caller, new, &origin).await.unwrap();
        store.close().await.unwrap();
        made.token.expose().to_owned()
    }
}

fn named(database: &DatabaseLocation) -> String {
    match database {
        DatabaseLocation::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseLocation::Postgres(url) => url.to_string(),
    }
}

/// `gradus serve`.
pub(crate) struct Server {
    pub(crate) process: Process,
    /// Where it listens, as in `http://127.0.0.1:1234`.
    pub(crate) address: String,
    /// Open as long as it runs.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts it on a free port, and returns once it listens; `log` is what it says otherwise.
    pub(crate) fn start(mut command: Command, log: impl FnOnce() -> String) -> Self {
        command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut process = Process::spawn(command);
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned));
        let address = address.unwrap_or_else(log);
        assert!(address.starts_with("http://"), "{address}");
        Self { process, address, _output: lines }
    }
}

/// A process with a process group of its own, which is killed as a whole when this is dropped.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    fn spawn(mut command: Command) -> Self {
        Self(command.process_group(0).spawn().unwrap())
    }

    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Kills it with everything that it started.
    pub(crate) fn kill_all(&mut self) {
        kill_process_group(self.id(), Signal::KILL).unwrap();
        self.0.wait().unwrap();
    }

    /// Kills it, and nothing that it started.
    pub(crate) fn kill_alone(&mut self) {
        kill_process(self.id(), Signal::KILL).unwrap();
        self.0.wait().unwrap();
    }

    /// Ends it as a supervisor of services does.
    pub(crate) fn end(&mut self) -> ExitStatus {
        kill_process(self.id(), Signal::TERM).unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = kill_process_group(self.id(), Signal::KILL);
        _ = self.0.wait();
    }
}
