//! What `cargo xtask test` starts or installs for tests, and names to them in the environment. A test that needs something
//! that is not named is skipped, which is said.

use std::path::PathBuf;

/// The address of a PostgreSQL server whose user may make databases.
pub fn postgres() -> Option<String> {
    named("GRADUS_TEST_POSTGRES", "a PostgreSQL server")
}

/// The address of an S3 server.
pub fn s3() -> Option<String> {
    named("GRADUS_TEST_S3", "an S3 server")
}

/// A Python with the packages `openai` and `schemathesis`.
pub fn python() -> Option<PathBuf> {
    named("GRADUS_TEST_PYTHON", "a Python").map(PathBuf::from)
}

/// A directory whose scripts find the Node package `openai`.
pub fn node() -> Option<PathBuf> {
    named("GRADUS_TEST_NODE", "a directory of Node packages").map(PathBuf::from)
}

/// Whether tests may take hours: `GRADUS_TEST_LONG` is set.
pub fn is_long() -> bool {
    std::env::var_os("GRADUS_TEST_LONG").is_some()
}

fn named(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    if value.is_none() {
        eprintln!("skipped: {variable} does not name {what}; `cargo xtask test` makes one");
    }
    value
}
