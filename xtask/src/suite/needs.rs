//! The programs and modules that tests run, and how to get them. One line each.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Something that tests run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Need {
    /// What shows that it is there.
    pub(crate) sign: Sign,
    /// The Debian package that carries it.
    pub(crate) debian_package: &'static str,
    /// What it is for, shown when it is missing.
    pub(crate) why: &'static str,
}

/// What shows that something is installed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sign {
    /// A command in one of the directories that commands are looked up in.
    Command(&'static str),
    /// A module that `python3` can import.
    PythonModule(&'static str),
}

/// What every run of the tests needs.
#[rustfmt::skip]
pub(crate) const EVERY_RUN: &[Need] = &[
    Need { sign: Sign::Command("pdftotext"), debian_package: "poppler-utils", why: "reads the text of PDF files" },
];

/// What fetching the base model needs besides.
#[rustfmt::skip]
pub(crate) const BASE_MODEL: &[Need] = &[
    Need { sign: Sign::Command("pip3"), debian_package: "python3-pip", why: "fetches the base model from the Python package index" },
];

/// What the servers need that tests talk to.
#[rustfmt::skip]
pub(crate) const SERVERS: &[Need] = &[
    Need { sign: Sign::Command("initdb"), debian_package: "postgresql", why: "makes the PostgreSQL server that tests store in" },
    Need { sign: Sign::Command("python3"), debian_package: "python3", why: "runs the S3 server that tests store in" },
    Need { sign: Sign::PythonModule("ensurepip"), debian_package: "python3-venv", why: "makes the environment of that server" },
];

/// Makes sure that each program is there: installs the missing ones when it may.
///
/// # Errors
/// With the command to type, when a program is missing and this is not root on a Debian system.
pub(crate) fn ensure(needs: &[Need], command_dirs: &[PathBuf]) -> Result<()> {
    let missing = missing(needs, command_dirs);
    if missing.is_empty() {
        return Ok(());
    }
    if !Sign::Command("apt-get").is_there(command_dirs) || !is_root() {
        bail!("{}", instruction(&missing));
    }
    install(&missing)?;
    let still_missing = self::missing(&missing, command_dirs);
    ensure!(still_missing.is_empty(), "apt-get reported success, but {}", instruction(&still_missing));
    Ok(())
}

fn install(missing: &[Need]) -> Result<()> {
    for need in missing {
        println!("installing {}: it {}", need.debian_package, need.why);
    }
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    arguments.extend(missing.iter().map(|need| need.debian_package));
    apt_get(&arguments)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("could not start apt-get")?;
    ensure!(
        status.success(),
        "`apt-get {}` ended with {status}; run it by hand to see why",
        arguments.join(" ")
    );
    Ok(())
}

fn missing(needs: &[Need], command_dirs: &[PathBuf]) -> Vec<Need> {
    needs.iter().filter(|need| !need.sign.is_there(command_dirs)).copied().collect()
}

impl Sign {
    fn is_there(self, command_dirs: &[PathBuf]) -> bool {
        match self {
            Self::Command(command) => find(command, command_dirs).is_some(),
            Self::PythonModule(module) => {
                let import = format!("import {module}");
                let mut python = Command::new("python3");
                python.args(["-c", &import]).stderr(Stdio::null());
                python.status().is_ok_and(|status| status.success())
            }
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Command(name) | Self::PythonModule(name)) = self;
        f.pad(name)
    }
}

/// Where a command lies, in the first directory that has it.
pub(super) fn find(command: &str, command_dirs: &[PathBuf]) -> Option<PathBuf> {
    command_dirs.iter().map(|dir| dir.join(command)).find(|path| path.is_file())
}

/// Whether this runs as root.
pub(super) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn instruction(missing: &[Need]) -> String {
    let mut text = "these are missing:\n".to_owned();
    for need in missing {
        text += &format!("  {:<10} {}\n", need.sign, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.debian_package).collect();
    text += &format!(
        "On Debian or Ubuntu: sudo apt-get install {}\n\
         Elsewhere, install what provides them. Then run this again.",
        packages.join(" ")
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDF: Need = EVERY_RUN[0];

    #[test]
    fn a_program_in_any_command_directory_counts_as_installed() -> Result<()> {
        let empty = tempfile::tempdir()?;
        let full = tempfile::tempdir()?;
        std::fs::write(full.path().join("pdftotext"), "")?;
        let dirs = [empty.path().to_path_buf(), full.path().to_path_buf()];

        assert_eq!(missing(&[PDF], &dirs[..1]), [PDF]);
        assert_eq!(missing(&[PDF], &dirs), []);
        Ok(())
    }

    #[test]
    fn a_directory_of_that_name_is_not_the_program() -> Result<()> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("pdftotext"))?;
        assert_eq!(missing(&[PDF], &[dir.path().to_path_buf()]), [PDF]);
        Ok(())
    }

    #[test]
    fn without_apt_get_the_error_says_what_to_install_and_why() {
        let error = ensure(&[PDF], &[]).unwrap_err().to_string();
        assert!(error.contains("sudo apt-get install poppler-utils"), "{error}");
        assert!(error.contains(PDF.why), "{error}");
    }

    #[test]
    fn a_python_module_that_cannot_be_imported_is_missing() {
        let need = Need { sign: Sign::PythonModule("no_such_module"), ..PDF };
        assert_eq!(missing(&[need], &[]), [need]);
    }
}
