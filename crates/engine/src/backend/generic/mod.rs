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
mod model;
mod norm;
mod placement;
mod reader;
mod rotary;
mod stage;
mod weights;

use std::sync::Arc;

pub use candle_core::Device;
use candle_core::{DType, Tensor};

use super::cpu::BaseWeights;
use super::{Backend, BackendError, CachedModel, Dropout, EmbeddingNoise, Noise, WeightBytes, check_batch};
use crate::adapter::{Adapter, Method};
use crate::batch::{PackedBatch, PackedLabel};
use crate::config::{ModelConfig, Sight};
use crate::files::Weights;
use head::Head;
use layer::Layer;
use lora::LayerLora;
use model::{Model, Models, add_embedding_gradient};
use placement::{Placement, values};
use rotary::Rotation;
use stage::differentiate;

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
    models: Models,
}

/// What stays the same through all the layers of one pass.
struct Rows {
    rotation: Rotation,
    /// Added to attention scores, `[rows, keys]`.
    mask: Tensor,
    dropout: Option<Dropout>,
}

/// [`Rows`] for the layers of either sight.
struct RowsBySight {
    main: Rows,
    /// Where the model has local layers.
    local: Option<Rows>,
}

impl RowsBySight {
    /// Those of a layer.
    fn of(&self, sight: Sight) -> &Rows {
        self.local.as_ref().filter(|_| sight == Sight::Local).unwrap_or(&self.main)
    }
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
        Self::with_base_weights(config, (weights, BaseWeights::default()), device, precision)
    }

    /// As [`Self::new`], with every weight rounded to what the processor would keep of it, so that a model
    /// computes the same wherever it runs. The numbers take their full memory all the same.
    ///
    /// # Errors
    /// As [`Self::new`]; also where weights cannot be quantised.
    pub fn with_base_weights(
        config: ModelConfig,
        weights: (Weights, BaseWeights),
        device: Device,
        precision: Precision,
    ) -> Result<Self, BackendError> {
        let dtype = match precision {
            Precision::Single => DType::F32,
            Precision::Double => DType::F64,
        };
        let placement = Placement { device, dtype };
        Ok(Self { models: Models::new(&config, weights, &placement)?, config, placement })
    }

    /// `Σ weight * -ln p(label)` under noise, without gradients: what
    /// [`Backend::accumulate_gradients`] returns, and differentiates.
    ///
    /// # Errors
    /// As [`Backend::accumulate_gradients`].
    pub fn loss(
        &mut self,
        batch: &PackedBatch,
        adapter: &Adapter,
        noise: Noise,
    ) -> Result<f64, BackendError> {
        if batch.labels.is_empty() {
            return Ok(0.0);
        }
        Ok(loss(&batch.labels, &values(&self.forward(batch, Some(adapter), noise)?)?))
    }

    /// Rows at these positions, `mask` giving who sees whom through a window.
    fn rows(
        &self,
        positions: &[u32],
        mask: impl Fn(Option<usize>) -> Vec<f64>,
        dropout: Option<Dropout>,
    ) -> Result<RowsBySight, BackendError> {
        let of_sight = |sight: Sight| -> Result<Rows, BackendError> {
            let frequencies = self.config.rope_inverse_frequencies_of(sight);
            let mask = mask(self.config.window(sight));
            let shape = (positions.len(), mask.len() / positions.len());
            Ok(Rows {
                rotation: Rotation::new(&frequencies, positions, &self.placement)?,
                mask: self.placement.tensor(mask, shape)?,
                dropout: dropout.filter(|dropout| dropout.probability > 0.0),
            })
        };
        let local = self.config.design.local_layers.map(|_| of_sight(Sight::Local));
        Ok(RowsBySight { main: of_sight(Sight::Main)?, local: local.transpose()? })
    }

    fn rows_of_batch(
        &self,
        batch: &PackedBatch,
        dropout: Option<Dropout>,
    ) -> Result<RowsBySight, BackendError> {
        check_batch(&self.config, batch)?;
        self.rows(&batch.positions, |window| mask::of_batch(batch, window), dropout)
    }

    fn loras(&self, adapter: Option<&Adapter>) -> Result<Vec<LayerLora>, BackendError> {
        let layers = self.config.layers;
        Ok(match adapter {
            Some(adapter) => LayerLora::of_layers(adapter, layers, &self.placement)?,
            None => vec![LayerLora::default(); layers],
        })
    }

    fn model(&mut self, adapter: Option<&Adapter>) -> Result<Arc<Model>, BackendError> {
        self.models.get(&self.config, adapter, &self.placement)
    }

    /// The input of the first layer, `[rows, hidden]`.
    fn embed(
        &self,
        model: &Model,
        batch: &PackedBatch,
        noise: Option<EmbeddingNoise>,
    ) -> Result<Tensor, BackendError> {
        let embeddings = model.embedding.forward(&batch.tokens)?;
        let Some(noise) = noise else { return Ok(embeddings) };
        let mut values = vec![0.0; embeddings.elem_count()];
        noise.add(batch, &mut values);
        Ok((&embeddings + self.placement.tensor(values, embeddings.shape())?)?)
    }

    /// Logarithms of the probabilities of the labels.
    fn forward(
        &mut self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
        noise: Noise,
    ) -> Result<Tensor, BackendError> {
        let (model, rows) = (self.model(adapter)?, &self.rows_of_batch(batch, noise.dropout)?);
        let mut hidden = self.embed(&model, batch, noise.embedding)?;
        for (index, (layer, lora)) in model.layers.iter().zip(&self.loras(adapter)?).enumerate() {
            let rows = rows.of(self.config.sight_of(index));
            hidden = layer.forward(&hidden, Pass { rows, lora }, None)?;
        }
        Ok(model.head.log_probabilities(&hidden, &batch.labels)?)
    }
}

fn loss(labels: &[PackedLabel], log_probabilities: &[f64]) -> f64 {
    labels.iter().zip(log_probabilities).map(|(label, p)| -f64::from(label.weight) * p).sum()
}

impl Backend for GenericBackend {
    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn base_tensor(&self, name: &str) -> Result<Vec<f32>, BackendError> {
        let all = values(self.models.base().weights().get(name)?)?;
        Ok(all.into_iter().map(|value| value as f32).collect())
    }

    fn accumulate_gradients(
        &mut self,
        batch: &PackedBatch,
        adapter: &Adapter,
        noise: Noise,
        scale: f32,
        gradients: &mut [f32],
    ) -> Result<f64, BackendError> {
        if batch.labels.is_empty() {
            return Ok(0.0);
        }
        let (model, rows) = (self.model(Some(adapter))?, &self.rows_of_batch(batch, noise.dropout)?);
        let loras = self.loras(Some(adapter))?;

        let mut inputs = Vec::with_capacity(model.layers.len());
        let mut hidden = self.embed(&model, batch, noise.embedding)?;
        for (index, (layer, lora)) in model.layers.iter().zip(&loras).enumerate() {
            let rows = rows.of(self.config.sight_of(index));
            let output = layer.forward(&hidden, Pass { rows, lora }, None)?;
            inputs.push(std::mem::replace(&mut hidden, output));
        }

        // In full fine-tuning each part is made again, of variables, for its own backward pass.
        let trained = adapter.weights();
        let source =
            || if trained.is_empty() { model.weights().constants() } else { model.weights().variables() };
        let of_head = source();
        let (log_probabilities, mut d_hidden) = Head::new(&self.config, &of_head)?.backward(
            &hidden,
            &batch.labels,
            f64::from(scale),
            |store| of_head.add_gradients(store, trained, gradients),
        )?;
        for ((index, lora), input) in loras.iter().enumerate().zip(inputs).rev() {
            let (of_layer, lora) = (source(), &lora.variables()?);
            let rows = rows.of(self.config.sight_of(index));
            let layer = Layer::new(&self.config, index, &of_layer)?;
            let stage = differentiate(&input, &d_hidden, |x| layer.forward(x, Pass { rows, lora }, None))?;
            lora.add_gradients(&stage.gradients, gradients)?;
            of_layer.add_gradients(&stage.gradients, trained, gradients)?;
            d_hidden = stage.d_input;
        }
        let scale = self.config.embedding_scale();
        add_embedding_gradient(adapter, (&batch.tokens, scale), &d_hidden, gradients)?;
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
        let all = values(&self.forward(batch, adapter, Noise::default())?)?;
        Ok(all.into_iter().map(|p| p as f32).collect())
    }

    fn weight_bytes(&self, method: &Method) -> WeightBytes {
        let number = self.placement.dtype.size_in_bytes();
        let table = self.config.vocabulary_size * self.config.hidden_size;
        let held = self.config.parameter_count() * number;
        let made = if *method == Method::Full { held } else { 0 };
        let loading = held + table * size_of::<f32>();
        WeightBytes { loading: loading as u64, training: (held + made) as u64 }
    }

    /// Each layer is computed again in the backward pass, on a tape of its own.
    fn pass_bytes(&self, _: &Method, batch: &PackedBatch, gradients: bool) -> u64 {
        let (config, rows) = (&self.config, batch.tokens.len());
        let heads = config.attention_heads + config.key_value_heads;
        let numbers = 8 * config.hidden_size + 4 * heads * config.head_dim + 4 * config.intermediate_size;
        // Scores, their exponentials and sums over heads, a value and a gradient each.
        let layer = rows * (2 * numbers + 4 * config.attention_heads * rows);
        let inputs = if gradients { config.layers * rows * config.hidden_size } else { 0 };
        ((inputs + layer) * self.placement.dtype.size_in_bytes()) as u64
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.keys_and_values_per_token() * self.placement.dtype.size_in_bytes()
    }

    fn cached<'a>(&'a mut self, capacity: usize) -> Box<dyn CachedModel + 'a> {
        Box::new(reader::GenericReader::new(self, capacity))
    }
}
