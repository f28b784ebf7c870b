//! ARCHITECTURE.md maps every crate, and none that does not exist.

use std::collections::BTreeSet;

use super::{Finding, Tree};

const MAP: &str = "ARCHITECTURE.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates: BTreeSet<&str> = tree
        .manifests()
        .filter(|manifest| manifest.path.starts_with("crates/"))
        .map(|manifest| manifest.name)
        .collect();
    let Some(map) = tree.text(MAP) else {
        return vec![Finding::new(MAP, 1, "is missing: write the code map")];
    };
    let named: Vec<(usize, &str)> = crates_named(map).collect();

    let unmapped = crates
        .iter()
        .filter(|name| !named.iter().any(|(_, other)| other == *name))
        .map(|name| Finding::new(MAP, 1, format!("does not map `crates/{name}`")));
    let unknown = named
        .iter()
        .filter(|(_, name)| !crates.contains(name))
        .map(|(line, name)| Finding::new(MAP, *line, format!("names `crates/{name}`, which does not exist")));
    unmapped.chain(unknown).collect()
}

/// Every `crates/NAME` with the number of its line.
fn crates_named(map: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(map.lines()).flat_map(|(number, line)| {
        line.split("crates/").skip(1).filter_map(move |rest| {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
            (end > 0).then_some((number, &rest[..end]))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(map: &str) -> Vec<String> {
        let tree = Tree::of(&[(MAP, map), ("crates/app/Cargo.toml", ""), ("crates/domain/Cargo.toml", "")]);
        check(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_complete_map_passes() {
        assert!(findings("- `crates/app` moves\n- `crates/domain/src` the nouns\n- crates/*").is_empty());
    }

    #[test]
    fn a_crate_missing_from_the_map_is_found() {
        assert_eq!(
            findings("`crates/app`, `crates/domains`")[0],
            "ARCHITECTURE.md:1: does not map `crates/domain`"
        );
    }

    #[test]
    fn a_crate_that_is_gone_is_found_with_its_line() {
        assert_eq!(
            findings("crates/app crates/domain\n\ncrates/gateway"),
            ["ARCHITECTURE.md:3: names `crates/gateway`, which does not exist"]
        );
    }

    #[test]
    fn a_missing_map_is_found() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
