//! Everyone who marks a part: the trained model, and what it is compared with.

use std::collections::BTreeSet;

use gradus_engine::adapter::Adapter;
use gradus_grading::guide::{Question, Verdict};
use gradus_grading::import::public::{Part, PartKind, PublicSet};
use gradus_grading::lexical::{Baseline, LexicalModel, Majority, TrainingAnswer};
use gradus_grading::robustness::RobustnessSummary;

use super::measures::{self, Judged, measure};
use super::{Baselines, Measurements, PartResult};
use crate::marking::{Unmarked, probabilities};
use crate::robustness::{Attacks, test_robustness};
use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session};

pub(super) struct Markers<'a> {
    runtime: &'a mut Runtime,
    model: &'a TrainedModel,
    baselines: Option<Learnt>,
    attacks: Attacks,
}

/// What was learnt without a language model.
struct Learnt {
    lexical: LexicalModel,
    majority: Majority,
}

impl<'a> Markers<'a> {
    pub(super) fn new(
        runtime: &'a mut Runtime,
        model: &'a TrainedModel,
        set: &PublicSet,
        measurements: Measurements,
    ) -> Self {
        let baselines = (measurements.baselines == Baselines::Measured).then(|| {
            let training = training_answers(set);
            Learnt { lexical: LexicalModel::fit(&training), majority: Majority::fit(&training) }
        });
        Self { runtime, model, baselines, attacks: measurements.attacks }
    }

    pub(super) fn test(
        &mut self,
        set: &PublicSet,
        part: &Part,
        session: &mut Session<'_>,
    ) -> Result<PartResult, Error> {
        let answers = answers_of(set, part);
        let model = self.model_probabilities(Some(&self.model.adapter), &answers, session)?;
        let mut results = Vec::new();
        let mut automatic = None;
        if let Some(judgement) = &self.model.judgement {
            let judged = answers
                .iter()
                .zip(&model)
                .map(|(one, model)| judgement.distribution(one.question, one.answer, model));
            let judged = with(&answers, judged);
            results.push(measure("trained model", &judged));
            automatic = Some(measures::automatic(judgement, &judged));
        }
        results.push(measure("trained model, uncalibrated", &with(&answers, model.iter().cloned())));
        if let Some(Learnt { lexical, majority }) = &self.baselines {
            let of = |baseline: &dyn Baseline| -> Vec<Vec<f64>> {
                answers.iter().map(|one| baseline.distribution(one.question, one.answer)).collect()
            };
            let (lexical, majority) = (of(lexical), of(majority));
            let base = self.model_probabilities(None, &answers, session)?;
            results.push(measure("base model, untrained", &with(&answers, base.into_iter())));
            results.push(measure("words of the answer (TF-IDF ridge)", &with(&answers, lexical.into_iter())));
            results.push(measure("majority", &with(&answers, majority.into_iter())));
        }
        let questions: BTreeSet<&str> = answers.iter().map(|one| one.question.id.0.as_str()).collect();
        Ok(PartResult {
            set: set.name.clone(),
            part: part.name.clone(),
            kind: part.kind,
            answers: answers.len(),
            questions: questions.len(),
            markers: results.into_iter().flatten().collect(),
            automatic,
            robustness: self.robustness(&answers, session)?,
        })
    }

    fn robustness(
        &mut self,
        answers: &[TrainingAnswer<'_>],
        session: &mut Session<'_>,
    ) -> Result<Option<RobustnessSummary>, Error> {
        if self.attacks == Attacks::Skipped {
            return Ok(None);
        }
        let tried = test_robustness(self.runtime, self.model, &unmarked(answers), session)?;
        Ok(tried.map(|robustness| robustness.summary))
    }

    fn model_probabilities(
        &mut self,
        adapter: Option<&Adapter>,
        answers: &[TrainingAnswer<'_>],
        session: &mut Session<'_>,
    ) -> Result<Vec<Vec<f64>>, Error> {
        probabilities(self.runtime, adapter, &unmarked(answers), session)
    }
}

fn unmarked<'a>(answers: &[TrainingAnswer<'a>]) -> Vec<Unmarked<'a>> {
    answers.iter().map(|one| Unmarked { question: one.question, answer: one.answer }).collect()
}

/// The answers of a part with their questions and verdicts.
fn answers_of<'a>(set: &'a PublicSet, part: &'a Part) -> Vec<TrainingAnswer<'a>> {
    let answers = part.answers.iter().filter_map(|answer| {
        let question: &Question = set.guide.question(&answer.question)?;
        let verdict = Verdict::position(&question.scale(), answer.verdict.as_deref(), answer.mark)?;
        Some(TrainingAnswer { question, answer: &answer.answer, verdict })
    });
    answers.collect()
}

fn training_answers(set: &PublicSet) -> Vec<TrainingAnswer<'_>> {
    let parts = set.parts.iter().filter(|part| part.kind == PartKind::Train);
    parts.flat_map(|part| answers_of(set, part)).collect()
}

fn with<'a>(
    answers: &[TrainingAnswer<'a>],
    distributions: impl Iterator<Item = Vec<f64>>,
) -> Vec<Judged<'a>> {
    let judged = answers.iter().zip(distributions);
    judged
        .map(|(one, distribution)| Judged { question: one.question, verdict: one.verdict, distribution })
        .collect()
}
