//! The directory with the Node package that tests run against, made with the user's own npm settings and kept between
//! runs. Only where Node is installed: one client in two languages does not ask for a second language on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// The package, at one version.
const PACKAGE: &str = "openai";
const VERSION: &str = "6.49.0";

/// The directory whose scripts find the package; none, which is said, where Node or the package cannot be had.
pub(super) fn ensure(data_dir: &Path) -> Result<Option<PathBuf>> {
    if !answers("node") || !answers("npm") {
        println!("no Node here: the tests of the Node client are left out; install Node.js and npm for them");
        return Ok(None);
    }
    let directory = data_dir.join("node");
    if is_installed(&directory) {
        return Ok(Some(directory));
    }
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    println!(
        "installing {PACKAGE}@{VERSION}: it is the Node client that the OpenAI-compatible API is tested with"
    );
    let installed = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&directory)
        .arg(format!("{PACKAGE}@{VERSION}"))
        .status();
    if installed.is_ok_and(|status| status.success()) && is_installed(&directory) {
        return Ok(Some(directory));
    }
    println!("npm could not install it: the tests of the Node client are left out");
    Ok(None)
}

fn answers(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn is_installed(directory: &Path) -> bool {
    let description = directory.join("node_modules").join(PACKAGE).join("package.json");
    fs::read_to_string(description).is_ok_and(|text| text.contains(&format!("\"version\": \"{VERSION}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_installed_when_it_has_the_version() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_installed(directory.path()));
        let package = directory.path().join("node_modules").join(PACKAGE);
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("package.json"), r#"{ "version": "1.0.0" }"#).unwrap();
        assert!(!is_installed(directory.path()));
        fs::write(package.join("package.json"), format!(r#"{{ "version": "{VERSION}" }}"#)).unwrap();
        assert!(is_installed(directory.path()));
    }
}
