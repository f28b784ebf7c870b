//! From marked answers to a dataset.

use std::cmp::Reverse;

use gradus_domain::Marks;

use super::texts::Text;
use super::{
    Dataset, DatasetError, DatasetOptions, Example, ExampleId, FORMAT_VERSION, Finding, LeakedAnswers, Split,
    duplicates, findings, frozen, near_duplicates, split,
};
use crate::guide::{Guide, QuestionId, Verdict};
use crate::marked_answer::MarkedAnswer;

/// Builds a dataset: assigns splits, removes training examples that give held-out answers away (where the
/// options say so), reports what a person should know, and hashes the result.
///
/// A student's answers go to one of training, validation and unseen answers, except that all answers to a
/// held-out question go to unseen questions. An answer without a student is placed by its text, so that
/// equal texts stay together.
///
/// # Errors
/// Answers or options that do not fit the guide, and splits that leave nothing to train on.
pub fn build(
    guide: &Guide,
    answers: &[MarkedAnswer],
    options: &DatasetOptions,
) -> Result<Dataset, DatasetError> {
    let splits = split::assign(answers, &known_questions(guide, options)?, options)?;
    build_split(guide, answers, &splits, options)
}

/// As [`build`], where the split of each answer is known: public sets come with theirs.
///
/// # Errors
/// Answers that do not fit the guide, and splits that leave nothing to train on.
pub fn build_split(
    guide: &Guide,
    answers: &[MarkedAnswer],
    splits: &[Split],
    options: &DatasetOptions,
) -> Result<Dataset, DatasetError> {
    if answers.is_empty() {
        return Err(DatasetError::NoAnswers);
    }
    let examples = answers.iter().zip(splits.iter().copied()).enumerate();
    let mut examples: Vec<Example> = examples
        .map(|(index, (answer, split))| example(guide, index, answer, split))
        .collect::<Result<_, _>>()?;
    let findings = check(&mut examples, guide, options);
    if !examples.iter().any(|example| example.split == Split::Train) {
        return Err(DatasetError::NothingToTrainOn);
    }
    Ok(Dataset {
        format_version: FORMAT_VERSION,
        content_hash: frozen::content_hash(guide, &examples)?,
        options: options.clone(),
        guide: guide.clone(),
        examples,
        findings,
    })
}

/// Reports on the examples, and takes leaked ones out of training.
fn check(examples: &mut Vec<Example>, guide: &Guide, options: &DatasetOptions) -> Vec<Finding> {
    let of_splits = |examples: &[Example], wanted: fn(Split) -> bool| -> Vec<Text> {
        let chosen = examples.iter().filter(|example| wanted(example.split));
        chosen.map(Text::of_example).collect()
    };
    let mut found = duplicates::inconsistent_marking(&of_splits(examples, |_| true));
    let train = of_splits(examples, |split| split == Split::Train);
    let held_out = of_splits(examples, |split| split != Split::Train);
    let remove = options.leaked_answers == LeakedAnswers::RemoveFromTraining;
    found.extend(duplicates::leaked(&train, &held_out, remove));
    if remove {
        let identities = held_out.iter().map(|text| &text.identity).collect();
        examples.retain(|example| {
            example.split != Split::Train || !duplicates::gives_away(&Text::of_example(example), &identities)
        });
    }
    let train = of_splits(examples, |split| split == Split::Train);
    found.extend(near_duplicates::findings(&train, &held_out));
    found.extend(duplicates::within_training(&train));
    found.extend(findings::coverage(guide, examples));
    found.sort_by_key(|finding| Reverse(finding.severity));
    found
}

fn example(
    guide: &Guide,
    index: usize,
    answer: &MarkedAnswer,
    split: Split,
) -> Result<Example, DatasetError> {
    let (file, row) = (answer.source.file.clone(), answer.source.row);
    let Some(question) = guide.question(&answer.question) else {
        return Err(DatasetError::UnknownQuestion {
            file,
            row,
            question: answer.question.0.clone(),
            known: names(guide),
        });
    };
    let marks = [Some(answer.mark), answer.second_mark];
    let legal = Marks::ZERO..=question.max_marks;
    if let Some(mark) = marks.into_iter().flatten().find(|mark| !legal.contains(mark)) {
        return Err(DatasetError::MarkOutOfRange {
            file,
            row,
            mark,
            maximum: question.max_marks,
            question: question.id.0.clone(),
        });
    }
    let scale = question.scale();
    if let Some(verdict) = answer.verdict.as_deref()
        && Verdict::position(&scale, Some(verdict), answer.mark).is_none()
    {
        let known: Vec<&str> = scale.iter().map(|verdict| verdict.name.as_str()).collect();
        return Err(DatasetError::UnknownVerdict {
            file,
            row,
            verdict: verdict.to_owned(),
            question: question.id.0.clone(),
            known: known.join(", "),
        });
    }
    Ok(Example {
        id: ExampleId(index as u32 + 1),
        student: answer.student.clone(),
        question: question.id.clone(),
        answer: answer.answer.clone(),
        mark: answer.mark,
        second_mark: answer.second_mark,
        verdict: answer.verdict.clone(),
        feedback: answer.feedback.clone(),
        source: answer.source.clone(),
        split,
    })
}

/// The held-out questions as the guide spells them.
fn known_questions(guide: &Guide, options: &DatasetOptions) -> Result<Vec<QuestionId>, DatasetError> {
    let unseen = options.unseen_questions.iter();
    unseen
        .map(|id| match guide.question(id) {
            Some(question) => Ok(question.id.clone()),
            None => Err(DatasetError::UnknownUnseenQuestion { question: id.0.clone(), known: names(guide) }),
        })
        .collect()
}

fn names(guide: &Guide) -> String {
    let names: Vec<&str> = guide.questions.iter().map(|q| q.id.0.as_str()).collect();
    names.join(", ")
}
