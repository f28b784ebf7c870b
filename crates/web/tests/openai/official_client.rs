//! The official client in Python, unchanged. Set `GRADUS_TEST_PYTHON` to a Python that has the package `openai`; without
//! it this is skipped.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::each_database;
use crate::running::{BASE, Running};

each_database!(the_official_client_is_served);

#[expect(clippy::disallowed_methods, reason = "tests are told here where their Python is")]
fn python() -> Option<PathBuf> {
    std::env::var_os("GRADUS_TEST_PYTHON").map(PathBuf::from)
}

async fn the_official_client_is_served(server: &Running) {
    let Some(python) = python() else {
        eprintln!("skipped: GRADUS_TEST_PYTHON does not name a Python; `cargo xtask test` makes one");
        return;
    };
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
