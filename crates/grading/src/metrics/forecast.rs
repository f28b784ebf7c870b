//! Whole distributions over a question's scale against the verdict that was right.

/// The least probability that counts, so that one verdict ruled out in error does not make a score infinite.
pub(crate) const LEAST_PROBABILITY: f64 = 1e-12;

/// What was thought probable of an answer, and which verdict was right.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    probabilities: Vec<f64>,
    right: usize,
}

impl Forecast {
    /// A distribution over the verdicts of a scale, scaled to add up to 1, and the position of the right one.
    /// `None` where the position is not on the scale, or the numbers are no distribution (one that is negative
    /// or not finite, or none above 0).
    pub fn new(probabilities: &[f64], right: usize) -> Option<Self> {
        let sum: f64 = probabilities.iter().sum();
        let valid = probabilities.iter().all(|probability| *probability >= 0.0);
        let normalised = || probabilities.iter().map(|probability| probability / sum).collect();
        (right < probabilities.len() && valid && sum.is_finite() && sum > 0.0)
            .then(|| Self { probabilities: normalised(), right })
    }

    /// In the order of the scale; adds up to 1.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// The right verdict's position.
    pub fn right(&self) -> usize {
        self.right
    }
}

/// Turns logits into probabilities and returns the logarithm of their normaliser.
pub(crate) fn normalise(logits: &mut [f64]) -> f64 {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - highest).exp());
    let sum: f64 = logits.iter().sum();
    logits.iter_mut().for_each(|share| *share /= sum);
    highest + sum.ln()
}

/// The mean negative logarithm of the right verdict's probability, in nats (Good 1952); 0 is perfect.
/// Probabilities below 1e-12 count as that. `None` without forecasts.
pub fn negative_log_likelihood(forecasts: &[Forecast]) -> Option<f64> {
    let loss = |forecast: &Forecast| -forecast.probabilities[forecast.right].max(LEAST_PROBABILITY).ln();
    let total: f64 = forecasts.iter().map(loss).sum();
    (!forecasts.is_empty()).then(|| total / forecasts.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_loss_is_that_of_the_definition() {
        // -(ln .5 + ln .6) / 2
        let forecasts =
            [Forecast::new(&[0.2, 0.5, 0.3], 1).unwrap(), Forecast::new(&[6.0, 1.0, 3.0], 0).unwrap()];
        let log_loss = negative_log_likelihood(&forecasts).unwrap();
        assert!((log_loss - 0.601_986_402_2).abs() < 1e-9, "{log_loss}");
        assert_eq!(negative_log_likelihood(&[]), None);
    }

    #[test]
    fn a_right_verdict_that_was_ruled_out_costs_much_but_not_everything() {
        let ruled_out = Forecast::new(&[1.0, 0.0], 1).unwrap();
        assert!((27.0..28.0).contains(&negative_log_likelihood(&[ruled_out]).unwrap()));
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        for numbers in [&[][..], &[0.0, 0.0], &[1.5, -0.5], &[f64::NAN, 1.0], &[f64::INFINITY, 1.0]] {
            assert_eq!(Forecast::new(numbers, 0), None, "{numbers:?}");
        }
        assert_eq!(Forecast::new(&[1.0], 1), None);
    }
}
