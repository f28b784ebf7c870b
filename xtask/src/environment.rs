//! What xtask takes from its environment, read once and here only.
#![expect(
    clippy::disallowed_methods,
    reason = "xtask is its own composition root; nothing else in it reads the environment"
)]

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The settings of one invocation.
pub(crate) struct Environment {
    /// The directory that holds the workspace's Cargo.toml.
    pub(crate) workspace_root: PathBuf,
    /// The cargo that runs this command, so that nested calls use the same toolchain.
    pub(crate) cargo: PathBuf,
    /// Where `gradus` keeps its data while tests are set up; absolute.
    pub(crate) data_dir: PathBuf,
    /// A GGUF file to test with instead of fetching the base model.
    pub(crate) test_model: Option<PathBuf>,
    /// The directories that commands are looked up in.
    pub(crate) command_dirs: Vec<PathBuf>,
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
            command_dirs: env::var_os("PATH")
                .map(|path| env::split_paths(&path).collect())
                .unwrap_or_default(),
            workspace_root,
        })
    }
}

fn target_dir(workspace_root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root.join("target"), PathBuf::from)
}
