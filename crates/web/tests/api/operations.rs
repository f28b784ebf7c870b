//! Probes, figures, the queue and error events.

use std::time::Duration;

use gradus_app::store::Json;
use gradus_app::store::error_events;
use gradus_app::store::queue::{self, Claimant, Settled};
use gradus_app::store::workers::{self, Worker, WorkerFigures};
use gradus_domain::JobKind;
use gradus_domain::failure::{Category, Failure, Severity};
use gradus_testkit::{Kind, TestDatabase};
use gradus_web::operations::Sampler;
use serde_json::json;
use uuid::Uuid;

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;
use crate::things::id;

each_database!(
    a_server_that_can_work_says_so,
    figures_are_those_of_the_last_measurement,
    the_queue_shows_what_waits_and_who_works,
    what_is_deleted_begun_or_carried_away_is_in_the_audit_log,
    a_request_that_failed_is_counted_with_what_its_sender_is_not_told,
    failures_are_listed_until_they_are_dealt_with,
);

async fn a_server_that_can_work_says_so(server: &Server) {
    assert_eq!(server.ok(Ask::get("/health/live")).await, json!({ "status": "ok" }));
    let ready = server.ok(Ask::get("/health/ready")).await;
    let parts = json!({ "database": "ok", "blob_store": "ok", "disk": "ok" });
    assert_eq!(ready, json!({ "status": "ok", "parts": parts }));
}

#[tokio::test]
async fn a_server_without_room_lives_and_is_not_ready() {
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    let server = Server::start_with(&database, |state| state.least_free_disk_bytes = u64::MAX).await;
    let answer = server.ask(Ask::get("/health/ready")).await;
    assert_eq!((answer.status, answer.json()["parts"]["disk"].as_str()), (503, Some("failed")));
    assert!(!answer.text().contains("bytes"), "what is wrong, the log says: {}", answer.text());
    assert_eq!(answer.json()["parts"]["database"], "ok");
    assert_eq!(server.ask(Ask::get("/health/live")).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn however_often_it_is_asked_it_looks_at_its_parts_once_a_second() {
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    let server = Server::start(&database).await;
    let ready = async || server.ask(Ask::get("/health/ready")).await.status;
    assert_eq!(ready().await, 200);
    database.execute("DROP TABLE schema_step").await;
    assert_eq!(ready().await, 200, "nobody looked again");
    server.clock.advance_seconds(1);
    assert_eq!(ready().await, 503);
    server.stop().await;
}

#[tokio::test]
async fn a_server_without_its_database_lives_and_says_that_it_cannot_work() {
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    let server = Server::start(&database).await;
    database.execute("DROP TABLE schema_step").await;
    let answer = server.ask(Ask::get("/health/ready")).await;
    assert_eq!((answer.status, answer.json()["parts"]["database"].as_str()), (503, Some("failed")));
    assert_eq!(server.ask(Ask::get("/health/live")).await.status, 200);
    server.stop().await;
}

async fn figures_are_those_of_the_last_measurement(server: &Server) {
    let (alice, carol) = (server.people.alice(), server.people.carol());
    server.training_job(alice).await;
    server.document(alice, "guide").await;
    let sampler = Sampler::register(&server.state);
    let figures = || Ask::get("/metrics").bearer(&carol.reading_token);
    assert!(!server.ask(figures()).await.text().contains("gradus_queue_jobs{"), "nothing was measured yet");
    let worker = Uuid::now_v7();
    let lease = Duration::from_secs(600);
    let claimant = Claimant { worker, kinds: vec![JobKind::ExtractDocument], lease, most_per_user: 4 };
    let claimed =
        server.state.services.store.write(move |tx| async move { queue::claim(&tx, &claimant).await });
    let claim = claimed.await.unwrap().unwrap();
    server.clock.advance_seconds(30);
    server.write(move |tx| async move { queue::settle(&tx, &claim, Settled::Done).await }).await;
    server.document(alice, "guide").await;
    // What was counted is not counted again.
    sampler.sample().await.unwrap();
    sampler.sample().await.unwrap();
    let answer = server.ask(figures()).await;
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let lines = [
        "gradus_queue_jobs{kind=\"train\",state=\"ready\"} 1",
        "gradus_queue_jobs{kind=\"extract-document\",state=\"ready\"} 1",
        "gradus_job_duration_seconds_count{kind=\"extract-document\",outcome=\"done\"} 1",
        "gradus_job_duration_seconds_sum{kind=\"extract-document\",outcome=\"done\"} 30",
        "gradus_cpu_seconds ",
        "gradus_worker_memory_bytes 0",
        "gradus_queue_jobs{kind=\"make-report\",state=\"ready\"} 0",
        "gradus_queue_oldest_due_seconds{kind=\"train\"} 30",
        "gradus_training_jobs{state=\"queued\"} 1",
        "gradus_workers 0",
        "gradus_database_connections{state=\"open\"}",
        "gradus_disk_free_bytes ",
        "gradus_http_requests_total{path=\"/api/v1/training-jobs\",method=\"POST\",status=\"2xx\"} 1",
    ];
    for line in lines {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    for ask in [Ask::get("/metrics"), alice.get("/metrics"), server.people.vera().get("/metrics")] {
        let status = server.ask(ask).await.status;
        assert!([401, 403].contains(&status), "{status}");
    }
}

async fn the_queue_shows_what_waits_and_who_works(server: &Server) {
    let (alice, carol) = (server.people.alice(), server.people.carol());
    server.training_job(alice).await;
    let worker = Uuid::now_v7();
    server
        .write(move |change| async move {
            let row = Worker {
                id: worker,
                name: "machine, process 7".to_owned(),
                figures: Json(WorkerFigures { jobs: 1, ..WorkerFigures::default() }),
                is_draining: false,
                started_at: change.now(),
                seen_at: change.now(),
            };
            workers::show(&change, row).await
        })
        .await;
    let queue = server.ok(carol.get("/api/v1/queue")).await;
    assert_eq!(queue["jobs"][0]["kind"], "train");
    assert_eq!(
        (queue["jobs"][0]["state"].as_str(), queue["jobs"][0]["count"].as_i64()),
        (Some("ready"), Some(1))
    );
    assert_eq!(queue["workers"][0]["id"], json!(worker));
    server.clock.advance_seconds(60);
    assert_eq!(server.ok(carol.get("/api/v1/queue")).await["workers"], json!([]));
}

async fn what_is_deleted_begun_or_carried_away_is_in_the_audit_log(server: &Server) {
    let (alice, carol, bob) = (server.people.alice(), server.people.carol(), server.people.bob());
    let (model, job) = (server.model(alice).await, server.training_job(alice).await);
    let file = format!("/api/v1/models/{model}/files/adapter.bin");
    assert_eq!(server.ask(alice.get(&file)).await.status, 200);
    let at = format!("/api/v1/models/{model}");
    // What was refused did not happen.
    assert_eq!(server.refusal(bob.delete(&at)).await.0, 404);
    server.ok(alice.delete(&at)).await;
    let of_alice = format!("/api/v1/audit-events?limit=3&user={}", alice.caller.user);
    let entries = server.ok(carol.get(&of_alice)).await["items"].clone();
    let said = |place: usize| {
        let entry = &entries[place];
        assert_eq!((&entry["outcome"], &entry["user_name"]), (&json!("done"), &json!("alice")), "{entry}");
        (entry["action"].as_str().unwrap().to_owned(), entry["subject"].as_str().unwrap().to_owned())
    };
    assert_eq!(said(0), ("delete-model".to_owned(), at));
    assert_eq!(said(1), ("download-model".to_owned(), file));
    assert_eq!(said(2), ("start-training".to_owned(), format!("/api/v1/training-jobs/{job}")));
}

async fn a_request_that_failed_is_counted_with_what_its_sender_is_not_told(server: &Server) {
    let (alice, carol) = (server.people.alice(), server.people.carol());
    let document = server.document(alice, "answers").await;
    let lost = server.directory.path().join("files");
    for entry in walk(&lost) {
        std::fs::remove_file(entry).unwrap();
    }
    let content = format!("/api/v1/documents/{document}/content");
    for _ in 0..2 {
        let answer = server.ask(alice.get(&content)).await;
        assert_eq!(answer.status, 500);
        assert!(!answer.text().contains("blobs") && !answer.text().contains("cannot"), "{}", answer.text());
    }
    // They are counted once they are answered.
    let counted = async || server.ok(carol.get("/api/v1/error-events?open=true")).await["items"][0].clone();
    let mut event = counted().await;
    for _ in 0..100 {
        if event["count"] == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        event = counted().await;
    }
    assert_eq!((&event["count"], &event["place"]), (&json!(2), &json!("GET /api/v1/documents/{id}/content")));
    assert_eq!(event["category"], "storage", "{event}");
}

/// The blobs of a place for files.
fn walk(place: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !path.ends_with("spool"));
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

async fn failures_are_listed_until_they_are_dealt_with(server: &Server) {
    let carol = server.people.carol();
    let failure = Failure {
        category: Category::Storage,
        severity: Severity::Critical,
        is_transient: false,
        message: "cannot write /var/lib/gradus/x".to_owned(),
    };
    for _ in 0..3 {
        let failure = failure.clone();
        server
            .write(move |change| async move {
                error_events::record(&change, "f-1", "train", &failure, None).await
            })
            .await;
    }
    let open = || carol.get("/api/v1/error-events?open=true");
    let listed = server.ok(open()).await;
    assert_eq!(
        (listed["items"][0]["count"].as_i64(), listed["items"][0]["severity"].as_str()),
        (Some(3), Some("critical"))
    );
    let resolve = format!("/api/v1/error-events/{}/resolve", id(&listed["items"][0]));
    server.ok(carol.post(&resolve)).await;
    assert_eq!(server.ok(open()).await["items"], json!([]));
    let all = server.ok(carol.get("/api/v1/error-events")).await;
    assert_eq!(all["items"][0]["resolved_by"], json!(carol.caller.user));
    assert_eq!(server.refusal(carol.post(&resolve)).await.0, 404);
}
