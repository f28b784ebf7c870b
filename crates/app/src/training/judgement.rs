//! How far a trained model is to be trusted, learnt from its dataset's validation answers.

use gradus_grading::calibration::WantedAgreement;
use gradus_grading::dataset::{Dataset, Example, Split};
use gradus_grading::guide::Question;
use gradus_grading::judgement::{Judgement, ValidationAnswer};
use gradus_grading::lexical::TrainingAnswer;

use crate::marking::{Unmarked, opinions};
use crate::runtime::Runtime;
use crate::students::Students;
use crate::trained::TrainedModel;
use crate::{Error, Session};

pub(super) fn learn(
    (dataset, wanted): (&Dataset, WantedAgreement),
    trained: &TrainedModel,
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
    let opinions = opinions(runtime, Some(trained), &unmarked, session)?;
    let students = Students::of(validation.iter().map(|(example, ..)| example.student.as_deref()));
    let validation: Vec<ValidationAnswer<'_>> = validation
        .into_iter()
        .zip(opinions)
        .enumerate()
        .map(|(number, ((example, question, verdict), opinion))| {
            let cluster = students.number(example.student.as_deref(), number);
            let model = opinion.verdicts;
            ValidationAnswer { question, answer: &example.answer, verdict, model, cluster }
        })
        .collect();
    Ok(Judgement::fit(&training, &validation, wanted))
}

/// The examples of a split with their questions and the positions of their verdicts.
pub(super) fn of_split(
    dataset: &Dataset,
    split: Split,
) -> impl Iterator<Item = (&Example, &Question, usize)> {
    dataset.examples.iter().filter(move |example| example.split == split).filter_map(|example| {
        let question = dataset.guide.question(&example.question)?;
        Some((example, question, dataset.verdict_position(example)?))
    })
}
