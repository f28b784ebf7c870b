//! Reading and writing whole files: a file of ours is either complete or absent.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Error;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::file("read", path))
}

pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("create", path))
}

/// Makes a directory that only its owner may enter, where there is none.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path).map_err(Error::file("create", path))
}

/// Makes sure that the names in a directory survive a power cut.
pub(crate) fn flush_directory(directory: &Path) -> Result<(), Error> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(Error::file("flush", directory))
}

/// As [`flush_directory`], and all below it.
pub(crate) fn flush_directories(directory: &Path) -> Result<(), Error> {
    for name in names_in(directory)? {
        let path = directory.join(name);
        if path.is_dir() {
            flush_directories(&path)?;
        }
    }
    flush_directory(directory)
}

/// Writes aside, flushes and renames.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_directory(directory)?;
    // Always the same name: what a killed process left is replaced by the next.
    let partial = directory.join(format!(".partial-{}", name(path)));
    let written = fill(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The error is what counts.
        _ = fs::remove_file(&partial);
    }
    written.map_err(Error::file("write", path))?;
    flush_directory(directory)
}

/// Writes a value as JSON, as [`write`]; `expected` says what it is.
pub(crate) fn write_json(path: &Path, value: &impl Serialize, expected: &'static str) -> Result<(), Error> {
    let json = serde_json::to_vec_pretty(value).map_err(|error| Error::Format {
        path: path.to_owned(),
        expected,
        reason: error.to_string(),
    })?;
    write(path, &json)
}

/// Writes a report as `report.html` and `report.json` into a directory and returns their paths.
pub(crate) fn write_report(directory: &Path, html: &str, json: &str) -> Result<(PathBuf, PathBuf), Error> {
    let paths = (directory.join("report.html"), directory.join("report.json"));
    write(&paths.0, html.as_bytes())?;
    write(&paths.1, json.as_bytes())?;
    Ok(paths)
}

fn fill(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The names of what is in a directory, in order.
pub(crate) fn names_in(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(directory).map_err(Error::file("list", directory))?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, _>>().map_err(Error::file("list", directory))?;
    names.sort();
    Ok(names)
}

/// The last part of a path, for messages.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
