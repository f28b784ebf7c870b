//! Every Rust file opens by saying what it is.

use super::{Finding, Tree};

/// Fewer words name a file without saying anything about it.
const LEAST_WORDS: usize = 3;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter(|(_, text)| words_of_opening(text) < LEAST_WORDS)
        .map(|(path, _)| {
            let message = "does not open with a `//!` sentence: what is it, and what must it not know?";
            Finding::new(path, 1, message)
        })
        .collect()
}

fn words_of_opening(text: &str) -> usize {
    text.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.split_whitespace().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(text: &str) -> bool {
        check(&Tree::of(&[("crates/app/tests/upload.rs", text)])).is_empty()
    }

    #[test]
    fn a_sentence_at_the_very_top_passes() {
        assert!(passes("//! Marks as exact numbers.\n\nuse std::fmt;\n"));
        assert!(passes("//!\n//! Marks as exact numbers.\n"));
    }

    #[test]
    fn a_missing_late_or_empty_opening_is_found() {
        assert!(!passes(""));
        assert!(!passes("use std::fmt;\n//! Marks as exact numbers.\n"));
        assert!(!passes("//! marks\n"));
        assert!(!passes("// Marks as exact numbers.\n"));
    }
}
