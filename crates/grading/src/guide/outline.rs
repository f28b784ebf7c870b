//! How a guide's questions stand to one another: which are stems of others, which share a name.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;

/// For each draft, by its index, what it is to the others.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The stems above it, the outermost first.
    pub(crate) stems_of: Vec<Vec<usize>>,
    /// Whether it is a stem: there are parts below it.
    pub(crate) is_stem: Vec<bool>,
    /// Whether another draft has its name.
    pub(crate) has_twin: Vec<bool>,
}

type Key<'d> = (&'d str, &'d [String]);

impl Outline {
    pub(crate) fn of(drafts: &[Draft]) -> Self {
        let mut first: BTreeMap<Key<'_>, usize> = BTreeMap::new();
        let mut count: BTreeMap<Key<'_>, usize> = BTreeMap::new();
        for (at, draft) in drafts.iter().enumerate() {
            first.entry(draft.key()).or_insert(at);
            *count.entry(draft.key()).or_default() += 1;
        }
        let above = |draft: &Draft| -> Vec<usize> {
            let levels = 1..draft.path.len();
            levels
                .filter_map(|level| first.get(&(draft.prefix.as_str(), &draft.path[..level])).copied())
                .collect()
        };
        let stems_of: Vec<Vec<usize>> = drafts.iter().map(above).collect();
        let stems: BTreeSet<Key<'_>> = stems_of.iter().flatten().map(|&stem| drafts[stem].key()).collect();
        Self {
            is_stem: drafts.iter().map(|draft| stems.contains(&draft.key())).collect(),
            has_twin: drafts
                .iter()
                .map(|draft| count.get(&draft.key()).is_some_and(|count| *count > 1))
                .collect(),
            stems_of,
        }
    }
}
