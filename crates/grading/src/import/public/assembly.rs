//! What was read becomes a set: maxima, scales, model answers, parts, and what people should know of it.

use std::collections::{BTreeMap, BTreeSet};

use gradus_domain::Marks;

use super::PublicSet;
use super::collection::{Collection, FoundAnswer, FoundQuestion};
use super::part::{Part, PartKind};
use super::scale::{LabelScale, MarkSteps, is_on};
use crate::guide::{Guide, Question, QuestionId};
use crate::import::problems::{Fault, Findings, ImportErrors};
use crate::import::question_name;
use crate::marked_answer::{MarkedAnswer, RowSource};

/// An answer with the position of its question among those of the set.
type Placed = (usize, FoundAnswer);

/// Puts a set together. `lent` is a guide whose questions explain those of the set.
pub(super) fn assemble(mut collection: Collection, lent: Option<&Guide>) -> Result<PublicSet, ImportErrors> {
    let mut notes = Vec::new();
    let (found, answers) = answered(&mut collection);
    let mut questions = with_maxima(&found, &answers, &mut notes);
    check_marks(&questions, &answers, &mut collection);
    for (found, question) in found.iter().zip(&mut questions) {
        explain(found, question, lent, &mut collection);
    }
    if answers.is_empty() && collection.all_findings.iter().all(Findings::no_errors) {
        let fault = Fault::new("there are no marked answers", "Give the files that hold them.");
        let mut findings = Findings::new("the set");
        findings.error(None, fault);
        collection.all_findings.push(findings);
    }
    notes.extend(warnings(collection.all_findings)?);
    let by_label = set_scales(&mut questions, &answers, &mut notes);
    let name = collection.set_names.into_iter().collect::<Vec<_>>().join(" + ");
    let parts = parts(answers, &questions, &collection.paths, by_label);
    note_odd_parts(&parts, &mut notes);
    Ok(PublicSet { guide: Guide { title: Some(name.clone()), questions }, name, parts, notes })
}

/// The questions that have answers, and these.
fn answered(collection: &mut Collection) -> (Vec<FoundQuestion>, Vec<Placed>) {
    let answers = std::mem::take(&mut collection.answers).into_iter();
    let placed: Vec<Placed> = answers
        .filter_map(|answer| Some((collection.question_position(&answer.question)?, answer)))
        .collect();
    let asked: BTreeSet<usize> = placed.iter().map(|(position, _)| *position).collect();
    let new_positions: BTreeMap<usize, usize> =
        asked.iter().enumerate().map(|(new, position)| (*position, new)).collect();
    let all = std::mem::take(&mut collection.questions).into_iter().enumerate();
    let questions = all.filter(|(position, _)| asked.contains(position)).map(|(_, question)| question);
    let placed = placed.into_iter().map(|(position, answer)| (new_positions[&position], answer));
    (questions.collect(), placed.collect())
}

/// Questions with the maxima that the set states, or else the highest mark that was given.
fn with_maxima(found: &[FoundQuestion], answers: &[Placed], notes: &mut Vec<String>) -> Vec<Question> {
    let mut highest = vec![Marks::ZERO; found.len()];
    for (position, answer) in answers {
        highest[*position] = highest[*position].max(answer.mark);
    }
    let inferred = found.iter().filter(|question| question.maximum.is_none()).count();
    if inferred > 0 {
        notes.push(format!(
            "The set does not say how many marks there are: for {inferred} of {} questions the highest mark \
             that was given is taken.",
            found.len()
        ));
    }
    let question = |(found, highest): (&FoundQuestion, Marks)| {
        let given = if highest > Marks::ZERO { highest } else { Marks::ONE };
        let maximum = found.maximum.unwrap_or(given);
        Question::new(QuestionId(found.id.clone()), found.text.clone(), maximum)
    };
    found.iter().zip(highest).map(question).collect()
}

fn check_marks(questions: &[Question], answers: &[Placed], collection: &mut Collection) {
    for (position, answer) in answers {
        let Question { id, max_marks: maximum, .. } = &questions[*position];
        for mark in [Some(answer.mark), answer.second_mark].into_iter().flatten() {
            if mark < Marks::ZERO || mark > *maximum {
                let message =
                    format!("{mark} is not between 0 and {maximum}, the maximum of question `{}`", id.0);
                let remedy = "Correct the mark, or delete the row.";
                collection.error(answer.source, Fault::new(message, remedy));
            }
        }
    }
}

/// Gives a question its model answer, rubric and notes: those of the guide that is lent, or else the set's.
fn explain(
    found: &FoundQuestion,
    question: &mut Question,
    lent: Option<&Guide>,
    collection: &mut Collection,
) {
    let Some(lent) = lent.and_then(|guide| question_name::find(guide, &found.id)) else {
        let mut references = found.references.iter();
        question.model_answer = references.next().cloned();
        question.notes = references.map(|reference| format!("accept: {reference}")).collect();
        question.notes.extend(found.notes.iter().cloned());
        return;
    };
    if lent.max_marks != question.max_marks {
        let message = format!(
            "question `{}` has {} marks in the guide and {} in the set",
            found.id, lent.max_marks, question.max_marks
        );
        let fault = Fault::new(message, "Correct the guide: the set's answers are marked out of its own.");
        collection.error(found.source, fault);
    }
    *question = Question { id: question.id.clone(), verdicts: Vec::new(), ..lent.clone() };
}

/// Everything that looks odd, as notes.
fn warnings(all_findings: Vec<Findings>) -> Result<Vec<String>, ImportErrors> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for findings in all_findings {
        match findings.into_warnings() {
            Ok(found) => warnings.extend(found),
            Err(found) => {
                errors.extend(found.errors);
                warnings.extend(found.warnings);
            }
        }
    }
    if errors.is_empty() {
        return Ok(warnings.iter().map(ToString::to_string).collect());
    }
    Err(ImportErrors { errors, warnings })
}

/// Sets every question's scale. Returns whether it is one of labels.
fn set_scales(questions: &mut [Question], answers: &[Placed], notes: &mut Vec<String>) -> bool {
    let judged = answers.iter();
    let judged = judged.map(|(at, answer)| (answer.label.as_deref(), answer.mark, questions[*at].max_marks));
    if let Some(labels) = LabelScale::of(judged) {
        questions.iter_mut().for_each(|question| question.verdicts = labels.verdicts(question.max_marks));
        return true;
    }
    let training = answers.iter().filter(|(_, answer)| answer.part == PartKind::Train);
    let steps = MarkSteps::of(training.map(|(at, answer)| (&questions[*at], answer.mark)));
    questions.iter_mut().for_each(|question| question.verdicts = steps.verdicts(question));
    let coarsest = questions.iter().map(Question::mark_step).max().unwrap_or(Marks::ONE);
    if coarsest > Marks::ONE {
        let long = questions.iter().filter(|question| question.mark_step() > Marks::ONE).count();
        notes.push(format!(
            "{long} of {} questions have so many marks that they are learnt in steps of up to {coarsest}. Where a \
             maximum is a mistake, correct it.",
            questions.len()
        ));
    }
    let scales: Vec<Vec<Marks>> = questions.iter().map(Question::legal_marks).collect();
    let off = answers.iter().filter(|(at, answer)| !is_on(&scales[*at], answer.mark)).count();
    if off > 0 {
        notes.push(format!(
            "{off} of {} marks lie between the steps of their question's scale and are learnt as the nearest \
             step; agreement is measured against the marks themselves.",
            answers.len()
        ));
    }
    false
}

fn parts(answers: Vec<Placed>, questions: &[Question], paths: &[String], by_label: bool) -> Vec<Part> {
    let part = |kind: PartKind| Part { name: kind.name().to_owned(), kind, answers: Vec::new() };
    let mut parts = PartKind::ALL.map(part).to_vec();
    for (position, answer) in answers {
        let source = RowSource { file: paths[answer.source.file].clone(), row: answer.source.place.number() };
        parts[answer.part as usize].answers.push(MarkedAnswer {
            student: None,
            question: questions[position].id.clone(),
            answer: answer.answer,
            mark: answer.mark,
            second_mark: answer.second_mark,
            verdict: answer.label.filter(|_| by_label),
            feedback: answer.feedback,
            source,
        });
    }
    parts.retain(|part| !part.answers.is_empty());
    parts
}

/// Says where a part is not what its name promises.
fn note_odd_parts(parts: &[Part], notes: &mut Vec<String>) {
    let questions = |part: &Part| -> BTreeSet<QuestionId> {
        part.answers.iter().map(|answer| answer.question.clone()).collect()
    };
    let Some(training) = parts.iter().find(|part| part.kind == PartKind::Train) else {
        notes.push("There is no training part.".to_owned());
        return;
    };
    let learnt = questions(training);
    for part in parts {
        let asked = questions(part);
        let known = asked.intersection(&learnt).count();
        let odd = match part.kind {
            PartKind::UnseenQuestions | PartKind::UnseenDomains => known,
            PartKind::UnseenAnswers => asked.len() - known,
            PartKind::Train | PartKind::Validation => 0,
        };
        if odd > 0 {
            let (name, with) = (&part.name, if known == odd { "with" } else { "without" });
            notes.push(format!("Part `{name}` has {odd} questions {with} answers in the training part."));
        }
    }
}
