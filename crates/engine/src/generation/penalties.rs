//! What is added to logits before a token is chosen: penalties for what was generated already, and biases.

use std::collections::BTreeMap;

use super::GenerationOptions;

/// How often each token was generated, as far as penalties ask for it.
#[derive(Debug, Default)]
pub(super) struct Penalties {
    counts: BTreeMap<u32, u32>,
}

impl Penalties {
    /// Takes note of a token that was generated.
    pub(super) fn count(&mut self, token: u32, options: &GenerationOptions) {
        if options.presence_penalty != 0.0 || options.frequency_penalty != 0.0 {
            *self.counts.entry(token).or_default() += 1;
        }
    }

    /// Changes the logits and returns those that it changed, as they were. A token that the model does not
    /// have is passed over.
    pub(super) fn apply(&self, logits: &mut [f32], options: &GenerationOptions) -> Vec<(u32, f32)> {
        let penalties = self.counts.iter().map(|(token, count)| {
            (*token, -options.presence_penalty - f64::from(*count) * options.frequency_penalty)
        });
        let biases = options.logit_bias.iter().map(|(token, bias)| (*token, *bias));
        let mut original = Vec::new();
        for (token, change) in penalties.chain(biases) {
            if let Some(logit) = logits.get_mut(token as usize) {
                original.push((token, *logit));
                *logit = (f64::from(*logit) + change) as f32;
            }
        }
        original
    }
}

/// Takes the changes back: a token is as probable as the model holds it, whatever else it was chosen by.
pub(super) fn restore(logits: &mut [f32], original: Vec<(u32, f32)>) {
    for (token, logit) in original.into_iter().rev() {
        logits[token as usize] = logit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_counts_once_and_frequency_each_time() {
        let options =
            GenerationOptions { presence_penalty: 0.5, frequency_penalty: 0.25, ..Default::default() };
        let mut penalties = Penalties::default();
        for token in [1, 1, 1, 2] {
            penalties.count(token, &options);
        }
        let mut logits = [1.0; 4];
        let original = penalties.apply(&mut logits, &options);
        assert_eq!(logits, [1.0, -0.25, 0.25, 1.0]);
        restore(&mut logits, original);
        assert_eq!(logits, [1.0; 4]);
    }

    #[test]
    fn a_bias_moves_its_token_alone_and_one_beyond_the_vocabulary_nothing() {
        let logit_bias = BTreeMap::from([(0, -100.0), (2, 3.5), (9, 1.0)]);
        let options = GenerationOptions { logit_bias, ..Default::default() };
        let mut logits = [1.0, 2.0, f32::NEG_INFINITY];
        Penalties::default().apply(&mut logits, &options);
        assert_eq!(logits, [-99.0, 2.0, f32::NEG_INFINITY]);
    }
}
