//! A decoder's parts, made of one set of weights: the base model's, or those of full fine-tuning.

use std::sync::Arc;

use candle_core::Tensor;

use super::embedding::Embedding;
use super::head::Head;
use super::layer::Layer;
use super::placement::{Placement, values};
use super::weights::WeightTensors;
use crate::adapter::Adapter;
use crate::backend::BackendError;
use crate::backend::cpu::BaseWeights;
use crate::config::{EMBEDDING, ModelConfig};
use crate::files::Weights;

pub(super) struct Model {
    weights: WeightTensors,
    pub(super) embedding: Embedding,
    pub(super) layers: Vec<Layer>,
    pub(super) head: Head,
}

impl Model {
    pub(super) fn new(config: &ModelConfig, weights: WeightTensors) -> Result<Self, BackendError> {
        let source = weights.constants();
        let embedding = Embedding { table: source.take(EMBEDDING)?, scale: config.embedding_scale() };
        let layers = (0..config.layers).map(|index| Layer::new(config, index, &source));
        let layers = layers.collect::<Result<_, BackendError>>()?;
        let head = Head::new(config, &source)?;
        Ok(Self { weights, embedding, layers, head })
    }

    /// The weights by name.
    pub(super) fn weights(&self) -> &WeightTensors {
        &self.weights
    }
}

/// Adds the gradient of the embedding table, from that of the embeddings `[tokens, hidden]` and what they were
/// multiplied by.
pub(super) fn add_embedding_gradient(
    adapter: &Adapter,
    (tokens, scale): (&[u32], Option<f32>),
    d_embeddings: &Tensor,
    gradients: &mut [f32],
) -> candle_core::Result<()> {
    let Some(table) = adapter.weights().iter().find(|weight| weight.name == EMBEDDING) else { return Ok(()) };
    let width = table.shape[1];
    let scale = f64::from(scale.unwrap_or(1.0));
    let gradients = &mut gradients[table.range.clone()];
    for (token, row) in tokens.iter().zip(values(d_embeddings)?.chunks(width)) {
        let sums = &mut gradients[*token as usize * width..][..width];
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += (*value * scale) as f32);
    }
    Ok(())
}

/// The base model and, in full fine-tuning, the model as trained so far.
pub(super) struct Models {
    base: Arc<Model>,
    trained: Option<(u64, Arc<Model>)>,
}

impl Models {
    pub(super) fn new(
        config: &ModelConfig,
        weights: (Weights, BaseWeights),
        placement: &Placement,
    ) -> Result<Self, BackendError> {
        let weights = WeightTensors::of_base(config, weights, placement)?;
        Ok(Self { base: Arc::new(Model::new(config, weights)?), trained: None })
    }

    pub(super) fn base(&self) -> Arc<Model> {
        Arc::clone(&self.base)
    }

    /// The model that an adapter calls for; made anew where the adapter changed.
    pub(super) fn get(
        &mut self,
        config: &ModelConfig,
        adapter: Option<&Adapter>,
        placement: &Placement,
    ) -> Result<Arc<Model>, BackendError> {
        let Some(adapter) = adapter.filter(|adapter| !adapter.weights().is_empty()) else {
            return Ok(self.base());
        };
        let revision = adapter.parameters.revision();
        if let Some((_, model)) = self.trained.as_ref().filter(|(made, _)| *made == revision) {
            return Ok(Arc::clone(model));
        }
        // The old one goes first, or both would be in memory.
        self.trained = None;
        let weights = WeightTensors::of_trained(adapter, placement)?;
        let model = Arc::new(Model::new(config, weights)?);
        self.trained = Some((revision, Arc::clone(&model)));
        Ok(model)
    }
}
