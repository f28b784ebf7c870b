//! What xtask takes from its environment, read once and here only.
#![expect(
    clippy::disallowed_methods,
    reason = "xtask is its own composition root; nothing else in it reads the environment"
)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The settings of one invocation.
pub(crate) struct Environment {
    /// The directory that holds the workspace's Cargo.toml.
    pub(crate) workspace_root: PathBuf,
    cargo: PathBuf,
    /// Where `gradus` keeps its data while tests are set up; absolute.
    pub(crate) data_dir: PathBuf,
    /// A GGUF file to test with instead of fetching the base model.
    pub(crate) test_model: Option<PathBuf>,
    /// The servers and the Python to test with instead of those that the test set-up makes.
    pub(crate) test_servers: TestServers,
    /// Where files may be written that the run removes at its end.
    pub(crate) temporary_dir: PathBuf,
    /// The directories that commands are looked up in.
    pub(crate) command_dirs: Vec<PathBuf>,
}

/// What the caller has already; each is named like the variable that tests read it from.
pub(crate) struct TestServers {
    /// The address of a PostgreSQL database that tests may make databases from.
    pub(crate) postgres: Option<OsString>,
    /// The address of a server that speaks S3 and asks for no key.
    pub(crate) s3: Option<OsString>,
    /// A Python with the packages that tests use.
    pub(crate) python: Option<OsString>,
    /// A directory whose scripts find the Node packages that tests use.
    pub(crate) node: Option<OsString>,
}

impl Environment {
    /// Reads the process environment; fails when not started by cargo.
    pub(crate) fn read() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .context("start this through cargo: `cargo xtask ...`")?;
        let workspace_root =
            manifest_dir.parent().context("the xtask package has no parent directory")?.to_path_buf();
        let data_dir = env::var_os("GRADUS_DATA_DIR")
            .map(PathBuf::from)
            .unwrap_or_else(|| target_dir(&workspace_root).join("test-data"));

        Ok(Self {
            cargo: env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from),
            data_dir: std::path::absolute(data_dir)?,
            // Each test runs in its own package's directory, where a relative path would not be found.
            test_model: env::var_os("GRADUS_TEST_MODEL").map(std::path::absolute).transpose()?,
            test_servers: TestServers {
                postgres: env::var_os("GRADUS_TEST_POSTGRES"),
                s3: env::var_os("GRADUS_TEST_S3"),
                python: env::var_os("GRADUS_TEST_PYTHON"),
                node: env::var_os("GRADUS_TEST_NODE"),
            },
            temporary_dir: env::temp_dir(),
            command_dirs: command_dirs(),
            workspace_root,
        })
    }
}

impl Environment {
    /// The cargo that runs this command, so that nested calls use the same toolchain, in the workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(&self.workspace_root);
        // What `cargo run` says of this package to this process: some build scripts ask to run again when it changes, and
        // the same build begun by hand and through xtask would each undo the other.
        for (name, _) in env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
            command.env_remove(name);
        }
        command
    }
}

fn is_of_a_package(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

fn target_dir(workspace_root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root.join("target"), PathBuf::from)
}

/// Those of `PATH`, and those that Debian keeps PostgreSQL's programs in, the newest version first.
fn command_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    dirs.extend(versions.into_iter().map(|version| version.join("bin")));
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_builds_do_not_see_which_package_runs() -> Result<()> {
        // This test runs under cargo, which says so.
        let said: Vec<OsString> =
            env::vars_os().map(|(name, _)| name).filter(|name| is_of_a_package(name)).collect();
        assert!(said.iter().any(|name| name == "CARGO_PKG_NAME"), "{said:?}");
        let cargo = Environment::read()?.cargo();
        let removed: Vec<&OsStr> =
            cargo.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(said.iter().all(|name| removed.contains(&name.as_os_str())), "{removed:?}");
        assert!(!is_of_a_package(OsStr::new("CARGO_TARGET_DIR")) && !is_of_a_package(OsStr::new("PATH")));
        Ok(())
    }
}
