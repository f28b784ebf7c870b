//! Two servers and three workers, each on a machine of its own, over one PostgreSQL and one S3 bucket.

use std::collections::BTreeSet;
use std::time::Duration;

use gradus_app::domain::QueueJobState;
use gradus_app::engine::random::Random;
use gradus_app::store::blobs::{BlobLocation, BlobStore};
use gradus_app::store::{PageRequest, Store, queue};
use gradus_testkit::{Kind, SECRET, TestBucket, TestDatabase, given};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Client, Servers};
use crate::foundation::Foundation;
use crate::inspection::{self, Made};
use crate::machine::{Machine, Process, Server};
use crate::people;
use crate::trainings::{self, Training};

const SERVERS: usize = 2;
const WORKERS: usize = 3;
/// Short, so that a lost worker's job is soon another's; long enough for a worker that shares two cores with all others.
const LEASE_SECONDS: u64 = 3;
/// How long a killed machine stays away: for some, others take its work meanwhile, and some come back before that.
const AWAY_MS: std::ops::Range<u64> = 300..2500;

fn rounds() -> usize {
    if given::is_long() { 10 } else { 1 }
}

struct Cluster {
    servers: Vec<(Machine, Option<Server>)>,
    workers: Vec<(Machine, Option<Process>)>,
    alive: Servers,
}

impl Cluster {
    /// One that is running, and a token of its administrator.
    async fn new(database: &TestDatabase, bucket: &TestBucket) -> (Self, String) {
        let machine = || {
            Machine::new(&database.location)
                .with("GRADUS_BLOBS_LOCATION", format!("s3://{}/shared", bucket.name))
                .with("GRADUS_BLOBS_ENDPOINT", &bucket.endpoint)
                .with("GRADUS_BLOBS_ACCESS_KEY_ID", "test")
                .with("GRADUS_BLOBS_SECRET_ACCESS_KEY", SECRET)
                .with("GRADUS_BLOBS_ALLOW_HTTP", true)
                .with("GRADUS_WORKERS_LEASE_SECONDS", LEASE_SECONDS)
        };
        let mut cluster = Self {
            servers: (0..SERVERS).map(|_| (machine(), None)).collect(),
            workers: (0..WORKERS).map(|_| (machine(), None)).collect(),
            alive: Servers::default(),
        };
        let (first, server) = &mut cluster.servers[0];
        *server = Some(first.serve(&["--no-workers"]));
        let token = first.token().await;
        cluster.start_those_missing();
        (cluster, token)
    }

    fn start_those_missing(&mut self) {
        for (machine, server) in &mut self.servers {
            server.get_or_insert_with(|| machine.serve(&["--no-workers"]));
        }
        for (machine, worker) in &mut self.workers {
            worker.get_or_insert_with(|| machine.work());
        }
        self.say_who_is_alive();
    }

    fn say_who_is_alive(&self) {
        let servers = self.servers.iter().filter_map(|(_, server)| server.as_ref());
        self.alive.are(servers.map(|server| server.address.clone()));
    }

    /// Kills the `number`-th of all.
    fn kill(&mut self, number: usize) {
        if number < SERVERS {
            self.servers[number].1.take().unwrap().process.kill_all();
            self.say_who_is_alive();
        } else {
            self.workers[number - SERVERS].1.take().unwrap().kill_all();
        }
    }

    fn end(&mut self) {
        let servers = self.servers.iter_mut().filter_map(|(_, server)| Some(&mut server.as_mut()?.process));
        for process in servers.chain(self.workers.iter_mut().filter_map(|(_, worker)| worker.as_mut())) {
            assert!(process.end().success());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_and_three_workers_share_the_work_and_lose_nothing_when_any_is_killed() {
    let Some(bucket) = TestBucket::new() else { return };
    let Some(database) = TestDatabase::new(Kind::Postgres).await else { return };
    let (mut cluster, token) = Cluster::new(&database, &bucket).await;
    let first = &cluster.servers[0].0;
    let (store, spool) = (first.store().await, first.place.path("data/inspection"));
    let client = Client::new(cluster.alive.clone(), token);
    let foundation = Foundation::lay(&client).await;
    let mut made = Made { trainings: share_the_work(&client, &store, &foundation).await, ..Made::default() };

    let over = CancellationToken::new();
    let killing = async {
        let mut random = Random::new(&[29]);
        for number in 0..rounds() * (SERVERS + WORKERS) {
            tokio::time::sleep(Duration::from_millis(200 + random.next_u64() % 1000)).await;
            cluster.kill(number % (SERVERS + WORKERS));
            let away = AWAY_MS.start + random.next_u64() % (AWAY_MS.end - AWAY_MS.start);
            tokio::time::sleep(Duration::from_millis(away)).await;
            tokio::task::block_in_place(|| cluster.start_those_missing());
        }
        over.cancel();
    };
    let ((), more) = tokio::join!(killing, people::work_until(&over, &client, &foundation));
    made.trainings.extend(more.trainings);
    let made = Made { trainings: made.trainings, ..more };

    inspection::every_job_ended(&store).await;
    inspection::everything_is_there_once(&client, foundation, made).await;
    inspection::every_key_stands_for_what_it_made(&client).await;
    tokio::task::block_in_place(|| cluster.end());
    let location = format!("s3://{}/shared", bucket.name);
    let location = BlobLocation::parse(&location, bucket.options(spool)).unwrap();
    inspection::only_what_is_needed_is_stored(BlobStore::open(&location).await.unwrap(), &store).await;
    store.close().await.unwrap();
    database.check().await;
    database.remove().await;
}

/// Has so much done at once that there is work for all: every worker does some of it, and nothing is begun twice.
async fn share_the_work(client: &Client, store: &Store, foundation: &Foundation) -> Vec<Training> {
    let over = CancellationToken::new();
    let training = async {
        let mut ids = Vec::new();
        for number in 0..2 * WORKERS {
            let name = format!("shared {number}");
            ids.push(trainings::ask_for(client, &name, &foundation.version, trainings::EPOCHS).await);
        }
        for id in &ids {
            trainings::to_its_end(client, id).await;
        }
        over.cancel();
        ids
    };
    let (ids, workers) = tokio::join!(training, watch(store, &over));
    assert_eq!(workers.len(), WORKERS, "some worker did nothing");
    for job in inspection::every_job_ended(store).await {
        assert_eq!((job.attempts, job.fence, job.losses), (1, 1, 0), "begun twice: {job:?}");
    }
    ids.into_iter().map(|id| Training { id, is_given_up: false }).collect()
}

/// The workers that were at work until it was over.
async fn watch(store: &Store, over: &CancellationToken) -> BTreeSet<Uuid> {
    let mut workers = BTreeSet::new();
    while !over.is_cancelled() {
        let running =
            queue::page(&store.reader(), Some(QueueJobState::Running), &PageRequest::first(50)).await;
        workers.extend(running.unwrap().items.iter().filter_map(|job| job.worker_id));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    workers
}
