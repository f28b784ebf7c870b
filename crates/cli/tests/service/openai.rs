//! The official OpenAI clients in Python and Node, unchanged, from a file to the model that was trained on it. They are
//! left out where `gradus_testkit::given` has none.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use gradus_testkit::{Kind, given, on_each_database};
use tokio::process::Command;

use crate::base_model::BASE;
use crate::server::Server;

on_each_database!(the_client_trains_a_model_and_talks_to_it);

async fn the_client_trains_a_model_and_talks_to_it(kind: Kind) {
    let Some(python) = given::python() else { return };
    is_served(kind, Command::new(python).arg(script("openai_client.py"))).await;
}

#[tokio::test]
async fn the_client_for_node_trains_a_model_and_talks_to_it() {
    let Some(packages) = given::node() else { return };
    let mut node = Command::new("node");
    is_served(Kind::Sqlite, node.arg(script("openai_client.mjs")).env("PACKAGES", packages)).await;
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service").join(name)
}

/// Starts a server, and the client as one of its users.
async fn is_served(kind: Kind, client: &mut Command) {
    let Some(server) = Server::start(kind).await else { return };
    let token = server.token().await;
    let output = client
        .env("OPENAI_BASE_URL", format!("{}/v1", server.address()))
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
