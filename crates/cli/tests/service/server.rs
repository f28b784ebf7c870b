//! A machine with one server over a database of its own, and what it can be asked and leaves behind.

use std::path::{Path, PathBuf};

use gradus_app::store::Opening;
use gradus_testkit::{Kind, TestDatabase};

use crate::asking::Ask;
use crate::machine::{self, Machine};
use crate::wire::{Answer, Connection};

/// The machine, its database, and the server, killed when it is dropped.
pub(crate) struct Server {
    served: machine::Server,
    pub(crate) machine: Machine,
    database: TestDatabase,
}

impl Server {
    /// Starts one over an empty database; none where there is no database of this kind.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let database = TestDatabase::new(kind).await?;
        // Wishes are heard with each sign of life, three in a lease.
        let machine = Machine::new(&database.location).with("GRADUS_WORKERS_LEASE_SECONDS", 2);
        Some(Self { served: machine.serve(&[]), machine, database })
    }

    /// Where it listens, as in `http://127.0.0.1:1234`.
    pub(crate) fn address(&self) -> &str {
        &self.served.address
    }

    /// A token of the administrator, who sets the server up with it.
    pub(crate) async fn token(&self) -> String {
        self.machine.token().await
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        self.machine.log()
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        answer(self.address(), ask).await
    }

    /// Where its database lies, if that is a file.
    pub(crate) fn database_directory(&self) -> &Path {
        self.database.directory.path()
    }

    /// How much memory it and its workers have.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let own = self.served.process.id().as_raw_nonzero().get().cast_unsigned();
        let family = [vec![own], children(own)].concat();
        family.into_iter().map(resident_bytes).sum()
    }

    /// The files that lie where workers work and uploads arrive.
    pub(crate) fn files_at_work(&self) -> Vec<PathBuf> {
        let at_work = |path: &PathBuf| {
            let places = ["work", "spool"].map(|place| path.iter().any(|part| part == place));
            places.contains(&true) && !path.ends_with("lock")
        };
        self.machine.place.files().into_iter().map(|(path, _)| path).filter(at_work).collect()
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
        let mut files = self.machine.place.files();
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
        let status = self.served.process.end();
        assert!(status.success(), "{status}: {}", self.log());
    }
}

/// What a server at `http://HOST:PORT` answers to a request on a connection of its own.
pub(crate) async fn answer(address: &str, ask: Ask) -> Answer {
    let address = address.strip_prefix("http://").unwrap().parse().unwrap();
    let mut connection = Connection::open(address).await;
    connection.send(ask.bytes(false)).await;
    connection.answer_to(&ask.method).await
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
