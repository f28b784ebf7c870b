//! The decoder in f32: the reference that the bf16 decoder is held against.

mod layer;
mod linear;
mod reader;

use gradus_kernels::attention::Segment;
use gradus_kernels::{CrossEntropy, RotaryTable, Target, rms_norm, rms_norm_backward};

use super::workspace::Workspace;
use super::{Pass, reach};
use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError, CachedModel, Dropout, check_batch};
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::files::Weights;
use layer::{KeysAndValues, Layer, LayerActivations};

/// A decoder in f32.
pub(super) struct Decoder {
    config: ModelConfig,
    /// `[vocabulary, hidden]`.
    embedding: Vec<f32>,
    layers: Vec<Layer>,
    final_norm: Vec<f32>,
    /// `None` where the embedding is also the output projection.
    output: Option<Vec<f32>>,
    rotary: RotaryTable,
    workspace: Workspace<f32>,
}

impl Decoder {
    /// Takes the model's weights out of `weights`.
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape than the configuration says.
    pub(super) fn new(config: ModelConfig, mut weights: Weights) -> Result<Self, BackendError> {
        let embedding = weights.take("model.embed_tokens.weight")?.data;
        let layers = (0..config.layers).map(|index| Layer::new(&config, index, &mut weights));
        let layers = layers.collect::<Result<_, BackendError>>()?;
        let output =
            if config.tie_word_embeddings { None } else { Some(weights.take("lm_head.weight")?.data) };
        Ok(Self {
            embedding,
            layers,
            final_norm: weights.take("model.norm.weight")?.data,
            output,
            rotary: RotaryTable::new(&[], 0),
            workspace: Workspace::default(),
            config,
        })
    }

    fn cross_entropy(&self) -> CrossEntropy<'_> {
        CrossEntropy {
            projection: self.output.as_deref().unwrap_or(&self.embedding),
            width: self.config.hidden_size,
        }
    }

    fn embed(&mut self, tokens: &[u32]) -> Vec<f32> {
        let width = self.config.hidden_size;
        let mut hidden = self.workspace.take(tokens.len() * width);
        for (row, token) in hidden.chunks_mut(width).zip(tokens) {
            row.copy_from_slice(&self.embedding[*token as usize * width..][..width]);
        }
        hidden
    }

    fn prepare_batch(&mut self, batch: &PackedBatch) -> Result<Vec<Segment>, BackendError> {
        let length = check_batch(&self.config, batch)?;
        reach(&mut self.rotary, &self.config, length);
        let prefixes = batch.prefixes();
        let segments = batch.segments.iter().zip(prefixes).map(|(segment, prefix)| Segment {
            rows: segment.rows.clone(),
            own: segment.rows.clone(),
            prefix,
        });
        Ok(segments.collect())
    }

    /// Hidden states after the last layer, `[rows, hidden]`; with what the backward pass needs if asked.
    fn forward(
        &mut self,
        batch: &PackedBatch,
        pass: &Pass<'_>,
        mut keep: Option<&mut Vec<LayerActivations>>,
    ) -> Vec<f32> {
        let mut hidden = self.embed(&batch.tokens);
        for layer in &self.layers {
            let (next, activations) =
                layer.forward(pass, &self.rotary, KeysAndValues::OfTheBatch, hidden, &mut self.workspace);
            hidden = next;
            match keep.as_mut() {
                Some(kept) => kept.push(activations),
                None => activations.recycle(&mut self.workspace),
            }
        }
        hidden
    }

    /// Normalised hidden states of the rows that carry labels, and the labels over those rows.
    fn label_rows(&self, batch: &PackedBatch, hidden: &[f32]) -> LabelRows {
        let width = self.config.hidden_size;
        let mut rows: Vec<usize> = batch.labels.iter().map(|label| label.row).collect();
        rows.dedup();
        let input: Vec<f32> = rows.iter().flat_map(|row| &hidden[row * width..][..width]).copied().collect();
        let mut normalised = vec![0.0; input.len()];
        let mut inverse_rms = vec![0.0; rows.len()];
        let epsilon = self.config.rms_norm_epsilon as f32;
        rms_norm(&input, &self.final_norm, epsilon, &mut normalised, &mut inverse_rms);
        let targets = batch.labels.iter().map(|label| Target {
            row: rows.partition_point(|row| *row < label.row),
            token: label.token,
            weight: label.weight,
        });
        LabelRows { targets: targets.collect(), rows, input, normalised, inverse_rms }
    }
}

struct LabelRows {
    rows: Vec<usize>,
    input: Vec<f32>,
    normalised: Vec<f32>,
    inverse_rms: Vec<f32>,
    targets: Vec<Target>,
}

impl Backend for Decoder {
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
        let segments = self.prepare_batch(batch)?;
        let pass = Pass {
            positions: &batch.positions,
            segments: &segments,
            adapter: Some(adapter),
            dropout: dropout.filter(|dropout| dropout.probability > 0.0),
        };
        let mut activations = Vec::with_capacity(self.layers.len());
        let mut hidden = self.forward(batch, &pass, Some(&mut activations));
        let labels = self.label_rows(batch, &hidden);
        let mut d_normalised = vec![0.0; labels.normalised.len()];
        let log_probabilities =
            self.cross_entropy().backward(&labels.normalised, &labels.targets, scale, &mut d_normalised);

        let mut d_input = vec![0.0; labels.input.len()];
        rms_norm_backward(&labels.input, &self.final_norm, &labels.inverse_rms, &d_normalised, &mut d_input);
        let width = self.config.hidden_size;
        hidden.fill(0.0);
        for (row, gradient) in labels.rows.iter().zip(d_input.chunks(width)) {
            hidden[row * width..][..width].copy_from_slice(gradient);
        }
        for (layer, activations) in self.layers.iter().zip(activations).rev() {
            hidden = layer.backward(&pass, &self.rotary, activations, hidden, gradients, &mut self.workspace);
        }
        self.workspace.give(hidden);
        let losses = labels.targets.iter().zip(log_probabilities);
        Ok(losses.map(|(target, p)| -f64::from(target.weight) * f64::from(p)).sum())
    }

    fn log_probabilities(
        &mut self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<f32>, BackendError> {
        let segments = self.prepare_batch(batch)?;
        let pass = Pass { positions: &batch.positions, segments: &segments, adapter, dropout: None };
        let hidden = self.forward(batch, &pass, None);
        let labels = self.label_rows(batch, &hidden);
        self.workspace.give(hidden);
        Ok(self.cross_entropy().log_probabilities(&labels.normalised, &labels.targets))
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.keys_and_values_per_token() * size_of::<f32>()
    }

    fn cached<'a>(&'a mut self) -> Box<dyn CachedModel + 'a> {
        Box::new(reader::DecoderReader::new(self))
    }
}
