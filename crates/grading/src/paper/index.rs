//! The guide's questions as paths, to find what a head in a paper names.

use crate::guide::Guide;
use crate::guide::heads::parse_head;

/// The questions' paths in the guide's order.
#[derive(Debug)]
pub(super) struct GuideIndex {
    pub(super) paths: Vec<Vec<String>>,
    /// The questions' texts, for papers that repeat them.
    pub(super) texts: Vec<String>,
    /// Whether the guide's sections number their questions anew (`A1`, `B1`).
    pub(super) has_sections: bool,
}

/// What a head may name: a question, or the stem above several (then `leaf` is the first of them).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) leaf: usize,
    pub(super) is_leaf: bool,
    pub(super) path: Vec<String>,
}

impl GuideIndex {
    pub(super) fn new(guide: &Guide) -> Self {
        let questions = &guide.questions;
        let in_section = |id: &str| id.starts_with(|c: char| c.is_ascii_uppercase());
        Self {
            paths: questions.iter().map(|question| path_of(&question.id.0)).collect(),
            texts: questions.iter().map(|question| question.text.clone()).collect(),
            has_sections: questions.iter().any(|question| in_section(&question.id.0)),
        }
    }

    /// What a head with this path names by itself.
    pub(super) fn absolute(&self, path: &[String]) -> Vec<Meaning> {
        self.meanings(|own| if own.starts_with(path) { Some(path.len()) } else { None })
    }

    /// What `(b)` may name: every question or stem whose path goes on with it below the number.
    pub(super) fn relative(&self, part: &[String]) -> Vec<Meaning> {
        let mut all = Vec::new();
        for level in 1..4 {
            all.extend(self.meanings(|own| {
                let end = level + part.len();
                (own.get(level..end) == Some(part)).then_some(end)
            }));
        }
        all
    }

    /// One meaning for each path that `end_of` cuts off a question's path.
    fn meanings(&self, end_of: impl Fn(&[String]) -> Option<usize>) -> Vec<Meaning> {
        let mut all: Vec<Meaning> = Vec::new();
        for (leaf, own) in self.paths.iter().enumerate() {
            let Some(end) = end_of(own) else { continue };
            let is_leaf = end == own.len();
            let follows_on = leaf > 0 && self.paths[leaf - 1].starts_with(&own[..end]);
            if is_leaf || !follows_on {
                all.push(Meaning { leaf, is_leaf, path: own[..end].to_vec() });
            }
        }
        all
    }
}

/// `["1", "a", "ii"]` for `1aii`. A section's letter in front (`B2`) is left out: papers write "2" under
/// "Section B".
fn path_of(id: &str) -> Vec<String> {
    let bare = id.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let bare = if bare.starts_with(|c: char| c.is_ascii_digit()) { bare } else { id };
    match parse_head(&format!("Question {bare}")) {
        Some(head) => head.path,
        None => vec![id.to_lowercase()],
    }
}
