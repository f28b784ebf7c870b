//! Machines without room: work waits, untouched, until there is room here or a worker elsewhere has some.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gradus_app::domain::{DocumentId, DocumentState, Id, QueueJobState, Weight};
use gradus_app::service::operations::Room;
use gradus_app::store::queue::{self, QueueJob};
use gradus_app::store::workers::{self, Worker as WorkerRow};
use gradus_app::worker::{Limits, Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::course;
use crate::each_database;
use crate::site::Site;

each_database!(
    work_waits_while_the_disk_is_full_and_begins_when_there_is_room,
    work_that_one_machine_has_no_room_for_is_done_by_another,
);

/// Several looks at the queue, during which nothing may happen.
const A_WHILE: Duration = Duration::from_secs(3);

async fn work_on(site: &Site, document: DocumentId) -> QueueJob {
    queue::of_subject(&site.services.store.reader(), document.uuid()).await.unwrap().unwrap()
}

async fn nothing_happens(site: &Site, document: DocumentId) {
    tokio::time::sleep(A_WHILE).await;
    let work = work_on(site, document).await;
    assert_eq!((work.state.0, work.attempts, work.fence), (QueueJobState::Ready, 0, 0), "it was begun");
    let waiting = site.services.document(gradus_app::store::Whose::Anyones, document).await.unwrap();
    assert_eq!(waiting.state.0, DocumentState::Uploaded);
}

/// The worker that says that it holds work back.
async fn until_held_back(site: &Site) -> WorkerRow {
    site.until("a worker to hold work back", async || {
        let since = chrono::DateTime::UNIX_EPOCH;
        let shown = workers::alive(&site.services.store.reader(), since).await.unwrap();
        shown.into_iter().find(|worker| worker.figures.held_back.is_some())
    })
    .await
}

/// A real worker whose disk is as full as the test says.
fn worker_on_a_disk(site: &Site, free: &Arc<AtomicU64>) -> Worker {
    let options = WorkerOptions {
        name: "a machine with a small disk".to_owned(),
        id: Uuid::now_v7(),
        weights: vec![Weight::Light],
        lease: Duration::from_secs(crate::site::LEASE_SECONDS),
        program: env!("CARGO_BIN_EXE_gradus").into(),
        limits: Limits::default(),
    };
    let free = free.clone();
    Worker::new(site.services.clone(), options).with_room(move || Room {
        free_disk_bytes: Some(free.load(Ordering::Acquire)),
        available_memory_bytes: None,
        load_per_core: None,
    })
}

async fn work_waits_while_the_disk_is_full_and_begins_when_there_is_room(site: &Site) {
    let (free, drain) = (Arc::new(AtomicU64::new(1000)), CancellationToken::new());
    let running = tokio::spawn(worker_on_a_disk(site, &free).run(drain.clone()));
    let document = site.upload("guide.md", "guide", course::GUIDE.as_bytes()).await;
    let reason = until_held_back(site).await.figures.0.held_back.unwrap();
    assert!(reason.contains("the disk has 0 MiB left of the 1024"), "{reason}");
    nothing_happens(site, document).await;
    // What makes room is done all the same.
    crate::killed::clean_up(site).await;

    free.store(2 << 30, Ordering::Release);
    site.until_read(document).await;
    assert_eq!(work_on(site, document).await.attempts, 1);
    site.until("the worker to say that it works again", async || {
        let since = chrono::DateTime::UNIX_EPOCH;
        let shown = workers::alive(&site.services.store.reader(), since).await.unwrap();
        shown.iter().all(|worker| worker.figures.held_back.is_none()).then_some(())
    })
    .await;
    drain.cancel();
    running.await.unwrap().unwrap();
}

async fn work_that_one_machine_has_no_room_for_is_done_by_another(site: &Site) {
    let _starved = site.worker_with(&[("GRADUS_WORKERS_LIMITS__LEAST_FREE_MEMORY_MIB", "1000000000")]);
    let document = site.upload("guide.md", "guide", course::GUIDE.as_bytes()).await;
    let held_back = until_held_back(site).await;
    assert!(held_back.figures.0.held_back.unwrap().contains("of memory left of the 1000000000"));
    nothing_happens(site, document).await;
    assert!(site.log().contains("new work waits until there is room"), "{}", site.log());
    let _roomy = site.worker();
    site.until_read(document).await;
}
