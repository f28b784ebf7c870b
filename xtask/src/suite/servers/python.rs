//! The virtual environment with the Python packages that tests run against, made through the user's own pip
//! settings and kept between runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A package from the Python package index, at one version.
struct Package {
    requirement: &'static str,
    why: &'static str,
}

#[rustfmt::skip]
const PACKAGES: &[Package] = &[
    Package { requirement: "moto[server]==5.2.5", why: "is the S3 server that tests store in" },
    Package { requirement: "openai==3.54.0", why: "is the client that the OpenAI-compatible API is tested with" },
    Package { requirement: "schemathesis==4.32.5", why: "tests the API against its OpenAPI document" },
];

/// Makes the environment where it is missing or has other packages; returns its interpreter.
pub(super) fn ensure(data_dir: &Path) -> Result<PathBuf> {
    let directory = data_dir.join("python");
    let python = directory.join("bin").join("python");
    fs::create_dir_all(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
    // Two runs of the tests may begin at once.
    let lock = File::create(data_dir.join("python.lock"))?;
    lock.lock().context("cannot lock the directory of the Python environment")?;

    // Written last, so that an environment that was cut short is made anew.
    let list = directory.join("installed-for-gradus.txt");
    let wanted = requirements().join("\n");
    if fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) && python.exists() {
        return Ok(python);
    }
    for package in PACKAGES {
        println!("installing {}: it {}", package.requirement, package.why);
    }
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(requirements()))?;
    fs::write(&list, wanted)?;
    Ok(python)
}

fn requirements() -> Vec<&'static str> {
    PACKAGES.iter().map(|package| package.requirement).collect()
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}; run it by hand to see why");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_one_version() {
        for requirement in requirements() {
            let (name, version) = requirement.split_once("==").unwrap();
            assert!(!name.is_empty() && version.split('.').all(|part| part.parse::<u32>().is_ok()));
        }
    }

    #[test]
    fn an_environment_with_these_packages_is_taken_as_it_is() {
        let data = tempfile::tempdir().unwrap();
        let bin = data.path().join("python").join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("python"), "").unwrap();
        let list = data.path().join("python").join("installed-for-gradus.txt");
        fs::write(list, requirements().join("\n")).unwrap();
        assert_eq!(ensure(data.path()).unwrap(), bin.join("python"));
    }
}
