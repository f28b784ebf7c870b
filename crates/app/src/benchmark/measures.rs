//! How well one marker does on a part.

use gradus_domain::Marks;
use gradus_grading::guide::Question;
use gradus_grading::judgement::{Judgement, most_probable};
use gradus_grading::metrics::{
    Bootstrap, Estimate, ExpectedMark, Forecast, MarkPair, Prediction, VerdictPair, agreement, brier_score,
    classification, expected_calibration_error, expected_marks, negative_log_likelihood,
    root_mean_squared_share_error,
};
use serde::{Deserialize, Serialize};

use super::Automatic;

/// An answer with its verdict and what a marker makes of it.
pub(super) struct Judged<'a> {
    pub(super) question: &'a Question,
    /// The position of the known verdict.
    pub(super) verdict: usize,
    pub(super) distribution: Vec<f64>,
}

/// How well one marker does on a part, with 95 % intervals of a bootstrap over answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkerResult {
    /// Who marks.
    pub marker: String,
    /// Share of answers with the known verdict, 0 to 1.
    pub accuracy: Estimate,
    /// Mean F1 of the verdicts, weighed by their frequency; only where all questions have one scale.
    pub weighted_f1: Option<Estimate>,
    /// Mean F1 of the verdicts; only where all questions have one scale.
    pub macro_f1: Option<Estimate>,
    /// Root of the mean squared error of the expected mark, in parts of the maximum.
    pub root_mean_squared_error: Option<Estimate>,
    /// Cohen's kappa with quadratic weights, of marks.
    pub quadratic_weighted_kappa: Option<Estimate>,
    /// Mean negative log likelihood of the known verdict, in nats.
    pub log_loss: f64,
    /// Expected calibration error of the most probable verdict, ten bins, 0 to 1.
    pub expected_calibration_error: f64,
    /// Brier score of the most probable verdict, 0 to 1.
    pub brier: f64,
}

/// What of a part could be marked automatically.
pub(super) fn automatic(judgement: &Judgement, judged: &[Judged<'_>]) -> Automatic {
    let threshold = |one: &Judged<'_>| judgement.confidence(one.question).threshold;
    let accepted: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|one| threshold(one).is_some_and(|least| least.accepts(one.confidence())))
        .collect();
    let right = accepted.iter().filter(|one| one.given() == one.verdict).count();
    let wanted = judged.iter().find_map(|one| Some(threshold(one)?.wanted.agreement));
    Automatic {
        share: accepted.len() as f64 / judged.len().max(1) as f64,
        agreement: (!accepted.is_empty()).then(|| right as f64 / accepted.len() as f64),
        wanted,
    }
}

impl Judged<'_> {
    /// The position of the most probable verdict.
    fn given(&self) -> usize {
        most_probable(&self.distribution).unwrap_or_default()
    }

    fn confidence(&self) -> f64 {
        self.distribution.get(self.given()).copied().unwrap_or_default()
    }
}

/// `None` without answers.
pub(super) fn measure(marker: &str, judged: &[Judged<'_>]) -> Option<MarkerResult> {
    let bootstrap = Bootstrap::default();
    let pairs: Vec<VerdictPair> = judged
        .iter()
        .enumerate()
        .map(|(cluster, one)| VerdictPair { reference: one.verdict, given: one.given(), cluster })
        .collect();
    let longest = judged.iter().map(|one| one.distribution.len()).max()?;
    let classes = classification(&pairs, longest, bootstrap)?;
    let first = judged.first()?.question.scale();
    let one_scale = judged.iter().all(|one| one.question.scale() == first);
    let forecasts: Vec<Forecast> =
        judged.iter().filter_map(|one| Forecast::new(&one.distribution, one.verdict)).collect();
    let predictions: Vec<Prediction> =
        judged.iter().map(|one| (one.confidence(), one.given() == one.verdict)).collect();
    Some(MarkerResult {
        marker: marker.to_owned(),
        accuracy: classes.accuracy,
        weighted_f1: one_scale.then_some(classes.weighted_f1),
        macro_f1: one_scale.then_some(classes.macro_f1),
        root_mean_squared_error: root_mean_squared_share_error(&expected(judged), bootstrap),
        quadratic_weighted_kappa: agreement(&mark_pairs(judged), bootstrap)?.quadratic_weighted_kappa,
        log_loss: negative_log_likelihood(&forecasts)?,
        expected_calibration_error: expected_calibration_error(&predictions)?,
        brier: brier_score(&predictions)?,
    })
}

fn expected(judged: &[Judged<'_>]) -> Vec<ExpectedMark> {
    let answers = judged.iter().enumerate().map(|(cluster, one)| {
        let scale = one.question.scale();
        ExpectedMark {
            reference: scale[one.verdict].marks,
            expected: expected_marks(&scale, &one.distribution),
            maximum: one.question.max_marks,
            cluster,
        }
    });
    answers.collect()
}

fn mark_pairs(judged: &[Judged<'_>]) -> Vec<MarkPair> {
    let answers = judged.iter().enumerate().map(|(cluster, one)| {
        let scale = one.question.scale();
        let marks = |position: usize| scale.get(position).map_or(Marks::ZERO, |verdict| verdict.marks);
        MarkPair {
            reference: marks(one.verdict),
            given: marks(one.given()),
            step: one.question.mark_step(),
            cluster,
        }
    });
    answers.collect()
}
