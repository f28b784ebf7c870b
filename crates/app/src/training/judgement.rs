//! How far a trained model is to be trusted, learnt from its dataset's validation answers.

use gradus_engine::adapter::Adapter;
use gradus_grading::calibration::WantedAgreement;
use gradus_grading::dataset::{Dataset, Example, Split};
use gradus_grading::guide::{Question, Verdict};
use gradus_grading::judgement::{Judgement, ValidationAnswer};
use gradus_grading::lexical::TrainingAnswer;

use crate::marking::{Unmarked, probabilities};
use crate::runtime::Runtime;
use crate::{Error, Session};

/// What is promised of answers that are marked automatically, where nobody said.
const WANTED: WantedAgreement = WantedAgreement { agreement: 0.9, level: 0.95 };

pub(super) fn learn(
    dataset: &Dataset,
    adapter: &Adapter,
    runtime: &mut Runtime,
    session: &mut Session<'_>,
) -> Result<Judgement, Error> {
    let training: Vec<TrainingAnswer<'_>> = of_split(dataset, Split::Train)
        .map(|(example, question, verdict)| TrainingAnswer { question, answer: &example.answer, verdict })
        .collect();
    let validation: Vec<_> = of_split(dataset, Split::Validation).collect();
    session.watcher.stage("Calibrating on the validation answers");
    let unmarked: Vec<Unmarked<'_>> = validation
        .iter()
        .map(|(example, question, _)| Unmarked { question, answer: &example.answer })
        .collect();
    let model = probabilities(runtime, Some(adapter), &unmarked, session)?;
    let mut students: Vec<&str> =
        validation.iter().filter_map(|(example, ..)| example.student.as_deref()).collect();
    students.sort_unstable();
    students.dedup();
    let validation: Vec<ValidationAnswer<'_>> = validation
        .into_iter()
        .zip(model)
        .enumerate()
        .map(|(number, ((example, question, verdict), model))| {
            let student = example.student.as_deref().and_then(|name| students.binary_search(&name).ok());
            // An answer without a student is its own.
            let cluster = student.unwrap_or(students.len() + number);
            ValidationAnswer { question, answer: &example.answer, verdict, model, cluster }
        })
        .collect();
    Ok(Judgement::fit(&training, &validation, WANTED))
}

fn of_split(dataset: &Dataset, split: Split) -> impl Iterator<Item = (&Example, &Question, usize)> {
    dataset.examples.iter().filter(move |example| example.split == split).filter_map(|example| {
        let question = dataset.guide.question(&example.question)?;
        let verdict = Verdict::position(&question.scale(), example.verdict.as_deref(), example.mark)?;
        Some((example, question, verdict))
    })
}
