//! A server as a process of its own, with a tiny base model and an administrator.

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use gradus_app::accounts::{AccountSettings, Accounts, FirstAdministrator, NewApiToken, Origin, Password};
use gradus_app::domain::{Scope, SystemClock};
use gradus_app::store::{DatabaseLocation, Opening, Store, Timekeeper};
use gradus_testkit::{Kind, TestDatabase};
use serde_json::json;

use crate::asking::Ask;
use crate::gradus::Place;
use crate::model;
use crate::wire::{Answer, Connection};

/// The base model's name.
pub(crate) const BASE: &str = "tiny";

/// The administrator's password.
pub(crate) const PASSWORD: &str = "seven green kettles whistle";

/// `gradus serve`, killed when it is dropped.
pub(crate) struct Server {
    process: Process,
    place: Place,
    database: TestDatabase,
    /// Where it listens, as in `http://127.0.0.1:1234`.
    pub(crate) address: String,
}

struct Process {
    child: Child,
    /// Open as long as it runs.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Server {
    /// Starts one over an empty database; none where there is no database of this kind.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let database = TestDatabase::new(kind).await?;
        let place = Place::new();
        install_model(&place);
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradus"));
        place.prepare(&mut command);
        let log = std::fs::File::create(place.path("server.log")).unwrap();
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("GRADUS_DATABASE_LOCATION", location(&database))
            // Rounding in bf16 may make a text part from itself when others join.
            .env("GRADUS_CPU", "portable")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned));
        let process = Process { child, _output: lines };
        let mut server = Self { process, place, database, address: String::new() };
        server.address = address.unwrap_or_else(|| server.log());
        assert!(server.address.starts_with("http://"), "{}", server.address);
        Some(server)
    }

    /// A token of the administrator, who sets the server up with it.
    pub(crate) async fn token(&self) -> String {
        let clock = Arc::new(SystemClock);
        let opened =
            Store::open(&self.database.location, Opening::AsItIs, Timekeeper::Clock(clock.clone())).await;
        let store = opened.unwrap();
        let accounts = Accounts::new(store.clone(), clock, AccountSettings::default()).unwrap();
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

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.place.read("server.log")).into_owned()
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let address = self.address.strip_prefix("http://").unwrap().parse().unwrap();
        let mut connection = Connection::open(address).await;
        connection.send(ask.bytes(false)).await;
        connection.answer_to(&ask.method).await
    }

    /// How much memory it and its workers have.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let own = self.process.child.id();
        let family = [vec![own], children(own)].concat();
        family.into_iter().map(resident_bytes).sum()
    }

    /// The files that lie where workers work and uploads arrive.
    pub(crate) fn files_at_work(&self) -> Vec<PathBuf> {
        let at_work = |path: &PathBuf| {
            let places = ["work", "spool"].map(|place| path.iter().any(|part| part == place));
            places.contains(&true) && !path.ends_with("lock")
        };
        self.place.files().into_iter().map(|(path, _)| path).filter(at_work).collect()
    }

    /// Every row of its database, as JSON.
    pub(crate) async fn rows(&self) -> String {
        let store = self.database.open_as(Opening::AsItIs).await.unwrap();
        let snapshot = store.snapshot().await.unwrap();
        let mut rows = String::new();
        for table in gradus_app::store::backup::table_names() {
            let mut keep = |line: &str| -> Result<(), std::convert::Infallible> {
                rows.push_str(line);
                Ok(())
            };
            let Ok(_) = snapshot.read(table, &mut keep).await.unwrap();
        }
        drop(snapshot);
        store.close().await.unwrap();
        rows
    }

    /// Ends it; every file that it leaves, its log and the files of its database among them.
    pub(crate) async fn end_and_read_all(mut self) -> Vec<(PathBuf, Vec<u8>)> {
        self.terminate();
        let mut files = self.place.files();
        for entry in std::fs::read_dir(self.database.directory.path()).unwrap() {
            let path = entry.unwrap().path();
            files.push((path.clone(), std::fs::read(path).unwrap()));
        }
        assert!(files.iter().any(|(path, bytes)| path.ends_with("server.log") && !bytes.is_empty()));
        let Self { database, .. } = self;
        database.remove().await;
        files
    }

    /// Ends it as a supervisor of services does, and its database with it.
    pub(crate) async fn end(mut self) {
        self.terminate();
        let Self { database, .. } = self;
        database.remove().await;
    }

    fn terminate(&mut self) {
        let id = self.process.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.process.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
    }
}

/// The processes that the threads of a process have started.
fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let listed = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")));
    let listed: String = listed.map(|ids| ids.unwrap_or_default() + " ").collect();
    listed.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

/// What a process has of the machine's memory, where the system says so.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

fn location(database: &TestDatabase) -> String {
    match &database.location {
        DatabaseLocation::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseLocation::Postgres(url) => url.to_string(),
    }
}

fn install_model(place: &Place) {
    let directory = format!("data/models/{BASE}");
    model::write(place, &directory, 1024, 1);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place.path(&directory)).unwrap() {
        let entry = entry.unwrap();
        let (name, size) = (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len());
        files.push(json!({ "name": name, "size": size, "sha256": "" }));
    }
    let manifest =
        json!({ "name": BASE, "source": "a test", "pulled_at": "2026-01-01T00:00:00Z", "files": files });
    place.write(&format!("{directory}/model.json"), manifest.to_string());
}
