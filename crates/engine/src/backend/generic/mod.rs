//! The generic backend: candle tensors and autograd, for any device that candle has. The readable
//! reference: every operation is a small module, and one layer at a time is differentiated while its
//! activations are computed again.

mod attention;
mod embedding;
mod feed_forward;
mod frozen;
mod head;
mod layer;
mod linear;
mod lora;
mod mask;
mod norm;
mod placement;
mod reader;
mod rotary;
mod stage;
mod weights;

pub use candle_core::Device;
use candle_core::{DType, Tensor};

use super::{Backend, BackendError, CachedModel, Dropout, check_batch};
use crate::adapter::Adapter;
use crate::batch::{PackedBatch, PackedLabel};
use crate::config::ModelConfig;
use crate::files::Weights;
use embedding::Embedding;
use head::Head;
use layer::Layer;
use lora::LayerLora;
use norm::RmsNorm;
use placement::{Placement, values};
use rotary::Rotation;
use stage::differentiate;
use weights::WeightTensors;

/// The type of every number that the generic backend computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    Single,
    /// f64: slow, for tests that compare gradients with differences of the loss.
    Double,
}

/// A decoder of candle tensors.
pub struct GenericBackend {
    config: ModelConfig,
    placement: Placement,
    embedding: Embedding,
    layers: Vec<Layer>,
    head: Head,
}

/// What stays the same through all the layers of one pass.
struct Rows {
    rotation: Rotation,
    /// Added to attention scores, `[rows, keys]`.
    mask: Tensor,
    dropout: Option<Dropout>,
}

/// What the operations of one layer need besides their input.
#[derive(Clone, Copy)]
struct Pass<'a> {
    rows: &'a Rows,
    lora: &'a LayerLora,
}

impl GenericBackend {
    /// Takes the model's weights out of `weights` and puts them on the device.
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape than the configuration says, or the device has too
    /// little memory.
    pub fn new(
        config: ModelConfig,
        weights: Weights,
        device: Device,
        precision: Precision,
    ) -> Result<Self, BackendError> {
        let dtype = match precision {
            Precision::Single => DType::F32,
            Precision::Double => DType::F64,
        };
        let placement = Placement { device, dtype };
        let mut weights = WeightTensors { weights, placement: placement.clone() };
        let table = weights.take("model.embed_tokens.weight")?;
        let layers = (0..config.layers).map(|index| Layer::new(&config, index, &mut weights));
        let layers = layers.collect::<Result<_, BackendError>>()?;
        let norm = RmsNorm::new(weights.take("model.norm.weight")?, config.rms_norm_epsilon);
        let projection =
            if config.tie_word_embeddings { table.clone() } else { weights.take("lm_head.weight")? };
        let head = Head { norm, projection };
        Ok(Self { config, placement, embedding: Embedding { table }, layers, head })
    }

    /// `Σ weight * -ln p(label)` under dropout, without gradients: what
    /// [`Backend::accumulate_gradients`] returns, and differentiates.
    ///
    /// # Errors
    /// As [`Backend::accumulate_gradients`].
    pub fn loss(
        &self,
        batch: &PackedBatch,
        adapter: &Adapter,
        dropout: Option<Dropout>,
    ) -> Result<f64, BackendError> {
        if batch.labels.is_empty() {
            return Ok(0.0);
        }
        let hidden = self.forward(batch, Some(adapter), dropout)?;
        Ok(loss(&batch.labels, &values(&self.head.log_probabilities(&hidden, &batch.labels)?)?))
    }

    fn rows(
        &self,
        positions: &[u32],
        mask: Vec<f64>,
        dropout: Option<Dropout>,
    ) -> Result<Rows, BackendError> {
        let shape = (positions.len(), mask.len() / positions.len());
        Ok(Rows {
            rotation: Rotation::new(&self.config.rope_inverse_frequencies(), positions, &self.placement)?,
            mask: self.placement.tensor(mask, shape)?,
            dropout: dropout.filter(|dropout| dropout.probability > 0.0),
        })
    }

    fn rows_of_batch(&self, batch: &PackedBatch, dropout: Option<Dropout>) -> Result<Rows, BackendError> {
        check_batch(&self.config, batch)?;
        self.rows(&batch.positions, mask::of_batch(batch, self.config.sliding_window), dropout)
    }

    fn loras(&self, adapter: Option<&Adapter>) -> Result<Vec<LayerLora>, BackendError> {
        Ok(match adapter {
            Some(adapter) => LayerLora::of_layers(adapter, self.layers.len(), &self.placement)?,
            None => vec![LayerLora::default(); self.layers.len()],
        })
    }

    /// Hidden states after the last layer, `[rows, hidden]`.
    fn forward(
        &self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
        dropout: Option<Dropout>,
    ) -> Result<Tensor, BackendError> {
        let rows = &self.rows_of_batch(batch, dropout)?;
        let mut hidden = self.embedding.forward(&batch.tokens)?;
        for (layer, lora) in self.layers.iter().zip(&self.loras(adapter)?) {
            hidden = layer.forward(&hidden, Pass { rows, lora }, None)?;
        }
        Ok(hidden)
    }
}

fn loss(labels: &[PackedLabel], log_probabilities: &[f64]) -> f64 {
    labels.iter().zip(log_probabilities).map(|(label, p)| -f64::from(label.weight) * p).sum()
}

impl Backend for GenericBackend {
    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn accumulate_gradients(
        &mut self,
        batch: &PackedBatch,
        adapter: &Adapter,
        dropout: Option<Dropout>,
        scale: f32,
        gradients: &mut [f32],
    ) -> Result<f64, BackendError> {
        if batch.labels.is_empty() {
            return Ok(0.0);
        }
        let rows = &self.rows_of_batch(batch, dropout)?;
        let loras = self.loras(Some(adapter))?;

        let mut inputs = Vec::with_capacity(self.layers.len());
        let mut hidden = self.embedding.forward(&batch.tokens)?;
        for (layer, lora) in self.layers.iter().zip(&loras) {
            let output = layer.forward(&hidden, Pass { rows, lora }, None)?;
            inputs.push(std::mem::replace(&mut hidden, output));
        }

        let (log_probabilities, mut d_hidden) =
            self.head.backward(&hidden, &batch.labels, f64::from(scale))?;
        for ((layer, lora), input) in self.layers.iter().zip(&loras).zip(inputs).rev() {
            let lora = &lora.variables()?;
            let stage = differentiate(&input, &d_hidden, |x| layer.forward(x, Pass { rows, lora }, None))?;
            lora.add_gradients(&stage.gradients, gradients)?;
            d_hidden = stage.d_input;
        }
        Ok(loss(&batch.labels, &values(&log_probabilities)?))
    }

    fn log_probabilities(
        &mut self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<f32>, BackendError> {
        if batch.labels.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = self.forward(batch, adapter, None)?;
        let all = values(&self.head.log_probabilities(&hidden, &batch.labels)?)?;
        Ok(all.into_iter().map(|p| p as f32).collect())
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.keys_and_values_per_token() * self.placement.dtype.size_in_bytes()
    }

    fn cached<'a>(&'a mut self) -> Box<dyn CachedModel + 'a> {
        Box::new(reader::GenericReader::new(self))
    }
}
