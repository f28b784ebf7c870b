//! What a person should know about a dataset.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Example, Split};
use crate::guide::Guide;
use crate::marked_answer::RowSource;

/// How much a finding matters; compares from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Information,
    /// Worth a look; results stand.
    Warning,
    /// Results on held-out answers cannot be trusted as they are.
    Serious,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The same text several times in training.
    DuplicateAnswers,
    /// The same text with different marks.
    InconsistentMarking,
    /// The same text in training and in a held-out split.
    LeakedAnswer,
    /// Nearly the same text in training and in a held-out split.
    NearlyLeakedAnswer,
    /// A student both learnt from and tested on.
    SharedStudent,
    /// A question with too little to learn from.
    Coverage,
}

/// Something that a person should know about a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// Whole sentences: what was found and what it means or what to do.
    pub message: String,
    /// The rows meant; may be empty.
    pub rows: Vec<RowSource>,
}

/// "rows 4, 9 and 12 of marks.csv", up to six rows a file.
pub(super) fn describe_rows<'a>(rows: impl IntoIterator<Item = &'a RowSource>) -> String {
    let mut by_file: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for source in rows {
        by_file.entry(&source.file).or_default().insert(source.row);
    }
    let files = by_file.iter().map(|(file, rows)| {
        let shown: Vec<String> = rows.iter().take(6).map(usize::to_string).collect();
        let more = rows.len() - shown.len();
        let list = match shown.split_last() {
            _ if more > 0 => format!("rows {} and {more} more", shown.join(", ")),
            Some((last, [])) => format!("row {last}"),
            Some((last, rest)) => format!("rows {} and {last}", rest.join(", ")),
            None => String::new(),
        };
        format!("{list} of {file}")
    });
    files.collect::<Vec<_>>().join(", ")
}

/// Questions that the model cannot learn, and missing validation.
pub(super) fn coverage(guide: &Guide, examples: &[Example]) -> Vec<Finding> {
    let finding = |message: String| Finding {
        kind: FindingKind::Coverage,
        severity: Severity::Warning,
        message,
        rows: Vec::new(),
    };
    let mut findings = Vec::new();
    let train: Vec<&Example> = examples.iter().filter(|example| example.split == Split::Train).collect();
    for question in &guide.questions {
        let name = &question.id.0;
        let is_held_out = examples
            .iter()
            .any(|example| example.split == Split::UnseenQuestions && example.question == question.id);
        let answers = train.iter().filter(|example| example.question == question.id);
        let marks: Vec<_> = answers.map(|example| example.mark).collect();
        match marks.first() {
            None if is_held_out => {}
            None => findings.push(finding(format!(
                "Question {name} has no training answers: the model marks it from the guide alone."
            ))),
            Some(first) if marks.iter().all(|mark| mark == first) => {
                findings.push(finding(format!(
                    "Every training answer to question {name} ({}) has mark {first}: add answers with \
                     other marks, or the model learns to always give this one.",
                    marks.len()
                )));
            }
            Some(_) => {}
        }
    }
    if !examples.iter().any(|example| example.split == Split::Validation) {
        findings.push(finding(
            "No answers are kept for validation: the best checkpoint cannot be chosen, nor the confidence \
             calibrated."
                .to_owned(),
        ));
    }
    findings
}
