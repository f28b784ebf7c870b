//! Temperature scaling (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML
//! 2017): one number that makes every distribution flatter or sharper and leaves the order of its verdicts.

use serde::{Deserialize, Serialize};

use crate::metrics::{Forecast, LEAST_PROBABILITY, negative_log_likelihood, normalise};

/// Fewer validation answers than this say too little, even pulled towards 1.
const LEAST_ANSWERS: usize = 10;
/// The natural logarithm of the temperature lies between minus this and this.
const LOGARITHM_LIMIT: f64 = 3.0;
/// The logarithm is found to this, so that platforms whose `exp` differs in the last bit agree.
const LOGARITHM_STEP: f64 = 1e-4;
/// Steps over the whole range before the search narrows.
const SCAN_STEPS: i32 = 24;
/// A third of the golden section's range is dropped so often that less than the step is left.
const NARROWING_STEPS: usize = 25;

/// A temperature and what it did to the validation answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Probabilities are raised to the power of its inverse: above 1 makes them flatter. Above 0.
    pub value: f64,
    /// How many validation answers it was fitted on; 0 where it was not fitted.
    pub answers: usize,
    /// Mean negative log likelihood of these answers before, in nats.
    pub log_loss_before: f64,
    /// And with this temperature.
    pub log_loss_after: f64,
}

/// Why no temperature was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{answers} validation answers with a choice of verdicts are too few to calibrate confidences: have at \
     least {LEAST_ANSWERS} marked answers for validation"
)]
pub struct TooFewAnswers {
    /// How many there were.
    pub answers: usize,
}

impl Temperature {
    /// Leaves every distribution as it is.
    pub const NEUTRAL: Self = Self { value: 1.0, answers: 0, log_loss_before: 0.0, log_loss_after: 0.0 };

    /// The temperature with the least log loss on validation answers. It is pulled towards 1 as if by one more
    /// answer (a normal prior of width 1 on its logarithm), which matters where there are few of them or
    /// where all are right.
    ///
    /// # Errors
    /// Where fewer than ten of the answers have a scale of at least two verdicts.
    pub fn fit(forecasts: &[Forecast]) -> Result<Self, TooFewAnswers> {
        let open: Vec<Forecast> =
            forecasts.iter().filter(|forecast| forecast.probabilities().len() > 1).cloned().collect();
        if open.len() < LEAST_ANSWERS {
            return Err(TooFewAnswers { answers: open.len() });
        }
        let log_loss = |value: f64| negative_log_likelihood(&calibrated(&open, value)).unwrap_or_default();
        let logarithm =
            minimum(|logarithm| log_loss(logarithm.exp()) * open.len() as f64 + logarithm * logarithm / 2.0);
        let value = logarithm.exp();
        Ok(Self {
            value,
            answers: open.len(),
            log_loss_before: log_loss(1.0),
            log_loss_after: log_loss(value),
        })
    }

    /// The calibrated distribution, which adds up to 1; of any length.
    pub fn apply(&self, probabilities: &[f64]) -> Vec<f64> {
        scaled(probabilities, self.value)
    }
}

fn calibrated(forecasts: &[Forecast], temperature: f64) -> Vec<Forecast> {
    let calibrate =
        |forecast: &Forecast| Forecast::new(&scaled(forecast.probabilities(), temperature), forecast.right());
    forecasts.iter().filter_map(calibrate).collect()
}

/// `p^(1/T)`, made to add up to 1. In logarithms from the largest down, so that nothing underflows to nothing.
fn scaled(probabilities: &[f64], temperature: f64) -> Vec<f64> {
    let mut scaled: Vec<f64> =
        probabilities.iter().map(|p| p.max(LEAST_PROBABILITY).ln() / temperature).collect();
    normalise(&mut scaled);
    scaled
}

/// Where a function on `-LOGARITHM_LIMIT..=LOGARITHM_LIMIT` is least: a scan for the right valley, then a
/// golden-section search (Kiefer 1953) within it.
fn minimum(function: impl Fn(f64) -> f64) -> f64 {
    let width = 2.0 * LOGARITHM_LIMIT / f64::from(SCAN_STEPS);
    let scanned = (0..=SCAN_STEPS).map(|step| f64::from(step) * width - LOGARITHM_LIMIT);
    let lowest = scanned.map(|at| (at, function(at))).min_by(|a, b| a.1.total_cmp(&b.1));
    let centre = lowest.map_or(0.0, |(at, _)| at);
    let (mut low, mut high) = ((centre - width).max(-LOGARITHM_LIMIT), (centre + width).min(LOGARITHM_LIMIT));
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..NARROWING_STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if function(left) <= function(right) {
            high = right;
        } else {
            low = left;
        }
    }
    ((low + high) / 2.0 / LOGARITHM_STEP).round() * LOGARITHM_STEP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::SplitMix64;
    use crate::metrics::{Prediction, expected_calibration_error};

    fn uniform(random: &mut SplitMix64) -> f64 {
        (random.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Distributions over two to five verdicts that state the truth, of which the right verdict is drawn, and
    /// are then made too sharp by raising them to `sharpness`.
    fn overconfident(count: usize, sharpness: f64, random: &mut SplitMix64) -> Vec<Forecast> {
        let one = |random: &mut SplitMix64| {
            let weights: Vec<f64> =
                (0..2 + random.below(4)).map(|_| uniform(random).powi(3) + 0.01).collect();
            let truth = scaled(&weights, 1.0);
            let (mut drawn, mut right) = (uniform(random), 0);
            while right + 1 < truth.len() && drawn > truth[right] {
                drawn -= truth[right];
                right += 1;
            }
            Forecast::new(&scaled(&truth, 1.0 / sharpness), right).unwrap()
        };
        (0..count).map(|_| one(random)).collect()
    }

    fn calibration_error(forecasts: &[Forecast]) -> f64 {
        let prediction = |forecast: &Forecast| -> Prediction {
            let all = forecast.probabilities().iter().copied().enumerate();
            let (chosen, confidence) = all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            (confidence, chosen == forecast.right())
        };
        let predictions: Vec<Prediction> = forecasts.iter().map(prediction).collect();
        expected_calibration_error(&predictions).unwrap()
    }

    #[test]
    fn the_temperature_that_made_distributions_too_sharp_is_found_and_undone() {
        let mut random = SplitMix64::new(11);
        for sharpness in [0.5, 1.0, 2.5] {
            let fitted = Temperature::fit(&overconfident(2000, sharpness, &mut random)).unwrap();
            let ratio = fitted.value / sharpness;
            assert!((0.9..1.1).contains(&ratio), "{sharpness}: {}", fitted.value);
            assert!(fitted.log_loss_after <= fitted.log_loss_before);
            let test = overconfident(4000, sharpness, &mut random);
            let error = calibration_error(&calibrated(&test, fitted.value));
            assert!(error < 0.03, "{sharpness}: {error}");
        }
        let sharp = overconfident(4000, 2.5, &mut random);
        assert!(calibration_error(&sharp) > 0.1);
    }

    #[test]
    fn few_answers_that_are_all_right_do_not_make_the_model_certain() {
        let right = vec![Forecast::new(&[0.2, 0.8], 1).unwrap(); 10];
        let fitted = Temperature::fit(&right).unwrap();
        let certainty = fitted.apply(&[0.2, 0.8])[1];
        assert!((0.85..0.99).contains(&certainty), "{certainty} at {}", fitted.value);
    }

    #[test]
    fn too_few_answers_with_a_choice_are_refused() {
        let mut answers = vec![Forecast::new(&[0.2, 0.8], 1).unwrap(); 9];
        answers.extend(vec![Forecast::new(&[1.0], 0).unwrap(); 100]);
        assert_eq!(Temperature::fit(&answers), Err(TooFewAnswers { answers: 9 }));
    }

    #[test]
    fn extreme_distributions_stay_distributions_in_the_same_order() {
        for value in [0.05, 1.0, 20.0] {
            let temperature = Temperature { value, ..Temperature::NEUTRAL };
            let scaled = temperature.apply(&[0.0, 1e-300, 0.4, 0.6]);
            assert!((scaled.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{scaled:?}");
            assert!(scaled.is_sorted() && scaled.iter().all(|p| p.is_finite()), "{scaled:?}");
        }
        assert_eq!(Temperature::NEUTRAL.apply(&[]), [0.0; 0]);
    }

    #[test]
    fn a_fitted_temperature_survives_being_stored() {
        let fitted = Temperature::fit(&overconfident(50, 2.0, &mut SplitMix64::new(5))).unwrap();
        let stored = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<Temperature>(&stored).unwrap(), fitted);
    }
}
