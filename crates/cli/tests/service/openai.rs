//! The official OpenAI client in Python, unchanged, from a file to the model that was trained on it. Set
//! `GRADUS_TEST_PYTHON` to a Python that has the package `openai`; without it this is skipped.

use std::path::Path;
use std::process::Stdio;

use gradus_testkit::{Kind, given};
use tokio::process::Command;

use crate::server::{BASE, Server};

async fn the_client_trains_a_model_and_talks_to_it(kind: Kind) {
    let Some(python) = given::python() else { return };
    let Some(server) = Server::start(kind).await else { return };
    let token = server.token().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/openai_client.py");
    let output = Command::new(python)
        .arg(script)
        .env("OPENAI_BASE_URL", format!("{}/v1", server.address))
        .env("OPENAI_API_KEY", token)
        .env("BASE_MODEL", BASE)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nThe server said:\n{}", server.log());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{said}");
    server.end().await;
}

#[tokio::test]
async fn the_client_trains_a_model_and_talks_to_it_on_sqlite() {
    the_client_trains_a_model_and_talks_to_it(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_client_trains_a_model_and_talks_to_it_on_postgresql() {
    the_client_trains_a_model_and_talks_to_it(Kind::Postgres).await;
}
