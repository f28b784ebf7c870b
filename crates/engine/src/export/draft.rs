//! A directory that appears under its name only when it is complete; otherwise nothing of it stays.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ExportError;

/// A directory being written beside its destination.
pub(super) struct Draft {
    path: PathBuf,
    parent: PathBuf,
    destination: PathBuf,
}

impl Draft {
    /// Begins a draft, in place of what an interrupted export may have left.
    pub(super) fn begin(destination: &Path) -> Result<Self, ExportError> {
        let there = || ExportError::AlreadyThere { path: destination.to_owned() };
        let name = destination.file_name().ok_or_else(there)?;
        if destination.exists() && !is_empty_directory(destination) {
            return Err(there());
        }
        let parent = match destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let path = parent.join(format!(".partial-{}", name.to_string_lossy()));
        if path.exists() {
            fs::remove_dir_all(&path).map_err(ExportError::io("remove", &path))?;
        }
        fs::create_dir_all(&path).map_err(ExportError::io("create", &path))?;
        Ok(Self { path, parent, destination: destination.to_owned() })
    }

    /// Where the files go.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a JSON file.
    pub(super) fn write_json(&self, name: &str, content: &Value) -> Result<(), ExportError> {
        self.write_text(name, &format!("{content:#}\n"))
    }

    /// Writes a file that fits in memory.
    pub(super) fn write_text(&self, name: &str, content: &str) -> Result<(), ExportError> {
        let path = self.path.join(name);
        let mut file = File::create(&path).map_err(ExportError::io("create", &path))?;
        file.write_all(content.as_bytes()).map_err(ExportError::io("write", &path))?;
        file.sync_all().map_err(ExportError::io("flush", &path))
    }

    /// Gives the directory its name.
    pub(super) fn publish(self) -> Result<(), ExportError> {
        flush_directory(&self.path)?;
        fs::rename(&self.path, &self.destination).map_err(ExportError::io("create", &self.destination))?;
        // A rename is durable only once the directory that holds the name is.
        flush_directory(&self.parent)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After publishing there is nothing left to remove; otherwise the error under way is what
        // counts, and the next export of that name clears what could not be removed now.
        _ = fs::remove_dir_all(&self.path);
    }
}

fn is_empty_directory(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn flush_directory(path: &Path) -> Result<(), ExportError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(ExportError::io("flush", path))
}
