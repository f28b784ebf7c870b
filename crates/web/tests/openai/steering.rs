//! Cancelling, pausing and resuming jobs, whether a worker has them or not.

use std::time::Duration;

use gradus_app::store::queue::{self, Claimant};
use gradus_domain::{JobKind, TrainingJobStep, Wish};
use serde_json::json;
use uuid::Uuid;

use crate::asking::Ask;
use crate::each_database;
use crate::jobs::{job, own_id, take};
use crate::running::{Running, refused, refused_request};
use crate::uploads::id;

each_database!(
    a_job_that_waits_is_paused_resumed_and_cancelled,
    a_job_that_a_worker_has_is_pausing_until_it_has_stopped,
    a_job_is_steered_by_its_owner_alone,
);

async fn a_job_that_waits_is_paused_resumed_and_cancelled(server: &Running) {
    let path = format!("/v1/fine_tuning/jobs/{}", id(&job(server, json!({})).await));
    for (order, status) in [
        ("pause", "paused"),
        ("resume", "queued"),
        ("cancel", "cancelled"),
        ("resume", "queued"),
        ("cancel", "cancelled"),
    ] {
        let answered = server.order(&format!("{path}/{order}")).await;
        assert_eq!(answered["status"], status, "{order}");
        assert_eq!(server.get(&path).await["status"], status);
    }
    assert!(server.get(&path).await["finished_at"].is_i64());
    for order in ["cancel", "pause"] {
        let ask = Ask::post(&format!("{path}/{order}")).bearer(&server.alice.token);
        let answer = server.ask(ask).await;
        assert_eq!(refused_request(&answer).1, "not_now", "{order}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("is cancelled"), "{message}");
    }
}

async fn a_job_that_a_worker_has_is_pausing_until_it_has_stopped(server: &Running) {
    let job = job(server, json!({})).await;
    let path = format!("/v1/fine_tuning/jobs/{}", id(&job));
    let claimant = Claimant {
        worker: Uuid::now_v7(),
        kinds: vec![JobKind::Train],
        lease: Duration::from_secs(15),
        most_per_user: 4,
    };
    let claimed = server.services.store.write(move |tx| async move { queue::claim(&tx, &claimant).await });
    claimed.await.unwrap().unwrap();
    take(server, &job, &[TrainingJobStep::Prepare]).await;
    assert_eq!(server.get(&path).await["status"], "validating_files");
    take(server, &job, &[TrainingJobStep::Train]).await;
    assert_eq!(server.get(&path).await["status"], "running");
    assert_eq!(server.order(&format!("{path}/pause")).await["status"], "pausing");
    assert_eq!(server.get(&path).await["status"], "pausing");
    assert_eq!(server.services.wish_of(own_id(&job)).await.unwrap(), Wish::Pause);
    take(server, &job, &[TrainingJobStep::Pause]).await;
    assert_eq!(server.get(&path).await["status"], "paused");
}

async fn a_job_is_steered_by_its_owner_alone(server: &Running) {
    let path = format!("/v1/fine_tuning/jobs/{}", id(&job(server, json!({})).await));
    for order in ["cancel", "pause", "resume"] {
        let path = format!("{path}/{order}");
        let answer = server.ask(Ask::post(&path).bearer(&server.bob.token)).await;
        let expected = (
            404,
            "invalid_request_error".into(),
            Some("fine_tuning_job_id".into()),
            Some("fine_tune_not_found".into()),
        );
        assert_eq!(refused(&answer), expected);
        assert_eq!(refused(&server.ask(Ask::post(&path).bearer(&server.alice_reads)).await).0, 403);
    }
    assert_eq!(server.get(&path).await["status"], "queued");
}
