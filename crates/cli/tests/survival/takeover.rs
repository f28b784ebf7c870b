//! How soon the job of a dead worker goes on elsewhere, with the settings that a server has by itself.

use std::time::{Duration, Instant};

use gradus_testkit::{Kind, TestDatabase, on_each_database};

use crate::client::{Client, Servers};
use crate::machine::Machine;
use crate::{course, datasets, trainings, uploads};

on_each_database!(a_dead_workers_job_goes_on_elsewhere_within_half_a_minute);

const PROMISED: Duration = Duration::from_secs(30);
/// So many that the run is never over before the test is.
const EPOCHS: u32 = 1000;

async fn a_dead_workers_job_goes_on_elsewhere_within_half_a_minute(kind: Kind) {
    let Some(database) = TestDatabase::new(kind).await else { return };
    let machine = Machine::new(&database.location);
    let (server, servers) = (machine.serve(&["--no-workers"]), Servers::default());
    servers.are([server.address.clone()]);
    let client = Client::new(servers, machine.token().await);
    let mut first = machine.work();
    let guide = uploads::send(&client, "guide.md", "guide", course::GUIDE.as_bytes()).await;
    let answers = uploads::send(&client, "answers.csv", "answers", course::answers().as_bytes()).await;
    uploads::until_read(&client, &guide).await;
    let (_, version) = datasets::build(&client, "leaves", (&guide, &answers)).await;
    let version = crate::client::id(&version);
    let job = trainings::ask_for(&client, "long", &version, EPOCHS).await;
    trainings::until(&client, &job, |job| job["step"].as_i64() > Some(20)).await;

    let _second = machine.work();
    while machine.log().matches("the worker is ready").count() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.kill_all();
    let killed = Instant::now();
    let dead = trainings::until(&client, &job, |_| true).await;
    let further = |job: &serde_json::Value| job["step"].as_i64() > dead["step"].as_i64();
    let alive = trainings::until(&client, &job, further).await;
    let took = killed.elapsed();
    eprintln!("{kind:?}: the job of a dead worker went on after {took:.1?}");
    assert!(took < PROMISED, "{took:?}");
    assert!(!trainings::is_final(&dead) && !trainings::is_final(&alive), "the run was too short: {alive}");
    let told = client.list(&format!("{}/{job}/events", trainings::LIST)).await;
    let goes_on = |event: &serde_json::Value| event["message"].as_str().unwrap().contains("from step");
    assert!(told.iter().any(goes_on), "it began anew: {told:?}");
    database.remove().await;
}
