//! A Rust file has one subject: over 500 lines it says why, over 800 it is split.

use super::{Finding, Tree};

const JUSTIFY_OVER: usize = 500;
const SPLIT_OVER: usize = 800;
/// Opens the comment that justifies a long file.
const JUSTIFICATION: &str = "// size:";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            let message = complaint(lines, is_justified(text))?;
            Some(Finding::new(path, lines, message))
        })
        .collect()
}

fn complaint(lines: usize, justified: bool) -> Option<String> {
    if lines > SPLIT_OVER {
        Some(format!("has {lines} lines: split it before {SPLIT_OVER}"))
    } else if lines > JUSTIFY_OVER && !justified {
        Some(format!(
            "has {lines} lines: split it, or say why it is one subject in a `{JUSTIFICATION}` comment"
        ))
    } else {
        None
    }
}

fn is_justified(text: &str) -> bool {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(JUSTIFICATION))
        .any(|reason| !reason.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(first_line: &str, lines: usize) -> usize {
        let text = format!("{first_line}\n{}", "\n".repeat(lines - 1));
        check(&Tree::of(&[("long.rs", &text), ("long.csv", &text)])).len()
    }

    #[test]
    fn five_hundred_lines_pass_and_one_more_needs_a_reason() {
        assert_eq!(findings("", 500), 0);
        assert_eq!(findings("", 501), 1);
        assert_eq!(findings("// size: one table of the standard", 501), 0);
        assert_eq!(findings("// size: ", 501), 1);
    }

    #[test]
    fn no_reason_is_good_enough_over_eight_hundred_lines() {
        assert_eq!(findings("// size: one table of the standard", 800), 0);
        assert_eq!(findings("// size: one table of the standard", 801), 1);
    }
}
