//! Whether papers kept outside a dataset are really new to it.

use std::collections::BTreeMap;

use super::findings::{Finding, FindingKind, Severity, describe_rows};
use super::texts::{Text, fold_student};
use super::{Dataset, Example, Split, duplicates, near_duplicates};
use crate::marked_answer::{MarkedAnswer, RowSource};

/// Compares held-out papers with what a model of this dataset has seen, that is, training and validation:
/// students who wrote both, texts that are the same or nearly so. Empty where the papers are new.
pub fn check_held_out(dataset: &Dataset, held_out: &[MarkedAnswer]) -> Vec<Finding> {
    let seen: Vec<&Example> = dataset
        .examples
        .iter()
        .filter(|example| matches!(example.split, Split::Train | Split::Validation))
        .collect();
    let seen_texts: Vec<Text> = seen.iter().map(|example| Text::of_example(example)).collect();
    let texts: Vec<Text> = held_out.iter().map(Text::of_answer).collect();
    let mut findings = shared_students(&seen, held_out);
    findings.extend(duplicates::leaked(&seen_texts, &texts, false));
    findings.extend(near_duplicates::findings(&seen_texts, &texts));
    findings
}

fn shared_students(seen: &[&Example], held_out: &[MarkedAnswer]) -> Vec<Finding> {
    let mut of_student: BTreeMap<String, Vec<RowSource>> = BTreeMap::new();
    for example in seen {
        let student = example.student.as_deref().map(fold_student);
        let rows = student.map(|student| of_student.entry(student).or_default());
        rows.into_iter().for_each(|rows| rows.push(example.source.clone()));
    }
    let mut shared: BTreeMap<String, (&str, Vec<RowSource>)> = BTreeMap::new();
    for answer in held_out {
        let Some(name) = answer.student.as_deref() else {
            continue;
        };
        let student = fold_student(name);
        if of_student.contains_key(&student) {
            let entry = shared.entry(student).or_insert_with(|| (name, Vec::new()));
            entry.1.push(answer.source.clone());
        }
    }
    shared
        .into_iter()
        .map(|(student, (name, rows))| Finding {
            kind: FindingKind::SharedStudent,
            severity: Severity::Serious,
            message: format!(
                "Student {name} is held out ({}) but also in the training data ({}): results on this \
                 paper do not show how the model marks a new student.",
                describe_rows(&rows),
                describe_rows(&of_student[&student]),
            ),
            rows,
        })
        .collect()
}
