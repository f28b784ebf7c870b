//! The log-linear pool: weights on the logarithms of probabilities, fitted to the least log loss.

use super::BlendExample;
use crate::metrics::normalise;

/// Stands for smaller probabilities, so that one source's zero cannot silence all others.
const LEAST_PROBABILITY: f64 = 1e-6;
/// Half of this, times the squared distance of the weights from the language model alone, is added to the log loss
/// of all answers: as if some tens of answers had spoken for it.
const PENALTY: f64 = 10.0;
const MAX_SWEEPS: usize = 200;
/// The search ends where no weight moves by more.
const TOLERANCE: f64 = 1e-6;

/// `softmax(Σ_s w_s log p_s)` over the verdicts of one scale.
pub(super) fn pooled<D: AsRef<[f64]>>(weights: &[f64], sources: &[D]) -> Vec<f64> {
    let logs: Vec<Vec<f64>> = sources.iter().map(|source| logarithms(source.as_ref())).collect();
    pooled_logarithms(weights, &logs)
}

/// Of the verdict given, in nats.
pub(super) fn log_loss(weights: &[f64], example: &BlendExample) -> f64 {
    -pooled(weights, &example.sources)[example.verdict].max(f64::MIN_POSITIVE).ln()
}

fn logarithms(distribution: &[f64]) -> Vec<f64> {
    distribution.iter().map(|probability| probability.max(LEAST_PROBABILITY).ln()).collect()
}

fn pooled_logarithms(weights: &[f64], logs: &[Vec<f64>]) -> Vec<f64> {
    let mut pooled = vec![0.0; logs.first().map_or(0, Vec::len)];
    for (weight, logs) in weights.iter().zip(logs) {
        pooled.iter_mut().zip(logs).for_each(|(sum, log)| *sum += weight * log);
    }
    normalise(&mut pooled);
    pooled
}

/// Answers to fit weights to: each source's logarithms, and the verdict given.
pub(super) struct Pool(Vec<(Vec<Vec<f64>>, usize)>);

/// What the penalised log loss does along one weight.
struct Slope {
    first: f64,
    /// Above 0: the loss is convex, and the penalty makes it strictly so.
    second: f64,
}

impl Pool {
    pub(super) fn of(examples: &[&BlendExample]) -> Self {
        let prepared = |example: &&BlendExample| {
            (example.sources.iter().map(|source| logarithms(source)).collect(), example.verdict)
        };
        Self(examples.iter().map(prepared).collect())
    }

    /// The weights of least penalised log loss, none below 0: one weight after the other by Newton's method, halving
    /// a step that does not lower the loss.
    pub(super) fn fitted(&self, alone: &[f64]) -> Vec<f64> {
        let mut weights = alone.to_vec();
        let mut loss = self.loss(&weights, alone);
        for _ in 0..MAX_SWEEPS {
            let mut farthest = 0.0_f64;
            for source in 0..weights.len() {
                let slope = self.slope(&weights, alone, source);
                let mut step = -slope.first / slope.second;
                for _ in 0..20 {
                    let mut moved = weights.clone();
                    moved[source] = (weights[source] + step).max(0.0);
                    let moved_loss = self.loss(&moved, alone);
                    if moved_loss <= loss {
                        farthest = farthest.max((moved[source] - weights[source]).abs());
                        (weights, loss) = (moved, moved_loss);
                        break;
                    }
                    step /= 2.0;
                }
            }
            if farthest <= TOLERANCE {
                break;
            }
        }
        weights
    }

    fn loss(&self, weights: &[f64], alone: &[f64]) -> f64 {
        let distances = weights.iter().zip(alone).map(|(weight, alone)| weight - alone);
        let penalty: f64 = distances.map(|distance| 0.5 * PENALTY * distance * distance).sum();
        let losses = self
            .0
            .iter()
            .map(|(logs, verdict)| -pooled_logarithms(weights, logs)[*verdict].max(f64::MIN_POSITIVE).ln());
        penalty + losses.sum::<f64>()
    }

    /// The first derivative of an answer's loss is the mean of the source's logarithms under the pool less that of
    /// the verdict given; the second is their variance.
    fn slope(&self, weights: &[f64], alone: &[f64], source: usize) -> Slope {
        let mut slope = Slope { first: PENALTY * (weights[source] - alone[source]), second: PENALTY };
        for (logs, verdict) in &self.0 {
            let pooled = pooled_logarithms(weights, logs);
            let expectation = |of: &dyn Fn(f64) -> f64| -> f64 {
                pooled.iter().zip(&logs[source]).map(|(probability, log)| probability * of(*log)).sum()
            };
            let mean = expectation(&|log| log);
            slope.first += mean - logs[source][*verdict];
            slope.second += expectation(&|log| (log - mean) * (log - mean));
        }
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_multiplies_powers_of_probabilities() {
        let pooled = pooled(&[1.0, 0.5], &[[0.5, 0.5], [0.8, 0.2]]);
        // 0.5 * sqrt(0.8) against 0.5 * sqrt(0.2) is 2 to 1.
        assert!((pooled[0] - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn no_weight_beside_the_fitted_ones_loses_less() {
        let mut random = crate::metrics::random::SplitMix64::new(3);
        let mut share = || 0.05 + 0.9 * random.below(1000) as f64 / 1000.0;
        let examples: Vec<BlendExample> = (0..200)
            .map(|number| {
                let (one, two, three) = (share(), share(), share());
                let verdict = usize::from(share() < 0.6 * one + 0.4 * two);
                let sources = [one, two, three].map(|share| vec![1.0 - share, share]).to_vec();
                BlendExample { sources, verdict, marked_question: true, cluster: number }
            })
            .collect();
        let pool = Pool::of(&examples.iter().collect::<Vec<_>>());
        let alone = [1.0, 0.0, 0.0];
        let weights = pool.fitted(&alone);
        let least = pool.loss(&weights, &alone);
        for source in 0..3 {
            for step in [-0.02, 0.02] {
                let mut moved = weights.clone();
                moved[source] = (moved[source] + step).max(0.0);
                assert!(pool.loss(&moved, &alone) >= least, "{weights:?}, source {source}, {step}");
            }
        }
        assert!(weights.iter().all(|weight| *weight >= 0.0) && least < pool.loss(&alone, &alone));
    }
}
