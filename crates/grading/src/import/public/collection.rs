//! What formats read, gathered: questions, answers and faults, before they become a set.

use std::collections::{BTreeMap, BTreeSet};

use gradus_domain::Marks;

use super::part::PartKind;
use crate::import::problems::{Fault, Findings, Place};

/// A file whose format is known.
pub(super) struct SetFile {
    /// Its position among the set's files.
    pub(super) index: usize,
    pub(super) path: String,
    pub(super) text: String,
}

/// Where something stands among a set's files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) file: usize,
    pub(super) place: Place,
}

/// A question as one file or row gives it.
#[derive(Debug)]
pub(super) struct FoundQuestion {
    pub(super) id: String,
    pub(super) text: String,
    /// Model answers, the best first; none is blank.
    pub(super) references: Vec<String>,
    pub(super) notes: Vec<String>,
    /// `None` where the set does not say.
    pub(super) maximum: Option<Marks>,
    pub(super) source: Source,
}

/// A marked answer as one file or row gives it.
#[derive(Debug)]
pub(super) struct FoundAnswer {
    pub(super) question: String,
    pub(super) part: PartKind,
    pub(super) answer: String,
    pub(super) mark: Marks,
    pub(super) second_mark: Option<Marks>,
    pub(super) label: Option<String>,
    pub(super) feedback: Option<String>,
    pub(super) source: Source,
}

/// Everything that was read.
pub(super) struct Collection {
    pub(super) paths: Vec<String>,
    /// One for each file.
    pub(super) all_findings: Vec<Findings>,
    pub(super) set_names: BTreeSet<String>,
    /// In the order in which they first occur.
    pub(super) questions: Vec<FoundQuestion>,
    positions: BTreeMap<String, usize>,
    pub(super) answers: Vec<FoundAnswer>,
}

impl Collection {
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let paths: Vec<String> = paths.map(str::to_owned).collect();
        Self {
            all_findings: paths.iter().map(|path| Findings::new(path)).collect(),
            paths,
            set_names: BTreeSet::new(),
            questions: Vec::new(),
            positions: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    /// The findings of a file.
    pub(super) fn findings(&mut self, file: usize) -> &mut Findings {
        &mut self.all_findings[file]
    }

    /// Notes an error.
    pub(super) fn error(&mut self, source: Source, fault: Fault) {
        self.findings(source.file).error(source.place, fault);
    }

    /// The part that a file's name and folders tell; where they do not, that is an error.
    pub(super) fn part_of_path(&mut self, file: &SetFile) -> Option<PartKind> {
        let part = PartKind::of_path(&file.path);
        if part.is_none() {
            self.findings(file.index).error(None, unknown_part("neither the file nor its folders say"));
        }
        part
    }

    /// Adds a question, or what else there is to say about a known one.
    pub(super) fn add_question(&mut self, found: FoundQuestion) {
        let Some(&position) = self.positions.get(&found.id.to_lowercase()) else {
            self.positions.insert(found.id.to_lowercase(), self.questions.len());
            self.questions.push(found);
            return;
        };
        let known = &mut self.questions[position];
        let differs = |one: &str, other: &str| !one.split_whitespace().eq(other.split_whitespace());
        let conflict = if differs(&known.text, &found.text) {
            Some("text")
        } else {
            (known.maximum != found.maximum).then_some("maximum")
        };
        if let Some(what) = conflict {
            let (first, place) = (&self.paths[known.source.file], known.source.place);
            let fault = Fault::new(
                format!("question `{}` has another {what} here than in {first}, {place}", found.id),
                "Give different questions different names, or correct one of the two.",
            );
            self.error(found.source, fault);
            return;
        }
        extend_with_new(&mut known.references, found.references);
        extend_with_new(&mut known.notes, found.notes);
    }

    /// The position of the question of that name.
    pub(super) fn question_position(&self, id: &str) -> Option<usize> {
        self.positions.get(&id.to_lowercase()).copied()
    }
}

/// What is said where a file or a row belongs to no known part.
pub(super) fn unknown_part(reason: &str) -> Fault {
    Fault::new(
        format!("{reason} what is for training and what for testing"),
        "Name a folder, the file or the split `train`, `validation`, `test-unseen-answers`, \
         `test-unseen-questions` or `test-unseen-domains`.",
    )
}

fn extend_with_new(known: &mut Vec<String>, found: Vec<String>) {
    for text in found {
        if !known.contains(&text) {
            known.push(text);
        }
    }
}
