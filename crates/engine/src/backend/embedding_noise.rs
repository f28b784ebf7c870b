//! Noise on embeddings in training (NEFTune, Jain et al. 2023). The noise of a row is a function of the key
//! and of the tokens of its sequence up to and including its own, so it is the same wherever the sequence is
//! packed and whatever is packed beside it: sequences that begin alike share the noise of what they share,
//! whether its rows are computed once or for each of them.

use crate::batch::PackedBatch;
use crate::random::Random;

/// Uniform noise on the embeddings of one update's sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingNoise {
    /// Unique to the update within the run.
    pub key: u64,
    /// The noise is uniform between minus this and this.
    pub amplitude: f32,
}

impl EmbeddingNoise {
    /// Adds to the embeddings `[rows, width]` of a batch.
    pub(super) fn add(self, batch: &PackedBatch, embeddings: &mut [f32]) {
        let rows = batch.tokens.len().max(1);
        let width = embeddings.len() / rows;
        let prefixes = prefix_keys(self.key, batch);
        for (row, prefix) in embeddings.chunks_mut(width.max(1)).zip(prefixes) {
            let mut random = Random::new(&[prefix]);
            for value in row {
                *value += ((random.uniform() * 2.0 - 1.0) * f64::from(self.amplitude)) as f32;
            }
        }
    }
}

/// For each row a number that stands for the tokens of its sequence up to it.
fn prefix_keys(key: u64, batch: &PackedBatch) -> Vec<u64> {
    let mut keys = vec![key; batch.tokens.len()];
    for segment in &batch.segments {
        let before = segment.parent.and_then(|parent| batch.segments[parent].rows.clone().last());
        let mut prefix = before.map_or(key, |row| keys[row]);
        for row in segment.rows.clone() {
            prefix = Random::new(&[prefix, u64::from(batch.tokens[row])]).next_u64();
            keys[row] = prefix;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Label, Sequence};

    const WIDTH: usize = 6;

    fn sequence(tokens: Vec<u32>) -> Sequence {
        let position = tokens.len() - 1;
        Sequence { tokens, labels: vec![Label { position, token: 0, weight: 1.0 }] }
    }

    /// The noise of each sequence's rows when these are packed together, in order of position.
    fn noises(sequences: &[&Sequence], key: u64) -> Vec<Vec<f32>> {
        let batch = PackedBatch::pack(sequences);
        let mut values = vec![0.0; batch.tokens.len() * WIDTH];
        EmbeddingNoise { key, amplitude: 0.5 }.add(&batch, &mut values);
        let prefixes = batch.prefixes();
        let of_sequence = |index: usize| {
            let last = batch.labels.iter().find(|label| label.sequence == index).unwrap().row;
            let own = batch.segments.iter().position(|segment| segment.rows.contains(&last)).unwrap();
            let rows = prefixes[own].iter().cloned().flatten().chain(batch.segments[own].rows.start..=last);
            rows.flat_map(|row| values[row * WIDTH..][..WIDTH].to_vec()).collect()
        };
        (0..sequences.len()).map(of_sequence).collect()
    }

    #[test]
    fn the_noise_of_a_sequence_does_not_depend_on_its_company() {
        let question: Vec<u32> = (10..30).collect();
        let with = |tail: &[u32]| sequence([&question[..], tail].concat());
        let sequences = [with(&[1, 2, 3]), with(&[1, 4]), with(&[5]), sequence(vec![7, 8]), with(&[])];
        let references: Vec<&Sequence> = sequences.iter().collect();
        assert!(PackedBatch::pack(&references).tokens.len() < 40, "the question is shared");
        let together = noises(&references, 1);
        for (sequence, noise) in references.iter().zip(&together) {
            assert_eq!(noises(&[sequence], 1)[0], *noise);
            assert_eq!(noise.len(), sequence.tokens.len() * WIDTH);
        }
        let shared = 20 * WIDTH;
        assert_eq!(together[0][..shared], together[2][..shared]);
        assert_ne!(together[0][shared..][..WIDTH], together[2][shared..][..WIDTH]);
        assert_ne!(together[0], noises(&[&sequences[0]], 2)[0], "another update");
    }

    #[test]
    fn a_token_is_shaken_anew_at_each_position() {
        let noise = noises(&[&sequence(vec![3, 3, 3])], 1).remove(0);
        assert!(noise[..WIDTH] != noise[WIDTH..2 * WIDTH] && noise[WIDTH..2 * WIDTH] != noise[2 * WIDTH..]);
    }

    #[test]
    fn the_noise_is_uniform_between_its_bounds() {
        let noise = noises(&[&sequence((0..5000).collect())], 9).remove(0);
        let count = noise.len() as f32;
        let moment = |power: i32| noise.iter().map(|value| value.powi(power)).sum::<f32>() / count;
        assert!(noise.iter().all(|value| value.abs() <= 0.5));
        // Mean 0, variance 1/12, fourth moment 1/80, each within 4 standard errors.
        assert!(moment(1).abs() < 4.0 * (1.0 / 12.0 / count).sqrt(), "{}", moment(1));
        assert!((moment(2) - 1.0 / 12.0).abs() < 4.0 * (1.0 / 180.0 / count).sqrt(), "{}", moment(2));
        assert!((moment(4) - 1.0 / 80.0).abs() < 4.0 * (1.0 / 3600.0 / count).sqrt(), "{}", moment(4));
    }
}
