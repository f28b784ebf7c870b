//! Every package takes the workspace's lints; one that does not would be checked by none of them.

use toml::{Table, Value};

use super::{Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.manifests()
        .filter(|manifest| !takes_workspace_lints(manifest.text))
        .map(|manifest| Finding::new(manifest.path, 1, "add `[lints]` with `workspace = true`"))
        .collect()
}

fn takes_workspace_lints(manifest: &str) -> bool {
    manifest.parse::<Table>().is_ok_and(|table| {
        let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
        lints.and_then(Value::as_bool) == Some(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(manifest: &str) -> bool {
        check(&Tree::of(&[("crates/app/Cargo.toml", manifest)])).is_empty()
    }

    #[test]
    fn a_package_with_the_workspace_lints_passes() {
        assert!(passes("[package]\nname = \"gradus-app\"\n\n[lints]\nworkspace = true\n"));
        assert!(passes("lints.workspace = true\n"));
    }

    #[test]
    fn a_package_with_lints_of_its_own_or_none_is_found() {
        assert!(!passes("[package]\nname = \"gradus-app\"\n"));
        assert!(!passes("[lints.rust]\nunsafe_code = \"allow\"\n"));
        assert!(!passes("[lints]\nworkspace = false\n"));
    }
}
