//! A process as the system sees it: its memory and its children.

use std::process::{Child, Command};

use anyhow::{Context, Result};

/// A process of ours, asked to end when it is dropped.
pub(super) struct Process(Child);

impl Process {
    pub(super) fn new(child: Child) -> Self {
        Self(child)
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Resident memory, in MB.
    pub(super) fn memory_mb(&self) -> Result<f64> {
        memory_mb(self.id())
    }

    /// Those that it has started and that run.
    pub(super) fn children(&self) -> Result<Vec<u32>> {
        let mut children = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Ok(id) = name.parse::<u32>() else { continue };
            // It may have ended since.
            let Ok(parent) = field(id, "status", "PPid:") else { continue };
            if parent == self.id().to_string() {
                children.push(id);
            }
        }
        Ok(children)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        _ = self.0.wait();
    }
}

/// Resident memory of a process, in MB.
pub(super) fn memory_mb(process: u32) -> Result<f64> {
    megabytes(&field(process, "status", "VmRSS:")?)
}

/// Resident memory of a process, in MB, with pages that it shares counted in equal parts to all that share them.
pub(super) fn proportional_memory_mb(process: u32) -> Result<f64> {
    megabytes(&field(process, "smaps_rollup", "Pss:")?)
}

fn megabytes(kib: &str) -> Result<f64> {
    let kib: f64 = kib.trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

fn field(process: u32, file: &str, name: &str) -> Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/{file}"))?;
    let value =
        status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(value.trim().to_owned())
}
