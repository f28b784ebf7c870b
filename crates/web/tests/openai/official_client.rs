//! The official client in Python, unchanged. Set `GRADUS_TEST_PYTHON` to a Python that has the package `openai`; without
//! it this is skipped.

use std::path::Path;
use std::process::Stdio;

use gradus_testkit::given;
use tokio::process::Command;

use crate::each_database;
use crate::running::{BASE, Running};

each_database!(the_official_client_is_served);

async fn the_official_client_is_served(server: &Running) {
    let Some(python) = given::python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openai/official_client.py");
    let output = Command::new(python)
        .arg(script)
        .env("OPENAI_BASE_URL", format!("http://{}/v1", server.address))
        .env("OPENAI_API_KEY", &server.alice.token)
        .env("BASE_MODEL", BASE)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{said}");
}
