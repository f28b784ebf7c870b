//! Which lines like `(a)` or `ii)` inside a question are its parts, and which belong to a list.

use super::draft::Draft;
use super::heads::{Head, Style, letter_value, roman_value};
use super::sections::Section;

/// Where the walk is inside a question.
#[derive(Debug, Default)]
pub(crate) struct PartTracker {
    /// How each level below the number is written in the question at hand; `None` where it stood in one
    /// head with the number ("1. (a)") and may be written in any way.
    styles: Vec<Option<Style>>,
    /// A list inside the question: its style, the last value and its line.
    inner: Option<(Style, u32, usize)>,
}

impl PartTracker {
    pub(crate) fn new_question(&mut self, path: &[String]) {
        self.styles = vec![None; path.len().saturating_sub(1)];
        self.inner = None;
    }

    /// The path of the part that `head` begins, or `None` where it is an item of a list.
    pub(crate) fn part(&mut self, head: &Head, at: usize, current: &Draft) -> Option<Vec<String>> {
        let continues_list = self.inner.is_some_and(|(style, value, line)| {
            style == head.style && at == line + 1 && values(&head.path[0]).contains(&Some(value + 1))
        });
        let placed = if continues_list { None } else { self.place(head, current) };
        if placed.is_none() {
            let value = match self.inner {
                Some((style, value, _)) if continues_list && style == head.style => value + 1,
                _ => values(&head.path[0]).into_iter().flatten().min().unwrap_or(1),
            };
            self.inner = Some((head.style, value, at));
        }
        placed
    }

    fn place(&mut self, head: &Head, current: &Draft) -> Option<Vec<String>> {
        for level in (1..current.path.len()).rev() {
            let alike = self.styles.get(level - 1).copied().flatten().is_none_or(|style| style == head.style);
            if alike && follows(&current.path[level], &head.path[0]) {
                self.styles.truncate(level);
                self.styles.resize(level - 1 + head.path.len(), Some(head.style));
                return Some(join(&current.path[..level], &head.path));
            }
        }
        let begins = values(&head.path[0]).contains(&Some(1));
        (begins && current.section == Section::Text && current.path.len() < 4).then(|| {
            self.styles.resize(current.path.len() - 1 + head.path.len(), Some(head.style));
            join(&current.path, &head.path)
        })
    }
}

/// The path that a bare part (`b`, `ii`) names after `current`, in a table whose rows are questions.
pub(crate) fn part_after(current: &[String], part: &[String]) -> Vec<String> {
    let sibling = (1..current.len()).rev().find(|&level| follows(&current[level], &part[0]));
    let same = (1..current.len()).rev().find(|&level| current[level] == part[0]);
    let level = sibling.or(same).unwrap_or_else(|| {
        let begins = values(&part[0]).contains(&Some(1));
        if begins { current.len() } else { 1 }
    });
    join(&current[..level], part)
}

fn join(parent: &[String], part: &[String]) -> Vec<String> {
    parent.iter().chain(part).cloned().collect()
}

/// What a part counts as: as a letter and as a Roman number.
fn values(part: &str) -> [Option<u32>; 2] {
    [letter_value(part), roman_value(part)]
}

/// `b` after `a`, `ii` after `i`, `i` after `h`.
fn follows(previous: &str, next: &str) -> bool {
    values(previous)
        .into_iter()
        .zip(values(next))
        .any(|(previous, next)| previous.is_some() && next == previous.map(|value| value + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another_as_letters_or_roman_numbers() {
        assert!(follows("a", "b") && follows("i", "ii") && follows("h", "i") && follows("iv", "v"));
        assert!(!follows("a", "c") && !follows("ii", "b"));
    }

    #[test]
    fn a_bare_part_in_a_table_goes_on_from_the_row_above() {
        let path = |parts: &[&str]| parts.iter().map(|part| part.to_string()).collect::<Vec<_>>();
        assert_eq!(part_after(&path(&["1", "a"]), &path(&["b"])), path(&["1", "b"]));
        assert_eq!(part_after(&path(&["1", "a", "i"]), &path(&["ii"])), path(&["1", "a", "ii"]));
        assert_eq!(part_after(&path(&["1", "a", "ii"]), &path(&["b"])), path(&["1", "b"]));
        assert_eq!(part_after(&path(&["1", "a"]), &path(&["i"])), path(&["1", "a", "i"]));
    }
}
