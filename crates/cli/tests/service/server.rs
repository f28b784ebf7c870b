//! A server as a process of its own, with a tiny base model and an administrator.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use gradus_app::accounts::{AccountSettings, Accounts, FirstAdministrator, NewApiToken, Origin, Password};
use gradus_app::domain::{Scope, SystemClock};
use gradus_app::store::{Opening, Store, Timekeeper};
use gradus_testkit::{Kind, TestDatabase};
use serde_json::json;

use crate::gradus::Place;
use crate::model;

/// The base model's name.
pub(crate) const BASE: &str = "tiny";

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
            .env("GRADUS_DATABASE_LOCATION", database.address())
            // Wishes are heard with each sign of life, three in a lease.
            .env("GRADUS_WORKERS_LEASE_SECONDS", "2")
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
            password: Password::new("seven green kettles whistle"),
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

    /// Ends it as a supervisor of services does, and its database with it.
    pub(crate) async fn end(mut self) {
        let id = self.process.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.process.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
        let Self { database, .. } = self;
        database.remove().await;
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
