//! Training jobs that are asked for, given up and resumed while their workers are killed.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::base_model::BASE;
use crate::client::{Client, assert_lost, id};

pub(crate) const LIST: &str = "/api/v1/training-jobs";
/// A run of a second or two, most of which is storing checkpoints.
pub(crate) const EPOCHS: u32 = 20;

/// A job that was acknowledged.
#[derive(Debug)]
pub(crate) struct Training {
    pub(crate) id: String,
    /// Whether it was given up for good.
    pub(crate) is_given_up: bool,
}

/// Asks for a job of this name, which no other has.
pub(crate) async fn ask_for(client: &Client, name: &str, version: &str, epochs: u32) -> String {
    let settings = json!({
        "epochs": epochs, "batch_size": 4, "learning_rate": 0.02, "lora_rank": 4, "checkpoint_every": 2, "seed": 7,
    });
    let new = json!({ "name": name, "dataset_version": version, "base_model": BASE, "settings": settings });
    id(&client.make_named(LIST, &new).await)
}

/// A job, as it is.
pub(crate) async fn until(client: &Client, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut found = client.until(&format!("{LIST}/{id}"), |found| is_so(&found["job"])).await;
    found["job"].take()
}

pub(crate) fn is_final(job: &Value) -> bool {
    ["completed", "cancelled", "paused", "failed"].iter().any(|state| job["state"] == *state)
}

/// Waits for the end of a job, as a person does who resumes it when the server gave it up.
pub(crate) async fn to_its_end(client: &Client, id: &str) -> Value {
    loop {
        let job = until(client, id, is_final).await;
        match job["state"].as_str().unwrap() {
            "completed" => return job,
            "failed" => assert_lost(&job),
            state => assert_eq!(state, "cancelled"),
        }
        client.wish(format!("{LIST}/{id}/resume")).await;
    }
}

/// Gives a job up, and waits until it has stopped.
async fn give_up(client: &Client, id: &str) -> Value {
    client.under_way.cancellations.fetch_add(1, Ordering::Relaxed);
    client.wish(format!("{LIST}/{id}/cancel")).await;
    let job = until(client, id, is_final).await;
    client.under_way.cancellations.fetch_sub(1, Ordering::Relaxed);
    job
}

/// The models that came of a job.
async fn models(client: &Client, job: &str) -> Vec<Value> {
    let mut models = client.list("/api/v1/models").await;
    models.retain(|model| model["training_job_id"] == job);
    models
}

/// The one model of a completed job, and the hash of its parameters.
pub(crate) async fn model(client: &Client, job: &str) -> (String, String) {
    let models = models(client, job).await;
    assert_eq!(models.len(), 1, "one model of one job");
    let files = client.get(&format!("/api/v1/models/{}/files", id(&models[0]))).await;
    let mut files = files["items"].as_array().unwrap().iter();
    let parameters = files.find(|file| file["name"] == "adapter_model.safetensors").unwrap();
    (id(&models[0]), parameters["blake3"].as_str().unwrap().to_owned())
}

/// Each update's number and loss, in the order in which they were told. The events have no gap.
pub(crate) async fn losses(client: &Client, job: &str) -> Vec<(i64, f64)> {
    let events = client.pages(&format!("{LIST}/{job}/events"), "after").await;
    let numbers = events.iter().map(|event| event["seq"].as_u64().unwrap());
    assert!(numbers.eq(1..=events.len() as u64), "a gap in the events");
    let figures = events.iter().filter(|event| event["kind"] == "metrics").map(|event| &event["data"]);
    figures.filter_map(|data| Some((data["step"].as_i64()?, data["train_loss"].as_f64()?))).collect()
}

/// Trains, again and again until it is over: one job is resumed after it was given up, one is left alone, one is given up
/// for good.
pub(crate) async fn train_until(over: &CancellationToken, client: &Client, version: &str) -> Vec<Training> {
    let mut trainings = Vec::new();
    for number in 0.. {
        if over.is_cancelled() {
            break;
        }
        let id = ask_for(client, &format!("disturbed {number}"), version, EPOCHS).await;
        let mut is_given_up = false;
        if number % 3 != 1 {
            let far_enough = 10 * (number % 4);
            until(client, &id, |job| is_final(job) || job["step"].as_i64() >= Some(far_enough)).await;
            let stopped = give_up(client, &id).await;
            is_given_up = number % 3 == 2 && stopped["state"] == "cancelled";
        }
        if !is_given_up {
            to_its_end(client, &id).await;
        }
        trainings.push(Training { id, is_given_up });
    }
    trainings
}
