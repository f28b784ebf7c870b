//! A file is named after its subject, never after being shared or not knowing where to belong.

use super::{Finding, Tree};

const SAY_NOTHING: &[&str] =
    &["base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter_map(|(path, _)| {
            let name = path.split('/').find_map(empty_name)?;
            let message = format!("`{name}` says nothing: name it after what it holds");
            Some(Finding::new(path, 1, message))
        })
        .collect()
}

/// The empty word when a path component is one or ends in one, as in `text_utils.rs`.
fn empty_name(component: &str) -> Option<&str> {
    let stem = component.strip_suffix(".rs").unwrap_or(component);
    let last_word = stem.rsplit(['_', '-']).next()?;
    SAY_NOTHING.contains(&last_word).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(path: &str) -> bool {
        !check(&Tree::of(&[(path, "")])).is_empty()
    }

    #[test]
    fn files_and_folders_that_say_nothing_are_found() {
        assert!(is_found("crates/app/src/utils.rs"));
        assert!(is_found("crates/app/src/job_manager.rs"));
        assert!(is_found("crates/app/tests/common/mod.rs"));
    }

    #[test]
    fn names_of_subjects_pass() {
        assert!(!is_found("crates/grading/src/metrics/kappa.rs"));
        assert!(!is_found("crates/extract/src/common_mark.rs"));
        assert!(!is_found("docs/utils.md"));
    }
}
