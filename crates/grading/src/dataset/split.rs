//! Which student's answers are learnt from and which are held out.

use std::collections::{BTreeMap, HashMap};

use super::texts::{fold, fold_student};
use super::{DatasetError, DatasetOptions, Split};
use crate::guide::QuestionId;
use crate::marked_answer::MarkedAnswer;

/// One split for each answer.
///
/// Students are put in the order of a hash of seed and name; the first ones are for testing, the next ones
/// for validation, so that the shares hold exactly even in a small class. A share above 0 gets at least one
/// student, and training always keeps one.
pub(super) fn assign(
    answers: &[MarkedAnswer],
    unseen_questions: &[QuestionId],
    options: &DatasetOptions,
) -> Result<Vec<Split>, DatasetError> {
    let (test_share, validation_share) = (options.test_share, options.validation_share);
    let each_is_a_share = [test_share, validation_share].iter().all(|share| (0.0..1.0).contains(share));
    if !each_is_a_share || test_share + validation_share >= 1.0 {
        return Err(DatasetError::Shares { validation_share, test_share });
    }
    let is_unseen = |answer: &MarkedAnswer| {
        let mut unseen = unseen_questions.iter();
        unseen.any(|id| id.0.eq_ignore_ascii_case(&answer.question.0))
    };
    let seen = answers.iter().filter(|answer| !is_unseen(answer));
    let by_group = splits_of_groups(seen.map(group), options);
    let split_of = |answer: &MarkedAnswer| match by_group.get(&group(answer)) {
        Some(split) if !is_unseen(answer) => *split,
        _ => Split::UnseenQuestions,
    };
    Ok(answers.iter().map(split_of).collect())
}

fn splits_of_groups(
    groups: impl Iterator<Item = String>,
    options: &DatasetOptions,
) -> HashMap<String, Split> {
    let ordered: BTreeMap<[u8; 32], String> =
        groups.map(|group| (seeded_hash(options.seed, &group), group)).collect();
    let total = ordered.len();
    let number = |share: f64, available: usize| {
        let wanted = (share * total as f64).round() as usize;
        let least = usize::from(share > 0.0);
        wanted.max(least).min(available)
    };
    let tests = number(options.test_share, total.saturating_sub(1));
    let validations = number(options.validation_share, total.saturating_sub(1 + tests));
    let split_at = |position: usize| {
        if position < tests {
            Split::UnseenAnswers
        } else if position < tests + validations {
            Split::Validation
        } else {
            Split::Train
        }
    };
    let groups = ordered.into_values().enumerate();
    groups.map(|(position, group)| (group, split_at(position))).collect()
}

/// What must stay together: a student's answers, or equal texts where the student is not known.
fn group(answer: &MarkedAnswer) -> String {
    match &answer.student {
        Some(student) => format!("student {}", fold_student(student)),
        None => format!("text {}", fold(&answer.answer)),
    }
}

/// A place in an order that only the seed decides.
pub(crate) fn seeded_hash(seed: u64, group: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(group.as_bytes());
    *hasher.finalize().as_bytes()
}
