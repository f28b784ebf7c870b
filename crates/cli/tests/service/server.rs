//! A server over a database of its own, with a tiny base model and an administrator.

use gradus_testkit::{Kind, TestDatabase};

pub(crate) use crate::machine::BASE;
use crate::machine::{self, Machine};

/// `gradus serve`, killed when it is dropped.
pub(crate) struct Server {
    running: machine::Server,
    machine: Machine,
    database: TestDatabase,
    /// Where it listens, as in `http://127.0.0.1:1234`.
    pub(crate) address: String,
}

impl Server {
    /// Starts one over an empty database; none where there is no database of this kind.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let database = TestDatabase::new(kind).await?;
        // Wishes are heard with each sign of life, some in a lease.
        let machine = Machine::new(&database.location).with("GRADUS_WORKERS_LEASE_SECONDS", 2);
        let running = machine.serve(&[]);
        let address = running.address.clone();
        Some(Self { running, machine, database, address })
    }

    /// A token of the administrator, who sets the server up with it.
    pub(crate) async fn token(&self) -> String {
        self.machine.token().await
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        self.machine.log()
    }

    /// Ends it as a supervisor of services does, and its database with it.
    pub(crate) async fn end(mut self) {
        let status = self.running.process.end();
        assert!(status.success(), "{status}: {}", self.log());
        self.database.remove().await;
    }
}
