//! Which processes there are, as the system knows them.

use std::path::Path;

use rustix::process::Pid;

/// A running process.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: Pid,
    pub(crate) arguments: Vec<String>,
}

/// The processes that a process started and that still run.
pub(crate) fn children(of: Pid) -> Vec<Found> {
    let parent = format!("PPid:\t{}", of.as_raw_nonzero());
    all().filter(|found| status(found.id).lines().any(|line| line == parent)).collect()
}

/// The processes that work in a directory.
pub(crate) fn at_work_in(directory: &Path) -> Vec<Found> {
    let directory = directory.canonicalize().unwrap();
    let is_there = |found: &Found| {
        let path = format!("/proc/{}/cwd", found.id.as_raw_nonzero());
        std::fs::read_link(path).is_ok_and(|path| path == directory)
    };
    all().filter(is_there).collect()
}

fn all() -> impl Iterator<Item = Found> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| {
        let id = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let arguments = line.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned());
        Some(Found { id, arguments: arguments.collect() })
    })
}

/// What the system says of a process; nothing once it is gone.
fn status(id: Pid) -> String {
    std::fs::read_to_string(format!("/proc/{}/status", id.as_raw_nonzero())).unwrap_or_default()
}
