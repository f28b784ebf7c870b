//! A dataset in numbers, for display.

use std::collections::{BTreeMap, BTreeSet};

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

use super::texts::fold_student;
use super::{Dataset, Example, Split};
use crate::guide::QuestionId;

/// How much there is of one split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCount {
    /// Which split.
    pub split: Split,
    /// Its answers.
    pub answers: usize,
    /// The students known to have written them.
    pub students: usize,
}

/// How often a mark was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkCount {
    /// The mark.
    pub mark: Marks,
    /// How many answers have it.
    pub count: usize,
}

/// The answers to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionSummary {
    /// Which question.
    pub question: QuestionId,
    /// Its maximum.
    pub max_marks: Marks,
    /// One count for each split, in the order of [`Split::ALL`].
    pub splits: Vec<SplitCount>,
    /// Every legal mark and every other that was given, ascending, over all splits.
    pub marks: Vec<MarkCount>,
    /// In marks; `None` without answers.
    pub mean_mark: Option<f64>,
}

/// A dataset in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetSummary {
    /// One count for each split, in the order of [`Split::ALL`].
    pub splits: Vec<SplitCount>,
    /// In the guide's order.
    pub questions: Vec<QuestionSummary>,
    /// Answers that were marked by two markers.
    pub marked_twice: usize,
    /// Answers without any text.
    pub blank: usize,
}

impl Dataset {
    /// Counts what there is.
    pub fn summary(&self) -> DatasetSummary {
        let all: Vec<&Example> = self.examples.iter().collect();
        let count = |wanted: fn(&Example) -> bool| all.iter().filter(|e| wanted(e)).count();
        DatasetSummary {
            splits: split_counts(&all),
            questions: self
                .guide
                .questions
                .iter()
                .map(|question| {
                    let answers = all.iter().filter(|e| e.question == question.id);
                    let answers: Vec<&Example> = answers.copied().collect();
                    let total: Marks = answers.iter().map(|example| example.mark).sum();
                    QuestionSummary {
                        question: question.id.clone(),
                        max_marks: question.max_marks,
                        splits: split_counts(&answers),
                        marks: mark_counts(question.legal_marks(), &answers),
                        mean_mark: (!answers.is_empty()).then(|| total.as_f64() / answers.len() as f64),
                    }
                })
                .collect(),
            marked_twice: count(|example| example.second_mark.is_some()),
            blank: count(|example| example.answer.trim().is_empty()),
        }
    }
}

fn split_counts(examples: &[&Example]) -> Vec<SplitCount> {
    let count = |split| {
        let of_split = examples.iter().filter(|example| example.split == split);
        let students: BTreeSet<String> =
            of_split.clone().filter_map(|example| example.student.as_deref().map(fold_student)).collect();
        SplitCount { split, answers: of_split.count(), students: students.len() }
    };
    Split::ALL.into_iter().map(count).collect()
}

fn mark_counts(legal_marks: Vec<Marks>, examples: &[&Example]) -> Vec<MarkCount> {
    let mut counts: BTreeMap<Marks, usize> = legal_marks.into_iter().map(|mark| (mark, 0)).collect();
    for example in examples {
        *counts.entry(example.mark).or_default() += 1;
    }
    counts.into_iter().map(|(mark, count)| MarkCount { mark, count }).collect()
}
