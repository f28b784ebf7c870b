//! Validation parts out of the training part of a public set, so that nothing is chosen by its tests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Part, PartKind, PublicSet};
use crate::dataset::split::seeded_hash;
use crate::dataset::texts::fold;
use crate::guide::QuestionId;
use crate::marked_answer::MarkedAnswer;

/// Name of the part with every answer to some questions.
const QUESTIONS: &str = "validation-questions";
/// Name of the part with some answers to each of the other questions.
const ANSWERS: &str = "validation-answers";
/// No share may take more than this from training.
const LARGEST_SHARE: f64 = 0.9;

/// How much is held out. Shares are clamped to 0 to 0.9; one that is not a number counts as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldOut {
    /// Share of the answers to the other questions that is taken from training; each keeps at least one text.
    pub answers_share: f64,
    /// Share of the questions, taken whole; above 0 at least one, and training keeps at least one.
    pub questions_share: f64,
    /// Decides which ones.
    pub seed: u64,
}

/// Moves answers from the training part into the parts `validation-questions` and `validation-answers`,
/// which stand after it where they are not empty. Equal texts of one question (without case, spacing and
/// punctuation) stay together. Depends on the answers, their order and the seed alone.
pub fn hold_out(mut set: PublicSet, options: HoldOut) -> PublicSet {
    let Some(position) = set.parts.iter().position(|part| part.kind == PartKind::Train) else {
        return set;
    };
    let training = std::mem::take(&mut set.parts[position].answers);
    let whole = held_out_questions(&training, options);
    let (questions, rest): (Vec<_>, Vec<_>) =
        training.into_iter().partition(|answer| whole.contains(&answer.question));
    let texts = held_out_texts(&rest, options);
    let (answers, rest): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|answer| texts.contains(&text(answer)));
    set.parts[position].answers = rest;
    for (name, answers) in [(ANSWERS, answers), (QUESTIONS, questions)] {
        if !answers.is_empty() {
            let part = Part { name: name.to_owned(), kind: PartKind::Validation, answers };
            set.parts.insert(position + 1, part);
        }
    }
    set
}

/// What must stay together.
type Text = (QuestionId, String);

fn text(answer: &MarkedAnswer) -> Text {
    (answer.question.clone(), fold(&answer.answer))
}

fn held_out_questions(training: &[MarkedAnswer], options: HoldOut) -> BTreeSet<QuestionId> {
    let all: BTreeSet<&QuestionId> = training.iter().map(|answer| &answer.question).collect();
    let share = clamped(options.questions_share);
    let wanted = (share * all.len() as f64).round() as usize;
    let least = usize::from(share > 0.0);
    let number = wanted.max(least).min(all.len().saturating_sub(1));
    let mut shuffled: Vec<&QuestionId> = all.into_iter().collect();
    shuffled.sort_by_cached_key(|question| seeded_hash(options.seed, &format!("question {}", question.0)));
    shuffled.into_iter().take(number).cloned().collect()
}

/// Texts of each question until its share is reached. What a question has too little or too much is made up
/// for by the next, so that the share holds over all questions even where each has few answers.
fn held_out_texts(training: &[MarkedAnswer], options: HoldOut) -> BTreeSet<Text> {
    let mut counts: BTreeMap<Text, usize> = BTreeMap::new();
    training.iter().for_each(|answer| *counts.entry(text(answer)).or_default() += 1);
    let mut by_question: BTreeMap<&QuestionId, Vec<(&Text, usize)>> = BTreeMap::new();
    for (text, count) in &counts {
        by_question.entry(&text.0).or_default().push((text, *count));
    }
    let share = clamped(options.answers_share);
    let (mut seen, mut taken, mut held_out) = (0, 0, BTreeSet::new());
    for mut texts in by_question.into_values() {
        texts.sort_by_cached_key(|(text, _)| {
            seeded_hash(options.seed, &format!("answer {} {}", text.0.0, text.1))
        });
        seen += texts.iter().map(|(_, count)| count).sum::<usize>();
        let wanted = (share * seen as f64).round() as usize;
        // One text of each question stays in training.
        for (text, count) in texts.iter().skip(1) {
            if taken + count <= wanted {
                taken += count;
                held_out.insert((*text).clone());
            }
        }
    }
    held_out
}

fn clamped(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, LARGEST_SHARE) }
}
