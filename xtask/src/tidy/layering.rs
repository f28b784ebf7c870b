//! Which crate may use which. The table is the design; Cargo then enforces it.

use toml::{Table, Value};

use super::tree::Manifest;
use super::{Finding, Tree};

/// A crate and the crates of this workspace that it may use.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

/// Tests may reach across layers: dev-dependencies are not held to this.
#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    Layer { name: "domain",  may_use: &[] },
    Layer { name: "kernels", may_use: &[] },
    Layer { name: "engine",  may_use: &["kernels"] },
    Layer { name: "extract", may_use: &["domain"] },
    Layer { name: "grading", may_use: &["domain"] },
    Layer { name: "report",  may_use: &["domain", "grading"] },
    Layer { name: "store",   may_use: &["domain"] },
    Layer { name: "app",     may_use: &["domain", "engine", "extract", "grading", "kernels", "report", "store"] },
    Layer { name: "web",     may_use: &["app", "domain"] },
    Layer { name: "cli",     may_use: &["app", "web"] },
    Layer { name: "testkit", may_use: &["domain", "store"] },
    Layer { name: "xtask",   may_use: &[] },
];

/// Packages from outside that one crate keeps from all others, its tests included.
const OWNED: &[(&str, &[&str])] = &[
    ("axum", &["web"]),
    ("candle-core", &["engine"]),
    ("clap", &["cli"]),
    ("object_store", &["store"]),
    // The test kit makes and drops databases.
    ("sea-orm", &["store", "testkit"]),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.manifests().flat_map(|manifest| check_manifest(&manifest)).collect()
}

fn check_manifest(manifest: &Manifest<'_>) -> Vec<Finding> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == manifest.name) else {
        return vec![manifest_finding(manifest, "", "has no row in the layering table of xtask")];
    };
    let table = match manifest.text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return vec![manifest_finding(manifest, "", error.message())],
    };
    dependencies(&table)
        .iter()
        .filter_map(|dependency| {
            let message = complaint(layer, dependency)?;
            Some(manifest_finding(manifest, &dependency.key, &message))
        })
        .collect()
}

fn complaint(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let package = dependency.package.as_str();
    let owners = OWNED.iter().find(|(owned, _)| *owned == package).map(|(_, owners)| *owners);
    if let Some(owners) = owners.filter(|owners| !owners.contains(&layer.name)) {
        return Some(format!("only crates/{} may use {package}", owners.join(" and crates/")));
    }
    let used = package.strip_prefix("gradus-")?;
    let forbidden = !dependency.for_tests && !layer.may_use.contains(&used);
    forbidden.then(|| {
        let allowed = match layer.may_use {
            [] => "no other crate".to_owned(),
            names => names.join(", "),
        };
        format!("{} may use {allowed}; not {used}", layer.name)
    })
}

fn manifest_finding(manifest: &Manifest<'_>, key: &str, message: &str) -> Finding {
    let line = manifest
        .text
        .lines()
        .position(|line| !key.is_empty() && line.trim_start_matches('"').starts_with(key))
        .map_or(1, |index| index + 1);
    Finding::new(manifest.path, line, message)
}

struct Dependency {
    /// The name before the equals sign.
    key: String,
    /// The package's own name, which differs from the key when renamed.
    package: String,
    for_tests: bool,
}

/// Every dependency of a manifest: normal, build, dev, and those of one platform only.
fn dependencies(manifest: &Table) -> Vec<Dependency> {
    let platforms = manifest.get("target").and_then(Value::as_table);
    let platforms = platforms.into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(platforms.filter_map(Value::as_table));
    tables.flat_map(dependencies_of_one_table).collect()
}

fn dependencies_of_one_table(table: &Table) -> Vec<Dependency> {
    ["dependencies", "build-dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|kind| Some((*kind, table.get(*kind)?.as_table()?)))
        .flat_map(|(kind, entries)| {
            entries.iter().map(move |(key, value)| Dependency {
                key: key.clone(),
                package: package_name(key, value).to_owned(),
                for_tests: kind == "dev-dependencies",
            })
        })
        .collect()
}

fn package_name<'a>(key: &'a str, value: &'a Value) -> &'a str {
    value.get("package").and_then(Value::as_str).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, manifest: &str) -> Vec<String> {
        let findings = check(&Tree::of(&[(path, manifest)]));
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn allowed_dependencies_pass() {
        let manifest = "[dependencies]\ngradus-domain = { workspace = true }\nserde = \"1\"\n";
        assert!(findings("crates/grading/Cargo.toml", manifest).is_empty());
        let manifest = "[dependencies]\ncandle-core = { workspace = true }\n";
        assert!(findings("crates/engine/Cargo.toml", manifest).is_empty());
    }

    #[test]
    fn a_dependency_against_the_layering_is_found_with_its_line() {
        assert_eq!(
            findings(
                "crates/engine/Cargo.toml",
                "[dependencies]\nserde = \"1\"\ngradus-grading = { workspace = true }\n"
            ),
            ["crates/engine/Cargo.toml:3: engine may use kernels; not grading"]
        );
    }

    #[test]
    fn renaming_or_a_platform_hides_nothing() {
        let renamed = "[dependencies]\nmarks = { path = \"../grading\", package = \"gradus-grading\" }\n";
        assert_eq!(findings("crates/domain/Cargo.toml", renamed).len(), 1);
        let platform = "[target.'cfg(unix)'.dependencies]\ngradus-app = \"0\"\n";
        assert_eq!(findings("crates/domain/Cargo.toml", platform).len(), 1);
        let build = "[build-dependencies]\ngradus-app.workspace = true\n";
        assert_eq!(findings("crates/domain/Cargo.toml", build).len(), 1);
    }

    #[test]
    fn tests_may_reach_across_layers_but_not_to_owned_packages() {
        let across = "[dev-dependencies]\ngradus-engine = { workspace = true }\n";
        assert!(findings("crates/grading/Cargo.toml", across).is_empty());
        let owned = "[dev-dependencies]\ncandle-core = { workspace = true }\n";
        assert_eq!(
            findings("crates/grading/Cargo.toml", owned),
            ["crates/grading/Cargo.toml:2: only crates/engine may use candle-core"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(
            findings("crates/novelty/Cargo.toml", ""),
            ["crates/novelty/Cargo.toml:1: has no row in the layering table of xtask"]
        );
    }
}
