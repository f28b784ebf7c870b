//! Model tests with their submissions, and the reports on them.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, assert_lost, id};
use crate::foundation::Foundation;
use crate::http::Request;

pub(crate) const TESTS: &str = "/api/v1/model-tests";
pub(crate) const REPORTS: &str = "/api/v1/reports";
const ANSWERS: [&str; 3] = ["They hold chlorophyll.", "Because of the sun.", "They reflect green light."];

/// A test that was run to its end, and its report.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) name: String,
    pub(crate) test: String,
    pub(crate) report: String,
}

async fn draft(client: &Client, name: &str, (model, version): (&str, &str)) -> String {
    let new = json!({ "name": name, "model": model, "dataset_version": version });
    let test = id(&client.make_named(TESTS, &new).await);
    let given = ANSWERS.map(|answer| json!({ "question": "1", "answer": answer, "expected": "1" }));
    let path = format!("{TESTS}/{test}/submissions");
    let request = Request::post(&path).with_json(&json!({ "submissions": given }));
    let total = client.make(request, async || client.pages(&path, "from").await.first().cloned()).await;
    assert!(total["total"].is_null() || total["total"] == ANSWERS.len(), "{total}");
    test
}

/// Has a test run, and run again if the server or its owner gave it up.
async fn run(client: &Client, test: &str, is_given_up_once: bool) {
    let path = format!("{TESTS}/{test}");
    let is_final = |it: &Value| ["completed", "failed", "cancelled"].iter().any(|end| it["state"] == *end);
    client.wish(format!("{path}/run")).await;
    if is_given_up_once {
        client.under_way.cancellations.fetch_add(1, Ordering::Relaxed);
        client.wish(format!("{path}/cancel")).await;
        client.until(&path, is_final).await;
        client.under_way.cancellations.fetch_sub(1, Ordering::Relaxed);
    }
    loop {
        let ended = client.until(&path, is_final).await;
        match ended["state"].as_str().unwrap() {
            "completed" => return,
            "failed" => assert_lost(&ended),
            state => assert!(state == "cancelled" && is_given_up_once, "{ended}"),
        }
        client.wish(format!("{path}/run")).await;
    }
}

/// Has a report written.
async fn report(client: &Client, name: &str, test: &str) -> String {
    let report = id(&client.make_named(REPORTS, &json!({ "name": name, "model_test": test })).await);
    let path = format!("{REPORTS}/{report}");
    loop {
        let written = client.until(&path, |it| it["state"] == "completed" || it["state"] == "failed").await;
        if written["state"] == "completed" {
            return report;
        }
        assert_lost(&written);
        client.wish(format!("{path}/retry")).await;
    }
}

/// Drafts a test, runs it, and has a report written.
pub(crate) async fn examine(
    client: &Client,
    name: String,
    of: (&str, &str),
    is_given_up_once: bool,
) -> Examination {
    let test = draft(client, &name, of).await;
    run(client, &test, is_given_up_once).await;
    let report = report(client, &name, &test).await;
    Examination { name, test, report }
}

/// What every submission of a test was given.
pub(crate) async fn marks(client: &Client, test: &str) -> Vec<Value> {
    let given = client.pages(&format!("{TESTS}/{test}/submissions"), "from").await;
    let shown = |it: &Value| json!([it["position"], it["answer"], it["verdict"], it["confidence"]]);
    given.iter().map(shown).collect()
}

/// Tests models, one test after the other, until it is over.
pub(crate) async fn examine_until(
    over: &CancellationToken,
    client: &Client,
    foundation: &Foundation,
) -> Vec<Examination> {
    let mut examinations = Vec::new();
    for number in 0.. {
        if over.is_cancelled() {
            break;
        }
        let name = format!("examination {number}");
        let of = (&*foundation.model, &*foundation.version);
        examinations.push(examine(client, name, of, number % 3 == 1).await);
    }
    examinations
}
