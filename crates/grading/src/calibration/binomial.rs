//! Confidence bounds of a share.

/// Halvings until the bound is known to far more than anyone reads.
const HALVINGS: usize = 50;

/// The one-sided lower bound (Clopper and Pearson 1934) of a share of which `successes` of `trials` were seen:
/// the least share at which as many are seen with at least probability `risk`. 0 without successes.
pub(super) fn lower_bound(successes: usize, trials: usize, risk: f64) -> f64 {
    if successes == 0 {
        return 0.0;
    }
    let binomial = BinomialTail::new(successes, trials);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if binomial.logarithm(middle) < risk.ln() {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The probability of at least so many successes, as a function of the share.
struct BinomialTail {
    successes: usize,
    trials: usize,
    /// Logarithm of the number of ways to draw the successes from the trials.
    ways: f64,
}

impl BinomialTail {
    fn new(successes: usize, trials: usize) -> Self {
        let failures = trials - successes;
        let ways = (1..=failures).map(|n| ((successes + n) as f64 / n as f64).ln()).sum();
        Self { successes, trials, ways }
    }

    /// Its natural logarithm. Terms beyond the first are summed relative to it: their sum overflows to
    /// infinity only where the probability is all but 1.
    fn logarithm(&self, share: f64) -> f64 {
        let failures = (self.trials - self.successes) as f64;
        let first = self.ways + self.successes as f64 * share.ln() + failures * (1.0 - share).ln();
        let (mut term, mut sum) = (1.0, 1.0);
        for successes in self.successes..self.trials {
            let odds = share / (1.0 - share);
            term *= (self.trials - successes) as f64 / (successes + 1) as f64 * odds;
            sum += term;
        }
        first + f64::ln(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_equal_those_of_exact_arithmetic() {
        // The same tail summed and bisected in exact fractions.
        for (successes, trials, risk, expected) in [
            (10, 10, 0.05, 0.741_134_4),
            (9, 10, 0.05, 0.605_836_6),
            (1, 10, 0.05, 0.005_116_2),
            (50, 100, 0.025, 0.398_321_1),
            (0, 10, 0.05, 0.0),
        ] {
            let bound = lower_bound(successes, trials, risk);
            assert!((bound - expected).abs() < 1e-6, "{successes} of {trials}: {bound}");
        }
    }

    #[test]
    fn thousands_of_trials_neither_overflow_nor_lose_the_bound() {
        // Near the normal approximation, .9 - 1.645 · √(.9 · .1 / 20,000) = .8965.
        let bound = lower_bound(18_000, 20_000, 0.05);
        assert!((0.8963..0.8967).contains(&bound), "{bound}");
        assert!(lower_bound(1, 20_000, 0.05) > 0.0);
    }
}
