//! `cargo xtask tidy`: what the compiler and clippy cannot check about the source tree.
//! A check is one file here and one line in [`CHECKS`].

mod code_map;
mod file_length;
mod file_names;
mod layering;
mod machine_paths;
mod opening_comment;
mod routes;
mod tree;
mod unfinished;
mod unsafe_code;
mod workspace_lints;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use tree::Tree;

/// A rule about the tree: looks at all of it and returns what breaks the rule.
type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    code_map::check,
    file_length::check,
    file_names::check,
    layering::check,
    machine_paths::check,
    opening_comment::check,
    routes::check,
    unfinished::check,
    unsafe_code::check,
    workspace_lints::check,
];

/// Runs every check over the files that git knows or would add; false when something was found.
pub(crate) fn run(workspace_root: &Path) -> Result<bool> {
    let tree = Tree::in_git(workspace_root)?;
    let findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} files, {} checks, {} found", tree.files().count(), CHECKS.len(), findings.len());
    Ok(findings.is_empty())
}

/// Something that breaks a rule, and where.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong and what to do about it.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
