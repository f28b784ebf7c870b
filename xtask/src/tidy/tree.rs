//! The text files of the repository, read once for all checks.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Text by path relative to the workspace root, with `/` between directories.
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

/// A package of the workspace and its manifest.
pub(crate) struct Manifest<'a> {
    /// The directory's name: `domain` for `crates/domain`, `xtask` for itself.
    pub(crate) name: &'a str,
    /// The path of its Cargo.toml.
    pub(crate) path: &'a str,
    /// The text of its Cargo.toml.
    pub(crate) text: &'a str,
}

impl Tree {
    /// Reads the files that git tracks or would add, leaving out those that are not text.
    pub(crate) fn in_git(root: &Path) -> Result<Self> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("could not start git, which knows the files to check")?;
        ensure!(
            listing.status.success(),
            "git could not list the files: {}",
            String::from_utf8_lossy(&listing.stderr).trim()
        );
        let listing = String::from_utf8(listing.stdout).context("a file name is not UTF-8")?;
        let files = listing
            .split_terminator('\0')
            // Binary files fail to read as text; files deleted but not yet committed fail to open.
            .filter_map(|path| {
                let text = std::fs::read_to_string(root.join(path)).ok()?;
                Some((path.to_owned(), text))
            })
            .collect();
        Ok(Self { files })
    }

    /// Every file as (path, text), ordered by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose name ends in `.rs`.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Every package of the workspace.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = Manifest<'_>> {
        self.files().filter_map(|(path, text)| {
            let directory = path.strip_suffix("/Cargo.toml")?;
            let name = directory.strip_prefix("crates/").unwrap_or(directory);
            (!name.contains('/')).then_some(Manifest { name, path, text })
        })
    }

    /// A tree made up for a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { files }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tracked_and_new_text_is_read_but_not_ignored_or_binary_files() -> Result<()> {
        let root = tempfile::tempdir()?;
        let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(root.path()).output();
        fs::write(root.path().join("tracked.rs"), "fn tracked() {}")?;
        fs::write(root.path().join("deleted.rs"), "")?;
        fs::write(root.path().join(".gitignore"), "ignored.rs\n")?;
        ensure!(git(&["init", "--quiet"])?.status.success());
        ensure!(git(&["add", "."])?.status.success());
        fs::remove_file(root.path().join("deleted.rs"))?;
        fs::write(root.path().join("new.rs"), "")?;
        fs::write(root.path().join("ignored.rs"), "")?;
        fs::write(root.path().join("picture.png"), [0x89, 0xff])?;

        let tree = Tree::in_git(root.path())?;
        let paths: Vec<&str> = tree.files().map(|(path, _)| path).collect();
        assert_eq!(paths, [".gitignore", "new.rs", "tracked.rs"]);
        assert_eq!(tree.text("tracked.rs"), Some("fn tracked() {}"));
        Ok(())
    }

    #[test]
    fn packages_are_the_crates_and_xtask_but_not_the_workspace_itself() {
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            ("crates/domain/Cargo.toml", ""),
            ("crates/extract/tests/fixture/Cargo.toml", ""),
            ("xtask/Cargo.toml", ""),
        ]);
        let names: Vec<&str> = tree.manifests().map(|manifest| manifest.name).collect();
        assert_eq!(names, ["domain", "xtask"]);
    }
}
