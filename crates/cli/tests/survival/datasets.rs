//! Datasets that are built of the same documents again and again.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, assert_lost, id};

pub(crate) const LIST: &str = "/api/v1/datasets";

/// Makes a dataset of this name, which no other has, and waits for its version.
pub(crate) async fn build(client: &Client, name: &str, (guide, answers): (&str, &str)) -> (String, Value) {
    let version = json!({ "guide": guide, "answers": [answers], "validation_share": 0.2, "test_share": 0.2 });
    let made = client.make_named(LIST, &json!({ "name": name, "version": version })).await;
    // As it was made, or as it is listed.
    let dataset = id(made.get("dataset").unwrap_or(&made));
    let shown = client.get(&format!("{LIST}/{dataset}")).await;
    let versions = shown["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{shown}");
    let path = format!("/api/v1/dataset-versions/{}", id(&versions[0]));
    loop {
        let built = client.until(&path, |it| it["state"] == "ready" || it["state"] == "failed").await;
        if built["state"] == "ready" {
            return (dataset, built);
        }
        assert_lost(&built);
        client.wish(format!("{path}/retry")).await;
    }
}

/// Builds datasets, one after the other, until it is over; what they teach is the same each time.
pub(crate) async fn build_until(
    over: &CancellationToken,
    client: &Client,
    of: (&str, &str),
    content_hash: &Value,
) -> Vec<String> {
    let mut datasets = Vec::new();
    for number in 0.. {
        if over.is_cancelled() {
            break;
        }
        let (dataset, version) = build(client, &format!("dataset {number}"), of).await;
        assert_eq!(&version["content_hash"], content_hash);
        datasets.push(dataset);
    }
    datasets
}
