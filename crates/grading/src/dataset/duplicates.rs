//! Answers that say the same: marked differently, repeated, or on both sides of a split.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::findings::{Finding, FindingKind, Severity, describe_rows};
use super::texts::{Text, equal_texts};
use crate::marked_answer::RowSource;

/// Equal texts with different marks, whatever their split.
pub(super) fn inconsistent_marking(texts: &[Text]) -> Vec<Finding> {
    let groups = equal_texts(texts).into_iter();
    let marked_apart = groups.filter_map(|group| {
        let marks: BTreeSet<_> = group.iter().map(|text| text.mark).collect();
        (marks.len() > 1).then_some((group, marks))
    });
    marked_apart
        .map(|(group, marks)| {
            let marks: Vec<String> = marks.iter().map(ToString::to_string).collect();
            let rows = rows_of(&group);
            Finding {
                kind: FindingKind::InconsistentMarking,
                severity: Severity::Warning,
                message: format!(
                    "Inconsistent marking: {}, to question {}, has the marks {} ({}). Decide on one mark.",
                    group[0].quote(),
                    group[0].question,
                    marks.join(" and "),
                    describe_rows(&rows)
                ),
                rows,
            }
        })
        .collect()
}

/// Texts of more than two words that occur more than once in training, and a count of the shorter ones.
pub(super) fn within_training(train: &[Text]) -> Vec<Finding> {
    let groups = equal_texts(train).into_iter();
    let repeated = groups.filter(|group| group.len() > 1);
    let (short, long): (Vec<_>, Vec<_>) = repeated.partition(|group| group[0].is_short());
    let mut findings: Vec<Finding> = long
        .iter()
        .map(|group| {
            let rows = rows_of(group);
            let message = format!(
                "{} stands {} times among the training answers to question {} ({}).",
                group[0].quote(),
                group.len(),
                group[0].question,
                describe_rows(&rows)
            );
            duplicate(message, rows)
        })
        .collect();
    if !short.is_empty() {
        let rows: Vec<RowSource> = short.iter().flat_map(|group| rows_of(group)).collect();
        let message = format!(
            "{} training answers are blank or of one or two words and like another one, as is usual.",
            rows.len()
        );
        findings.push(duplicate(message, rows));
    }
    findings
}

fn duplicate(message: String, rows: Vec<RowSource>) -> Finding {
    Finding { kind: FindingKind::DuplicateAnswers, severity: Severity::Information, message, rows }
}

/// Texts of more than two words that stand in training and in a held-out split.
pub(super) fn leaked(train: &[Text], held_out: &[Text], removed: bool) -> Vec<Finding> {
    let groups = shared(train, held_out).into_iter();
    groups
        .map(|(train, held_out)| {
            let (severity, outcome) = if removed {
                (Severity::Information, "It was removed from training.")
            } else {
                (Severity::Serious, "Remove it from one side, or results are too good to be true.")
            };
            let message = format!(
                "{}, to question {}, stands in training ({}) and among the held-out answers ({}). {outcome}",
                train[0].quote(),
                train[0].question,
                describe_rows(&rows_of(&train)),
                describe_rows(&rows_of(&held_out)),
            );
            Finding {
                kind: FindingKind::LeakedAnswer,
                severity,
                message,
                rows: [rows_of(&train), rows_of(&held_out)].concat(),
            }
        })
        .collect()
}

/// Whether a training text also stands among held-out ones, and is long enough to matter.
pub(super) fn gives_away(text: &Text, held_out: &HashSet<&(String, String)>) -> bool {
    !text.is_short() && held_out.contains(&text.identity)
}

/// Equal texts, those of training and those held out.
fn shared<'a>(train: &'a [Text], held_out: &'a [Text]) -> Vec<(Vec<&'a Text>, Vec<&'a Text>)> {
    let held_out = equal_texts(held_out).into_iter();
    let by_identity: HashMap<_, _> = held_out.map(|group| (&group[0].identity, group)).collect();
    let train = equal_texts(train).into_iter();
    let telling = train.filter(|group| !group[0].is_short());
    telling
        .filter_map(|group| {
            let same = by_identity.get(&group[0].identity)?;
            Some((group, same.clone()))
        })
        .collect()
}

fn rows_of(texts: &[&Text]) -> Vec<RowSource> {
    texts.iter().map(|text| text.source.clone()).collect()
}
