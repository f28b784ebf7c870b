//! From the last hidden states to the probabilities of the labels: final norm, output projection and
//! cross-entropy, over the rows that carry labels only and a few of them at a time, so that the logits
//! of a whole batch never exist at once.

use candle_core::backprop::GradStore;
use candle_core::{D, Result, Tensor};

use super::frozen;
use super::norm::RmsNorm;
use super::placement::Placement;
use super::stage::differentiate;
use super::weights::WeightSource;
use crate::backend::BackendError;
use crate::batch::PackedLabel;
use crate::config::{FINAL_NORM, ModelConfig};

/// Rows whose logits exist at one time.
const ROWS: usize = 64;

pub(super) struct Head {
    norm: RmsNorm,
    /// `[vocabulary, hidden]`.
    projection: Tensor,
}

/// Rows of a batch with all of their labels.
struct Chunk<'a> {
    /// Without repetition, ascending.
    rows: Vec<u32>,
    labels: &'a [PackedLabel],
}

impl Head {
    pub(super) fn new(
        config: &ModelConfig,
        weights: &WeightSource<'_>,
    ) -> std::result::Result<Self, BackendError> {
        let norm = RmsNorm::new(weights.take(FINAL_NORM)?, config.rms_norm_epsilon);
        Ok(Self { norm, projection: weights.take(config.output_projection())? })
    }

    /// `[rows, hidden]` gives `[rows, vocabulary]`. For a few rows only.
    pub(super) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        frozen::project(&self.norm.forward(hidden)?, &self.projection)
    }

    /// Logarithms of the probabilities of the labels, in their order. Labels are ordered by row of
    /// `hidden`, `[rows, hidden]`.
    pub(super) fn log_probabilities(&self, hidden: &Tensor, labels: &[PackedLabel]) -> Result<Tensor> {
        let each = chunks(labels).map(|chunk| self.of_chunk(&chunk.of(hidden)?, &chunk));
        Tensor::cat(&each.collect::<Result<Vec<_>>>()?, 0)
    }

    /// As [`Self::log_probabilities`], with the gradient of `scale · Σ weight · -ln p(label)` with
    /// respect to `hidden`. `collect` is given the gradients of each chunk.
    pub(super) fn backward(
        &self,
        hidden: &Tensor,
        labels: &[PackedLabel],
        scale: f64,
        mut collect: impl FnMut(&GradStore) -> Result<()>,
    ) -> Result<(Tensor, Tensor)> {
        let (mut log_probabilities, mut d_rows) = (Vec::new(), Vec::new());
        for chunk in chunks(labels) {
            let weights = chunk.labels.iter().map(|label| -scale * f64::from(label.weight));
            let weights: Vec<f64> = weights.collect();
            let d_output = Placement::of(hidden).tensor(weights, chunk.labels.len())?;
            let stage = differentiate(&chunk.of(hidden)?, &d_output, |x| self.of_chunk(x, &chunk))?;
            collect(&stage.gradients)?;
            log_probabilities.push(stage.output);
            d_rows.push(stage.d_input);
        }
        let rows: Vec<u32> = chunks(labels).flat_map(|chunk| chunk.rows).collect();
        let rows = Placement::of(hidden).index(&rows)?;
        let d_hidden = hidden.zeros_like()?.index_add(&rows, &Tensor::cat(&d_rows, 0)?, 0)?;
        Ok((Tensor::cat(&log_probabilities, 0)?, d_hidden))
    }

    /// `x`: the hidden states of the chunk's rows.
    fn of_chunk(&self, x: &Tensor, chunk: &Chunk<'_>) -> Result<Tensor> {
        let logits = self.logits(x)?;
        let highest = logits.detach().max_keepdim(D::Minus1)?;
        let shifted = frozen::add(&logits, &highest.neg()?)?;
        let log_sums = shifted.exp()?.sum(D::Minus1)?.log()?;

        let vocabulary = logits.dim(1)? as u32;
        let row = |label: &PackedLabel| chunk.rows.partition_point(|row| (*row as usize) < label.row) as u32;
        let rows: Vec<u32> = chunk.labels.iter().map(row).collect();
        let cells = rows.iter().zip(chunk.labels).map(|(row, label)| row * vocabulary + label.token);
        let cells: Vec<u32> = cells.collect();
        let place = Placement::of(x);
        let picked = shifted.flatten_all()?.index_select(&place.index(&cells)?, 0)?;
        picked - log_sums.index_select(&place.index(&rows)?, 0)?
    }
}

impl Chunk<'_> {
    /// The chunk's rows of `[rows, width]`.
    fn of(&self, hidden: &Tensor) -> Result<Tensor> {
        hidden.index_select(&Placement::of(hidden).index(&self.rows)?, 0)
    }
}

/// Cuts labels, ordered by row, after every [`ROWS`] rows.
fn chunks(labels: &[PackedLabel]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = labels;
    std::iter::from_fn(move || {
        let mut rows: Vec<u32> = Vec::new();
        let fits = |label: &&PackedLabel| {
            let row = label.row as u32;
            if rows.last() != Some(&row) {
                rows.push(row);
            }
            rows.len() <= ROWS
        };
        let count = rest.iter().take_while(fits).count();
        rows.truncate(ROWS);
        let (labels, after) = rest.split_at(count);
        rest = after;
        (count > 0).then_some(Chunk { rows, labels })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_holds_all_labels_of_a_few_rows_and_the_chunks_hold_every_label() {
        let label = |index: usize| PackedLabel {
            row: index / 3 * 2,
            token: index as u32,
            weight: 1.0,
            sequence: 0,
            label: index,
        };
        let labels: Vec<PackedLabel> = (0..3 * (2 * ROWS + 5)).map(label).collect();
        let chunks: Vec<Chunk<'_>> = chunks(&labels).collect();
        assert_eq!(chunks.iter().map(|chunk| chunk.rows.len()).collect::<Vec<_>>(), [ROWS, ROWS, 5]);
        assert_eq!(chunks.iter().map(|chunk| chunk.labels.len()).collect::<Vec<_>>(), [192, 192, 15]);
        let all: Vec<u32> = chunks.iter().flat_map(|chunk| chunk.labels).map(|label| label.token).collect();
        assert!(all.iter().enumerate().all(|(index, token)| index as u32 == *token));
        for chunk in &chunks {
            assert!(chunk.labels.iter().all(|label| chunk.rows.contains(&(label.row as u32))));
        }
    }

    #[test]
    fn the_projection_and_the_norm_get_no_gradient() {
        let random = |shape: &[usize]| Tensor::randn(0_f32, 1.0, shape, &candle_core::Device::Cpu).unwrap();
        let head = Head { norm: RmsNorm::new(random(&[4]), 1e-5), projection: random(&[9, 4]) };
        let labels = [(0, 3), (0, 8), (2, 1)].map(|(row, token)| PackedLabel {
            row,
            token,
            weight: 1.0,
            sequence: 0,
            label: 0,
        });
        let chunk = chunks(&labels).next().unwrap();
        let (hidden, d_output) = (chunk.of(&random(&[3, 4])).unwrap(), random(&[3]));
        let stage = differentiate(&hidden, &d_output, |x| head.of_chunk(x, &chunk)).unwrap();
        assert_eq!(stage.d_input.dims(), [2, 4]);
        assert_eq!(stage.gradients.get_ids().count(), 0, "a gradient of something frozen was built");
    }
}
