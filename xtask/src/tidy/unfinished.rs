//! Nothing unfinished is committed: what is left to do belongs in an issue.

use super::{Finding, Tree};

/// Put together so that this file does not find itself.
const MARKERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];

const EXTENSIONS: &[&str] = &["css", "html", "js", "md", "rs", "sh", "sql", "toml", "yml"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files()
        .filter(|(path, _)| is_source(path))
        .flat_map(|(path, text)| {
            (1..).zip(text.lines()).filter_map(move |(number, line)| {
                let marker = MARKERS.iter().find(|marker| has_word(line, marker))?;
                let message = format!("`{marker}`: finish it, or open an issue and remove the mark");
                Some(Finding::new(path, number, message))
            })
        })
        .collect()
}

fn is_source(path: &str) -> bool {
    let extension = path.rsplit('.').next().unwrap_or_default();
    EXTENSIONS.contains(&extension) || path.starts_with(".ci/")
}

/// Whether `word` stands alone, not inside a longer one as in a `mktemp` pattern.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(before) && !is_part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<Finding> {
        check(&Tree::of(&[(path, text)]))
    }

    #[test]
    fn each_marker_is_found_with_its_line() {
        for marker in MARKERS {
            let text = format!("fn main() {{\n    // {marker}(ada) later\n}}\n");
            let found = findings("crates/app/src/lib.rs", &text);
            assert_eq!(found.len(), 1, "{marker}");
            assert_eq!(found[0].line, 2);
        }
    }

    #[test]
    fn longer_words_and_data_files_pass() {
        let longer = format!("mktemp gradus.{0}{0}\nlet {1}_list = 1;\n", MARKERS[2], MARKERS[0]);
        assert!(findings("build.sh", &longer).is_empty());
        assert!(findings("papers.csv", MARKERS[0]).is_empty());
    }
}
