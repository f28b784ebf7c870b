//! Work in the queue: how soon a worker begins it, and a training run beside the reads.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::Latencies;
use super::server::RunningServer;

/// How many documents are queued, one after the other.
const DOCUMENTS: usize = 100;
/// Longer than a document of a line takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Conversations of the training run: enough for it to last through the reads.
const CONVERSATIONS: usize = 2000;

/// From the moment that an upload is acknowledged until its reading has begun, as the server's own times say.
pub(super) fn start_latencies(server: &RunningServer) -> Result<Latencies> {
    let mut client = server.client()?;
    let mut latencies = Vec::with_capacity(DOCUMENTS);
    for number in 0..DOCUMENTS {
        let path = format!("/api/v1/documents?name=line-{number}.md&purpose=guide");
        let text = format!("# A line\n\nNumber {number}.\n");
        let answer = client.ask("POST", &path, "application/octet-stream", text.as_bytes())?.json(&path)?;
        let id = answer["id"].as_str().context("no id")?.to_owned();
        let begun = Instant::now();
        let path = format!("/api/v1/documents/{id}");
        loop {
            let document = client.get(&path)?.json(&path)?;
            if document["state"] != "uploaded" {
                latencies.push(begun.elapsed());
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "no worker began to read a document");
        }
        // The next one finds the worker waiting, as people's work does.
        wait_until(&mut client, &path, |document| document["state"] != "extracting")?;
    }
    Ok(Latencies::of(latencies))
}

/// Begins a training run that lasts; its path.
pub(super) fn train(server: &RunningServer) -> Result<String> {
    let mut client = server.client()?;
    let lines: String = (0..CONVERSATIONS).map(|number| conversation(number) + "\n").collect();
    let path = "/api/v1/documents?name=conversations.jsonl&purpose=conversations";
    let document = client.ask("POST", path, "application/octet-stream", lines.as_bytes())?.json(path)?;
    let job = json!({
        "name": "load", "base_model": "smollm2-135m-instruct",
        "training_document": document["id"],
        "settings": { "epochs": 3 },
    });
    let made = client.post("/api/v1/training-jobs", &job)?;
    let path = format!("/api/v1/training-jobs/{}", made["id"].as_str().context("no id")?);
    wait_until(&mut client, &path, |shown| shown["job"]["state"] == "training" || is_over(&shown["job"]))?;
    Ok(path)
}

/// Makes sure that what was measured beside a run was beside a run.
pub(super) fn is_still_training(server: &RunningServer, path: &str) -> Result<()> {
    let shown = server.client()?.get(path)?.json(path)?;
    let state = &shown["job"]["state"];
    ensure!(state == "training", "the training run was {state} before the reads ended");
    Ok(())
}

fn is_over(job: &Value) -> bool {
    matches!(job["state"].as_str(), Some("failed" | "cancelled" | "completed"))
}

fn wait_until(client: &mut super::client::Client, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < 4 * PATIENCE {
        let thing = client.get(path)?.json(path)?;
        if is_so(&thing) {
            return if is_over(&thing["job"]) { bail!("{path}: {thing}") } else { Ok(()) };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("{path}: waited in vain")
}

fn conversation(number: usize) -> String {
    let question = format!("What is {number} and one more?");
    let answer = format!("It is {}, which is the number after {number}.", number + 1);
    json!({ "messages": [
        { "role": "user", "content": question },
        { "role": "assistant", "content": answer },
    ] })
    .to_string()
}
