//! Nothing names the machine it was written on: no private directory, no address of a package registry.
//! Registries and mirrors are each user's own setting.

use super::{Finding, Tree};

/// A directory at the root of a file system that exists on somebody's machine only.
struct PrivateRoot {
    name: &'static str,
    /// Made-up paths are fine in a test, which never opens them.
    allowed_in_tests: bool,
}

#[rustfmt::skip]
const PRIVATE_ROOTS: &[PrivateRoot] = &[
    PrivateRoot { name: "home",  allowed_in_tests: true },
    PrivateRoot { name: "root",  allowed_in_tests: false },
    PrivateRoot { name: "tmp",   allowed_in_tests: true },
    PrivateRoot { name: "Users", allowed_in_tests: true },
    PrivateRoot { name: "work",  allowed_in_tests: false },
];

const REGISTRIES: &[&str] =
    &["crates.io", "debian.org", "npmjs.com", "npmjs.org", "pypi.org", "pythonhosted.org"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files()
        // Cargo writes the registry's address into the lock file itself.
        .filter(|(path, _)| *path != "Cargo.lock")
        .flat_map(|(path, text)| check_file(path, text))
        .collect()
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let mut in_tests = path.split('/').any(|part| part == "tests");
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        let root = PRIVATE_ROOTS
            .iter()
            .filter(|root| !(in_tests && root.allowed_in_tests))
            .find(|root| names_path_under(line, root.name));
        if let Some(root) = root {
            let message = format!("names a path under /{}, which is one machine's own", root.name);
            findings.push(Finding::new(path, number, message));
        }
        if let Some(host) = registry_address(line) {
            let message =
                format!("gives the address of a package registry ({host}): leave it to the user's settings");
            findings.push(Finding::new(path, number, message));
        }
    }
    findings
}

/// Whether the line holds an absolute path under `/root_name/`, rather than those words inside a longer
/// path (`docs/tmp/x`) or a placeholder (`/home/<you>`).
fn names_path_under(line: &str, root_name: &str) -> bool {
    let path = format!("/{root_name}/");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let starts_here = before.is_none_or(|c| c.is_whitespace() || "\"'`(=:,[>|".contains(c));
        let is_placeholder = after.is_some_and(|c| "<{$*".contains(c));
        starts_here && !is_placeholder
    })
}

/// The host of the first URL on the line that leads to a registry.
fn registry_address(line: &str) -> Option<&str> {
    line.split("://").skip(1).find_map(|rest| {
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-').unwrap_or(rest.len());
        let host = &rest[..end];
        let is_registry = REGISTRIES.iter().any(|registry| {
            let subdomain = host.strip_suffix(registry);
            subdomain.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        });
        is_registry.then_some(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(path: &str, text: &str) -> Vec<usize> {
        let findings = check(&Tree::of(&[(path, text)]));
        findings.iter().map(|finding| finding.line).collect()
    }

    /// `/NAME/rest`, put together so that this file stays clean itself.
    fn under(name: &str, rest: &str) -> String {
        format!("/{name}/{rest}")
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let text = format!("ok\nsee `{}`\nmodel={}\n", under("work", "main"), under("root", ".cache"));
        assert_eq!(lines_found("README.md", &text), [2, 3]);
    }

    #[test]
    fn the_same_words_inside_a_longer_path_or_a_placeholder_pass() {
        let text = "course/home/x, ./tmp/x, ~/root/x, `/home/<you>/papers`, $HOME/tmp/x\n";
        assert!(lines_found("README.md", text).is_empty());
    }

    #[test]
    fn made_up_paths_pass_in_tests_only() {
        let path = under("tmp", "guide.docx");
        let source = format!("open(\"{path}\")\n#[cfg(test)]\nopen(\"{path}\")\n");
        assert_eq!(lines_found("crates/app/src/guide.rs", &source), [1]);
        assert!(lines_found("crates/app/tests/guide.rs", &source).is_empty());
        let own = format!("open(\"{}\")\n", under("work", "guide.docx"));
        assert_eq!(lines_found("crates/app/tests/guide.rs", &own), [1]);
    }

    #[test]
    fn registry_addresses_are_found_but_not_links_elsewhere() {
        let address = |host: &str| format!("index = \"https://{host}/simple\"\n");
        assert_eq!(lines_found("pip.conf", &address(REGISTRIES[4])), [1]);
        let subdomain = format!("index.{}", REGISTRIES[0]);
        assert_eq!(lines_found("config.toml", &address(&subdomain)), [1]);
        let unrelated = format!("my{}", REGISTRIES[4]);
        assert!(lines_found("README.md", &address(&unrelated)).is_empty());
        assert!(lines_found("README.md", "published on crates.io").is_empty());
        assert!(lines_found("Cargo.lock", &address(REGISTRIES[0])).is_empty());
    }
}
