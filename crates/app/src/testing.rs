//! Model tests: the base and the trained model mark the same answers, whose marks are known.

use gradus_domain::Marks;
use gradus_grading::guide::{Guide, Question};
use gradus_grading::marked_answer::MarkedAnswer;
use gradus_grading::metrics::{
    Agreement, Bootstrap, MarkPair, PairedComparison, PairedMarks, agreement, compare,
};
use serde::{Deserialize, Serialize};

use crate::marking::{Marking, Unmarked, judge, mark_answers, opinions, write_feedback};
use crate::runtime::Runtime;
use crate::students::Students;
use crate::trained::TrainedModel;
use crate::{Error, Session};

/// What a test covers beside the marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// The trained model writes feedback for every answer.
    Written,
    /// Marks alone, which is much quicker.
    Skipped,
}

/// One answer with its known mark and what both models say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The answer and the marks that people gave it.
    pub answer: MarkedAnswer,
    /// The most that it could get.
    pub max_marks: Marks,
    /// The question's smallest step between marks.
    pub step: Marks,
    /// Whether the model learnt from marked answers to the question, as far as it knows.
    pub seen_question: bool,
    /// The trained model's marking.
    pub trained: Marking,
    /// What the trained language model alone makes of it, before anything is blended or calibrated.
    pub uncalibrated: Marking,
    /// The base model's marking.
    pub base: Marking,
    /// The trained model's feedback.
    pub feedback: Option<String>,
}

impl Tested {
    /// Whether a marking of the answer is the known one: the same verdict where that is a word, or the same mark.
    pub(crate) fn is_right(&self, marking: &Marking) -> bool {
        match &self.answer.verdict {
            Some(verdict) => *verdict == marking.verdict,
            None => self.answer.mark == marking.mark,
        }
    }
}

/// Agreement on some of the answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Trained model against the known marks.
    pub trained: Agreement,
    /// Base model against the known marks.
    pub base: Agreement,
    /// Second marker against the first, on the answers that have both.
    pub human: Option<Agreement>,
    /// Trained against base.
    pub comparison: PairedComparison,
}

/// Marks every answer with both models.
pub fn test_answers(
    runtime: &mut Runtime,
    model: &TrainedModel,
    guide: &Guide,
    answers: &[MarkedAnswer],
    feedback: Feedback,
    session: &mut Session<'_>,
) -> Result<Vec<Tested>, Error> {
    let questions = answers.iter().map(|answer| question_of(guide, answer)).collect::<Result<Vec<_>, _>>()?;
    let unmarked: Vec<Unmarked<'_>> = questions
        .iter()
        .zip(answers)
        .map(|(question, answer)| Unmarked { question, answer: &answer.answer })
        .collect();
    session.watcher.stage("Marking with the base model");
    let base = mark_answers(runtime, None, &unmarked, session)?;
    session.watcher.stage("Marking with the trained model");
    let alone = opinions(runtime, Some(model), &unmarked, session)?;
    let trained = judge(model.judgement.as_ref(), &unmarked, &alone);
    let uncalibrated = judge(None, &unmarked, &alone);
    let feedback = match feedback {
        Feedback::Written => {
            session.watcher.stage("Writing feedback");
            let marked: Vec<_> = unmarked.iter().copied().zip(&trained).collect();
            let feedback = write_feedback(runtime, Some(&model.adapter), &marked, session)?;
            feedback.into_iter().map(Some).collect()
        }
        Feedback::Skipped => vec![None; answers.len()],
    };
    let tested =
        answers.iter().zip(questions).zip(base).zip(trained.into_iter().zip(uncalibrated)).zip(feedback);
    Ok(tested
        .map(|((((answer, question), base), (trained, uncalibrated)), feedback)| Tested {
            answer: answer.clone(),
            max_marks: question.max_marks,
            step: question.mark_step(),
            seen_question: model
                .judgement
                .as_ref()
                .is_some_and(|judgement| judgement.has_marked_answers(question)),
            trained,
            uncalibrated,
            base,
            feedback,
        })
        .collect())
}

fn question_of<'a>(guide: &'a Guide, answer: &MarkedAnswer) -> Result<&'a Question, Error> {
    guide.question(&answer.question).ok_or_else(|| {
        let (file, row, question) = (&answer.source.file, answer.source.row, &answer.question.0);
        Error::Request(format!("{file}, row {row}: question {question} is not in the guide"))
    })
}

/// Agreement on the given answers. `None` without answers.
pub fn section(tested: &[&Tested], bootstrap: Bootstrap) -> Option<Section> {
    let students = Students::of(tested.iter().map(|one| one.answer.student.as_deref()));
    let pairs = |given: &dyn Fn(&Tested) -> Option<Marks>| -> Vec<MarkPair> {
        let pair = |one: &&Tested| {
            Some(MarkPair {
                reference: one.answer.mark,
                given: given(one)?,
                step: one.step,
                cluster: students.number(one.answer.student.as_deref(), one.answer.source.row),
            })
        };
        tested.iter().filter_map(pair).collect()
    };
    let paired: Vec<PairedMarks> = tested
        .iter()
        .map(|one| PairedMarks {
            reference: one.answer.mark,
            base: one.base.mark,
            trained: one.trained.mark,
            cluster: students.number(one.answer.student.as_deref(), one.answer.source.row),
        })
        .collect();
    Some(Section {
        trained: agreement(&pairs(&|one| Some(one.trained.mark)), bootstrap)?,
        base: agreement(&pairs(&|one| Some(one.base.mark)), bootstrap)?,
        human: agreement(&pairs(&|one| one.answer.second_mark), bootstrap),
        comparison: compare(&paired, bootstrap)?,
    })
}
