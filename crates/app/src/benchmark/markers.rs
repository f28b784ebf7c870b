//! Everyone who marks a part: the trained model, and what it is compared with.

use std::collections::BTreeSet;

use gradus_domain::Marks;
use gradus_grading::guide::Verdict;
use gradus_grading::import::public::{Part, PartKind, PublicSet};
use gradus_grading::judgement::Judgement;
use gradus_grading::lexical::{Baseline, LexicalModel, Majority, TrainingAnswer};
use gradus_report::data::BenchmarkPart;

use super::measures::{Judged, confusion, measure, outcomes};
use super::{Baselines, Measurements};
use crate::marking::{Opinion, Ruling, Unmarked, opinions};
use crate::reporting::trust;
use crate::robustness::{Attacks, Robustness, test_robustness};
use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session};

pub(super) struct Markers<'a> {
    runtime: &'a mut Runtime,
    model: &'a TrainedModel,
    set: &'a PublicSet,
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
        set: &'a PublicSet,
        measurements: Measurements,
    ) -> Self {
        let baselines = (measurements.baselines == Baselines::Measured).then(|| {
            let parts = set.parts.iter().filter(|part| part.kind == PartKind::Train);
            let training: Vec<_> =
                parts.flat_map(|part| answers_of(set, part)).map(|known| known.answer).collect();
            Learnt { lexical: LexicalModel::fit(&training), majority: Majority::fit(&training) }
        });
        Self { runtime, model, set, baselines, attacks: measurements.attacks }
    }

    pub(super) fn test(&mut self, part: &Part, session: &mut Session<'_>) -> Result<BenchmarkPart, Error> {
        let answers = answers_of(self.set, part);
        let texts = unmarked(&answers);
        let trained = opinions(self.runtime, Some(self.model), &texts, session)?;
        let judgement = self.model.judgement.as_ref();
        let marked = with(&answers, rulings(&trained, judgement, &texts));
        let mut markers = vec![measure("trained model", &marked)];
        if judgement.is_some() {
            let alone = with(&answers, rulings(&trained, None, &texts));
            markers.push(measure("its language model alone", &alone));
        }
        if self.baselines.is_some() {
            let base = opinions(self.runtime, None, &texts, session)?;
            let base = with(&answers, rulings(&base, None, &texts));
            markers.push(measure("base model, untrained", &base));
        }
        if let Some(Learnt { lexical, majority }) = &self.baselines {
            for (name, baseline) in
                [("words of the answer (TF-IDF)", lexical as &dyn Baseline), ("majority", majority)]
            {
                let given = texts.iter().map(|text| Ruling {
                    distribution: baseline.distribution(text.question, text.answer),
                    automatic: false,
                });
                markers.push(measure(name, &with(&answers, given.collect())));
            }
        }
        let questions: BTreeSet<&str> =
            answers.iter().map(|known| known.answer.question.id.0.as_str()).collect();
        let outcomes = outcomes(judgement, &marked);
        Ok(BenchmarkPart {
            name: part.name.clone(),
            kind: described(part.kind).to_owned(),
            answers: answers.len(),
            questions: questions.len(),
            markers: markers.into_iter().flatten().collect(),
            taken_for_orders: Some(trained.iter().filter(|opinion| opinion.is_order()).count()),
            confusion: confusion("trained model", &marked),
            // On the validation answers that the threshold was chosen on it would only seem to be tested.
            automatic: match judgement.filter(|_| part.kind != PartKind::Validation) {
                Some(judgement) => trust::automatic_marking(judgement, &outcomes),
                None => Vec::new(),
            },
            confidence: trust::bins(&outcomes),
            risk_coverage: trust::coverage(&outcomes),
        })
    }

    /// Attacks on answers of all the parts, where they are wanted.
    pub(super) fn robustness(
        &mut self,
        parts: &[&Part],
        session: &mut Session<'_>,
    ) -> Result<Option<Robustness>, Error> {
        if self.attacks == Attacks::Skipped {
            return Ok(None);
        }
        let answers: Vec<_> = parts.iter().flat_map(|part| answers_of(self.set, part)).collect();
        test_robustness(self.runtime, self.model, &unmarked(&answers), session)
    }
}

/// What each opinion comes to.
fn rulings(opinions: &[Opinion], judgement: Option<&Judgement>, answers: &[Unmarked<'_>]) -> Vec<Ruling> {
    opinions.iter().zip(answers).map(|(opinion, answer)| opinion.ruling(judgement, answer)).collect()
}

/// What is new in a part.
fn described(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Train => "answers that the model learnt from",
        PartKind::Validation => "held out of the training answers, to choose and to calibrate by",
        PartKind::UnseenAnswers => "new answers to questions of the training part",
        PartKind::UnseenQuestions => "answers to new questions of known domains",
        PartKind::UnseenDomains => "answers to questions of domains that training never saw",
    }
}

/// An answer of the set with its question, its verdict and its mark, which may lie between two verdicts.
struct Known<'a> {
    answer: TrainingAnswer<'a>,
    mark: Marks,
}

fn unmarked<'a>(answers: &[Known<'a>]) -> Vec<Unmarked<'a>> {
    let texts = answers.iter().map(|known| known.answer);
    texts.map(|one| Unmarked { question: one.question, answer: one.answer }).collect()
}

fn answers_of<'a>(set: &'a PublicSet, part: &'a Part) -> Vec<Known<'a>> {
    let answers = part.answers.iter().filter_map(|answer| {
        let question = set.guide.question(&answer.question)?;
        let verdict = Verdict::position(&question.scale(), answer.verdict.as_deref(), answer.mark)?;
        let mark = answer.mark;
        Some(Known { answer: TrainingAnswer { question, answer: &answer.answer, verdict }, mark })
    });
    answers.collect()
}

fn with<'a>(answers: &[Known<'a>], rulings: Vec<Ruling>) -> Vec<Judged<'a>> {
    let judged = answers.iter().zip(rulings).map(|(Known { answer, mark }, ruling)| Judged {
        question: answer.question,
        scale: answer.question.scale(),
        verdict: answer.verdict,
        mark: *mark,
        ruling,
    });
    judged.collect()
}
