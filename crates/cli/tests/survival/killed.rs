//! One server with its workers, killed at moments that chance chooses while everything that it does is under way.

use std::time::{Duration, Instant};

use gradus_app::domain::{JobKind, Weight};
use gradus_app::store::blobs::{BlobLocation, BlobStore, BucketOptions};
use gradus_testkit::{Kind, TestDatabase, given};
use rustix::process::{Signal, kill_process};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Servers};
use crate::foundation::Foundation;
use crate::inspection;
use crate::kills::{Kills, MOMENTS, Moment, Victim};
use crate::machine::{Machine, Server};
use crate::people;
use crate::processes;

/// In each of two databases.
fn most_kills() -> usize {
    if given::is_long() { 110 } else { 10 }
}

/// A machine whose server is killed and started again.
struct Ground {
    machine: Machine,
    server: Server,
    /// Killed servers, whose workers may still be ending.
    departed: Vec<Server>,
    servers: Servers,
}

impl Ground {
    fn new(database: &TestDatabase) -> Self {
        let machine = Machine::new(&database.location)
            // Short, so that a lost worker's job is soon another's.
            .with("GRADUS_WORKERS_LEASE_SECONDS", 2)
            // So that models are tested while others are trained.
            .with("GRADUS_WORKERS_HEAVY", 2);
        let (server, servers) = (machine.serve(&[]), Servers::default());
        servers.are([server.address.clone()]);
        Self { machine, server, departed: Vec::new(), servers }
    }

    fn kill(&mut self, victim: Victim, at: Moment) {
        match victim {
            Victim::Everything => self.server.process.kill_all(),
            Victim::Server => self.server.process.kill_alone(),
            Victim::Worker => return self.kill_worker(at),
        }
        self.start_again();
    }

    fn start_again(&mut self) {
        self.servers.are([]);
        let killed = std::mem::replace(&mut self.server, self.machine.serve(&[]));
        self.departed.push(killed);
        self.servers.are([self.server.address.clone()]);
    }

    /// Kills the workers that do such work; another is just being started where there is none.
    fn kill_worker(&self, at: Moment) {
        let kind = match at {
            Moment::Work(kind) if kind.weight() == Weight::Light => "light",
            _ => "heavy",
        };
        for child in processes::children(self.server.process.id()) {
            if child.arguments.iter().any(|argument| argument == kind) {
                // It may have ended meanwhile.
                _ = kill_process(child.id, Signal::KILL);
            }
        }
    }

    /// Ends the server as a supervisor of services does.
    fn end(&mut self) {
        let begun = Instant::now();
        let status = self.server.process.end();
        assert!(status.success(), "{status}: {}", self.machine.log());
        assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?} to end", begun.elapsed());
    }
}

async fn nothing_is_lost_or_done_twice_by_a_server_that_is_killed(kind: Kind) {
    let Some(database) = TestDatabase::new(kind).await else { return };
    let mut ground = Ground::new(&database);
    let client = Client::new(ground.servers.clone(), ground.machine.token().await);
    let store = ground.machine.store().await;
    let foundation = Foundation::lay(&client).await;

    let mut kills = Kills::new(store.clone(), 17 + kind as u64);
    let over = CancellationToken::new();
    let killing = async {
        for number in 0..most_kills() {
            let (victim, moment) = kills.next(number, &client.under_way).await;
            tokio::task::block_in_place(|| ground.kill(victim, moment));
        }
        over.cancel();
    };
    let ((), made) = tokio::join!(killing, people::work_until(&over, &client, &foundation));
    eprintln!("{kind:?}: killed {:?} at {:?}", kills.victims, kills.hit);
    assert_eq!(kills.victims.len(), 3, "{:?}", kills.victims);
    assert!(MOMENTS.iter().all(|moment| kills.hit.contains_key(moment)), "{:?}", kills.hit);

    let jobs = inspection::every_job_ended(&store).await;
    assert!(jobs.iter().any(|job| job.kind.0 == JobKind::Train && job.fence > 1), "no run was disturbed");
    inspection::everything_is_there_once(&client, foundation, made).await;
    inspection::every_key_stands_for_what_it_made(&client).await;
    nothing_is_left_behind(&mut ground, &store).await;
    store.close().await.unwrap();
    database.check().await;
    database.remove().await;
}

/// No file without its record, no record without its file, nothing half-made, and no process.
async fn nothing_is_left_behind(ground: &mut Ground, store: &gradus_app::store::Store) {
    ground.end();
    // What killed workers left at the last is removed by those that come after them.
    ground.start_again();
    let data = ground.machine.place.path("data");
    until("the directory of work to be empty", || inspection::names_in(&data.join("work")).is_empty()).await;
    ground.end();
    until("the processes to be gone", || processes::at_work_in(&ground.machine.place.path(".")).is_empty())
        .await;
    let place = data.join("blobs");
    assert_eq!(inspection::names_in(&place.join("spool")), [""; 0]);

    let location =
        BlobLocation::parse(place.to_str().unwrap(), BucketOptions::new(data.join("spool"))).unwrap();
    inspection::only_what_is_needed_is_stored(BlobStore::open(&location).await.unwrap(), store).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_by_a_server_that_is_killed_on_sqlite() {
    nothing_is_lost_or_done_twice_by_a_server_that_is_killed(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_by_a_server_that_is_killed_on_postgresql() {
    nothing_is_lost_or_done_twice_by_a_server_that_is_killed(Kind::Postgres).await;
}
