//! How well one marker does on a part, with 95 % intervals of a bootstrap over answers.

use gradus_domain::Marks;
use gradus_grading::guide::{Question, Verdict};
use gradus_grading::judgement::{Judgement, most_probable};
use gradus_grading::metrics::{
    Bootstrap, ExpectedMark, Forecast, MarkPair, VerdictPair, agreement, classification, expected_marks,
    negative_log_likelihood, root_mean_squared_share_error,
};
use gradus_report::data::{MarkerResult, VerdictConfusion};

use crate::marking::Ruling;
use crate::reporting::trust::{Outcome, confidence_scores};

/// An answer with its verdict and what a marker makes of it.
pub(super) struct Judged<'a> {
    pub(super) question: &'a Question,
    /// The question's scale.
    pub(super) scale: Vec<Verdict>,
    /// The position of the known verdict.
    pub(super) verdict: usize,
    /// The known mark, which may lie between two verdicts.
    pub(super) mark: Marks,
    /// What the marker makes of it.
    pub(super) ruling: Ruling,
}

impl Judged<'_> {
    /// The position of the most probable verdict.
    fn given(&self) -> usize {
        most_probable(&self.ruling.distribution).unwrap_or_default()
    }
}

/// What became of each verdict.
pub(super) fn outcomes(judgement: Option<&Judgement>, judged: &[Judged<'_>]) -> Vec<Outcome> {
    let outcomes = judged.iter().enumerate().map(|(cluster, one)| {
        let given = one.given();
        Outcome {
            confidence: one.ruling.distribution.get(given).copied().unwrap_or_default(),
            right: given == one.verdict,
            automatic: one.ruling.automatic,
            seen_question: judgement.is_some_and(|judgement| judgement.has_marked_answers(one.question)),
            cluster,
        }
    });
    outcomes.collect()
}

/// `None` without answers.
pub(super) fn measure(name: &str, judged: &[Judged<'_>]) -> Option<MarkerResult> {
    let bootstrap = Bootstrap::default();
    let numbered = || judged.iter().enumerate();
    let pairs: Vec<VerdictPair> = numbered()
        .map(|(cluster, one)| VerdictPair { reference: one.verdict, given: one.given(), cluster })
        .collect();
    let longest = judged.iter().map(|one| one.scale.len()).max()?;
    let classes = classification(&pairs, longest, bootstrap)?;
    let expected: Vec<ExpectedMark> = numbered()
        .map(|(cluster, one)| ExpectedMark {
            reference: one.mark,
            expected: expected_marks(&one.scale, &one.ruling.distribution),
            maximum: one.question.max_marks,
            cluster,
        })
        .collect();
    let marks: Vec<MarkPair> = numbered()
        .map(|(cluster, one)| MarkPair {
            reference: one.mark,
            given: one.scale[one.given()].marks,
            step: one.question.mark_step(),
            cluster,
        })
        .collect();
    let forecasts: Vec<Forecast> =
        judged.iter().filter_map(|one| Forecast::new(&one.ruling.distribution, one.verdict)).collect();
    let scores = confidence_scores(&outcomes(None, judged))?;
    let one_scale = has_one_scale(judged);
    Some(MarkerResult {
        name: name.to_owned(),
        accuracy: classes.accuracy,
        weighted_f1: one_scale.then_some(classes.weighted_f1),
        macro_f1: one_scale.then_some(classes.macro_f1),
        root_mean_squared_error: root_mean_squared_share_error(&expected, bootstrap)?,
        quadratic_weighted_kappa: agreement(&marks, bootstrap)?.quadratic_weighted_kappa,
        log_loss: negative_log_likelihood(&forecasts)?,
        expected_calibration_error: scores.expected_calibration_error,
        brier: scores.brier,
    })
}

fn has_one_scale(judged: &[Judged<'_>]) -> bool {
    judged.windows(2).all(|pair| pair[0].scale == pair[1].scale)
}

/// Which verdicts were given for which; `None` where questions have different scales.
pub(super) fn confusion(marker: &str, judged: &[Judged<'_>]) -> Option<VerdictConfusion> {
    let scale = &judged.first().filter(|_| has_one_scale(judged))?.scale;
    let mut counts = vec![vec![0; scale.len()]; scale.len()];
    judged.iter().for_each(|one| counts[one.verdict][one.given()] += 1);
    let names = scale.iter().map(|verdict| verdict.name.clone()).collect();
    Some(VerdictConfusion { marker: marker.to_owned(), names, counts })
}
