//! Training jobs: asked for, steered, followed, compared.

use std::time::Duration;

use gradus_app::store::training_jobs::{self, Progress};
use gradus_domain::{Id as _, TrainingJobId, TrainingJobStep};
use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::people::Person;
use crate::server::Server;
use crate::things::{id, uuid};

each_database!(
    a_job_waits_pauses_goes_on_and_is_cancelled_and_deleted,
    a_job_is_asked_for_with_what_fits_together,
    a_job_goes_on_from_a_checkpoint_of_its_own,
    health_follows_the_worker_and_the_loss,
    events_are_listed_in_pages,
    a_stream_replays_what_was_missed_and_ends_with_the_job,
    jobs_are_compared,
    too_many_jobs_at_once_are_refused,
);

fn path(job: &str) -> String {
    format!("/api/v1/training-jobs/{job}")
}

async fn state(server: &Server, person: &Person, job: &str) -> Value {
    server.ok(person.get(&path(job))).await["job"]["state"].clone()
}

async fn a_job_waits_pauses_goes_on_and_is_cancelled_and_deleted(server: &Server) {
    let alice = server.people.alice();
    let job = server.training_job(alice).await;
    let step = |name: &str| alice.post(&format!("{}/{name}", path(&job)));
    let shown = server.ok(alice.get(&path(&job))).await;
    assert_eq!(
        (shown["job"]["state"].as_str(), shown["health"]["state"].as_str()),
        (Some("queued"), Some("waiting"))
    );
    assert_eq!(shown["job"]["settings"]["epochs"], 2);
    assert_eq!(server.refusal(alice.delete(&path(&job))).await, (409, "in_use".to_owned()));
    assert_eq!(server.refusal(step("resume")).await, (409, "not_now".to_owned()));
    assert_eq!(server.ok(step("pause")).await["state"], "paused");
    assert_eq!(server.ok(step("resume")).await["state"], "queued");
    assert_eq!(server.ok(step("cancel")).await["state"], "cancelled");
    assert_eq!(server.refusal(step("cancel")).await, (409, "not_now".to_owned()));
    assert_eq!(server.ok(alice.get(&path(&job))).await["health"]["state"], "ended");
    server.ok(alice.delete(&path(&job))).await;
    assert_eq!(server.count(alice, "/api/v1/training-jobs").await, 0);
}

async fn a_job_is_asked_for_with_what_fits_together(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (_, waiting) = server.dataset(alice).await;
    let (_, ready) = server.ready_dataset(alice).await;
    let new = |version: &str, more: Value| {
        let mut new =
            json!({ "name": "x", "base_model": "smollm2-135m-instruct", "dataset_version": version });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Ask::post("/api/v1/training-jobs").json(&new)
    };
    let field = async |ask: Ask| {
        let answer = server.ask(alice.with_token(ask)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        answer.json()["errors"][0]["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(new(&waiting, json!({}))).await, "body.dataset_version");
    assert_eq!(field(new(&ready, json!({ "base_model": "gpt-9" }))).await, "body.base_model");
    assert_eq!(field(new(&ready, json!({ "settings": { "epochs": 0 } }))).await, "body.settings.epochs");
    assert_eq!(
        field(new(&ready, json!({ "settings": { "learning_rate": 2 } }))).await,
        "body.settings.learning_rate"
    );
    assert_eq!(field(new(&ready, json!({ "suffix": "Not plain" }))).await, "body.suffix");
    let (guide, conversations) =
        (server.document(alice, "guide").await, server.document(alice, "conversations").await);
    let talk = |training: &str, validation: &str| {
        Ask::post("/api/v1/training-jobs").json(&json!({
            "name": "x", "base_model": "smollm2-135m-instruct",
            "training_document": training, "validation_document": validation,
        }))
    };
    assert_eq!(field(talk(&guide, &conversations)).await, "body.training_document");
    assert_eq!(field(talk(&conversations, &guide)).await, "body.validation_document");
    let model = server.model(bob).await;
    let stolen = alice.with_token(new(&ready, json!({ "from_model": model })));
    assert_eq!(server.refusal(stolen).await.0, 404);
    let own = server.model(alice).await;
    let other = "smollm2-135m-instruct-bf16";
    assert_eq!(
        field(new(&ready, json!({ "from_model": own, "base_model": other }))).await,
        "body.from_model"
    );
    let gemma = server.ask(alice.with_token(new(&ready, json!({ "base_model": "gemma3-270m" })))).await;
    assert_eq!(gemma.status, 422);
    assert!(gemma.text().contains("under terms that have to be accepted first"), "{}", gemma.text());
    assert_eq!(server.refusal(bob.with_token(new(&ready, json!({})))).await.0, 404);
    let made = server.ok(alice.with_token(new(&ready, json!({ "suffix": "bio" })))).await;
    assert_eq!(
        (made["dataset_version_id"].as_str(), made["suffix"].as_str()),
        (Some(ready.as_str()), Some("bio"))
    );
}

async fn a_job_goes_on_from_a_checkpoint_of_its_own(server: &Server) {
    let alice = server.people.alice();
    let (job, other) = (server.training_job(alice).await, server.training_job(alice).await);
    let (checkpoint, foreign) = (server.checkpoint(&job).await, server.checkpoint(&other).await);
    let listed = server.ok(alice.get(&format!("{}/checkpoints", path(&job)))).await;
    assert_eq!(
        (listed["items"][0]["id"].as_str(), listed["items"][0]["step"].as_i64()),
        (Some(checkpoint.as_str()), Some(10))
    );
    server.ok(alice.post(&format!("{}/pause", path(&job)))).await;
    let resume =
        |from: &str| alice.post(&format!("{}/resume", path(&job))).json(&json!({ "checkpoint": from }));
    assert_eq!(server.refusal(resume(&foreign)).await.0, 404);
    let resumed = server.ok(resume(&checkpoint)).await;
    assert_eq!(
        (resumed["state"].as_str(), resumed["resume_checkpoint_id"].as_str()),
        (Some("queued"), Some(checkpoint.as_str()))
    );
}

/// A job that a worker trains, with what it last said of it.
async fn train(server: &Server, job: &str, progress: Progress) {
    let row = TrainingJobId::from_uuid(uuid(job));
    server
        .write(move |change| async move {
            training_jobs::step(&change, row, TrainingJobStep::Prepare, None).await?;
            training_jobs::step(&change, row, TrainingJobStep::Train, None).await?;
            training_jobs::report_progress(&change, row, 40, Some(100), progress).await
        })
        .await;
}

async fn health_follows_the_worker_and_the_loss(server: &Server) {
    let alice = server.people.alice();
    let (job, rising) = (server.training_job(alice).await, server.training_job(alice).await);
    let learning = |loss_trend| Progress {
        training_loss: Some(1.5),
        loss_trend: Some(loss_trend),
        ..Progress::default()
    };
    train(server, &job, learning(-0.02)).await;
    train(server, &rising, learning(0.2)).await;
    let health = async |job: &str| server.ok(alice.get(&path(job))).await["health"].clone();
    assert_eq!(health(&job).await["state"], "healthy");
    assert_eq!(health(&job).await["loss_trend"], -0.02);
    assert_eq!(health(&rising).await["state"], "diverging");
    server.clock.advance_seconds(3600);
    assert_eq!(health(&job).await["state"], "stalled");
}

async fn events_are_listed_in_pages(server: &Server) {
    let alice = server.people.alice();
    let job = server.training_job(alice).await;
    for step in 1..=5 {
        server.say(&job, json!({ "step": step, "train_loss": 3.0 / f64::from(step) })).await;
    }
    let events = format!("{}/events", path(&job));
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = server.ok(alice.get(&format!("{events}?after={after}&limit=4"))).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()));
        let Some(next) = page["next"].as_i64() else { break };
        after = next;
    }
    assert_eq!(seen, (1..=6).collect::<Vec<i64>>());
}

async fn a_stream_replays_what_was_missed_and_ends_with_the_job(server: &Server) {
    let alice = server.people.alice();
    let job = server.training_job(alice).await;
    server.say(&job, json!({ "step": 1, "train_loss": 3.0 })).await;
    server.say(&job, json!({ "step": 2, "train_loss": 2.0 })).await;
    let stream = format!("{}/events/stream", path(&job));
    let mut connection = server.connect().await;
    connection.send(alice.get(&stream).header("last-event-id", "2").bytes(true)).await;
    let head = connection.head().await;
    assert_eq!((head.status, head.header("content-type").as_deref()), (200, Some("text/event-stream")));
    let lines = async |connection: &mut crate::wire::Connection, until: &str| {
        let mut lines = Vec::new();
        while !lines.iter().any(|line: &String| line.starts_with(until)) {
            lines.push(connection.line().await.expect("the stream goes on"));
        }
        lines
    };
    let missed = lines(&mut connection, "data:").await;
    assert!(
        missed.contains(&"id: 3".to_owned()) && missed.contains(&"event: metrics".to_owned()),
        "{missed:?}"
    );
    // What happens while somebody listens comes by itself, and so does the end.
    server.say(&job, Value::Null).await;
    let next = lines(&mut connection, "data:").await;
    assert!(next.contains(&"id: 4".to_owned()), "{next:?}");
    server.ok(alice.post(&format!("{}/cancel", path(&job)))).await;
    let last = lines(&mut connection, "0").await;
    assert!(last.iter().any(|line| line == "id: 5"), "{last:?}");

    let bob = server.people.bob();
    assert_eq!(server.refusal(bob.get(&stream)).await.0, 404);
    assert_eq!(
        server.refusal(alice.get(&stream).header("last-event-id", "x")).await,
        (400, "bad_event_id".to_owned())
    );
    // Of a job that is over, all of it comes at once.
    let whole = tokio::time::timeout(Duration::from_secs(20), server.ask(alice.get(&stream))).await.unwrap();
    assert_eq!(whole.text().lines().filter(|line| line.starts_with("id: ")).count(), 5);
}

async fn jobs_are_compared(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (one, other) = (server.training_job(alice).await, server.training_job(alice).await);
    for (job, loss) in [(&one, 1.0), (&other, 2.0)] {
        server.say(job, json!({ "step": 1, "train_loss": loss })).await;
        server.say(job, json!({ "step": 1, "valid_loss": loss + 0.5 })).await;
    }
    let compare =
        |person: &Person, jobs: &str| person.get(&format!("/api/v1/training-job-comparison?jobs={jobs}"));
    let found = server.ok(compare(alice, &format!("{one},{other}"))).await;
    assert_eq!(found["jobs"][1]["training_loss"], json!([{ "step": 1, "value": 2.0 }]));
    assert_eq!(found["jobs"][0]["validation_loss"], json!([{ "step": 1, "value": 1.5 }]));
    let differences = found["differences"].as_object().unwrap();
    assert_eq!(differences.keys().collect::<Vec<_>>(), ["training_document"]);
    for jobs in [one.clone(), format!("{one},{one}"), "x,y".to_owned(), String::new()] {
        assert_eq!(server.refusal(compare(alice, &jobs)).await.0, 422, "{jobs}");
    }
    assert_eq!(server.refusal(compare(bob, &format!("{one},{other}"))).await.0, 404);
}

async fn too_many_jobs_at_once_are_refused(server: &Server) {
    let alice = server.people.alice();
    let conversations = server.document(alice, "conversations").await;
    let new =
        json!({ "name": "x", "base_model": "smollm2-135m-instruct", "training_document": conversations });
    let ask = || alice.post("/api/v1/training-jobs").json(&new);
    let mut last = String::new();
    for _ in 0..server.state.services.quotas.running_jobs {
        last = id(&server.ok(ask()).await);
    }
    assert_eq!(server.refusal(ask()).await, (403, "quota_running_jobs".to_owned()));
    server.ok(alice.post(&format!("{}/cancel", path(&last)))).await;
    server.ok(ask()).await;
    assert_eq!(state(server, alice, &last).await, "cancelled");
}
