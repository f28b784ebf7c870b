//! The decoder: weights and activations are numbers of one kind, f32 or bf16; the residual stream, sums
//! and everything that the optimizer sees are f32.

use std::sync::Arc;

use gradus_kernels::{
    CrossEntropy, Matrix, Number, SoftmaxChunk, add_assign, rms_norm, rms_norm_backward,
    rms_norm_weight_gradient,
};

use super::base_weights::BaseWeights;
use super::buffers::Buffers;
use super::cut::{self, Part};
use super::factors::Factors;
use super::layer::{HiddenGradient, Kept, Layer};
use super::model::Model;
use super::reader::DecoderReader;
use super::rotary::RotaryTables;
use super::{Pass, memory};
use crate::adapter::{Adapter, Method};
use crate::backend::{Backend, BackendError, CachedModel, Noise, WeightBytes, check_batch};
use crate::batch::PackedBatch;
use crate::config::{EMBEDDING, FINAL_NORM, ModelConfig};
use crate::files::Weights;

/// A decoder.
pub(super) struct Decoder<N> {
    pub(super) config: ModelConfig,
    pub(super) base: Arc<Model<N>>,
    /// What was made for the adapter computed with last, by its revision.
    adapted: Option<(u64, Adapted<N>)>,
    pub(super) rotary: RotaryTables,
    pub(super) buffers: Buffers<N>,
    softmax: SoftmaxChunk<N>,
    /// Of a part with more rows only the inputs of the layers are saved, and the rest is computed again in
    /// the backward pass.
    pub(super) most_kept_rows: usize,
}

/// Rows of a part whose activations are all kept. Only one tree of segments that cannot be cut has more.
const MOST_KEPT_ROWS: usize = 1024;

/// What the forward pass leaves for the backward pass of one layer.
enum Saved<N> {
    Kept(Box<Kept<N>>),
    /// The hidden states before the layer, from which it is computed again to the same bits.
    Input(Vec<f32>),
}

/// What a decoder computes with for one adapter, or for none.
#[derive(Clone)]
pub(super) struct Adapted<N> {
    pub(super) model: Arc<Model<N>>,
    /// With DoRA.
    pub(super) factors: Option<Arc<Factors>>,
}

/// Rows after the final norm, and what its backward pass needs.
pub(super) struct Normalised<N> {
    pub(super) normalised: Matrix<N>,
    kept: Matrix<N>,
    inverse_rms: Vec<f32>,
}

impl<N: Number> Decoder<N> {
    /// Takes the model's weights out of `weights`.
    pub(super) fn new(
        config: ModelConfig,
        mut weights: Weights,
        base_weights: BaseWeights,
    ) -> Result<Self, BackendError> {
        let base = Arc::new(Model::new(&config, &mut weights, base_weights)?);
        let rotary = RotaryTables::empty(&config);
        Ok(Self {
            base,
            adapted: None,
            rotary,
            buffers: Buffers::default(),
            softmax: SoftmaxChunk::default(),
            most_kept_rows: MOST_KEPT_ROWS,
            config,
        })
    }

    /// What to compute with. Made anew where the adapter changed; what LoRA needs is there already.
    pub(super) fn adapted(&mut self, adapter: Option<&Adapter>) -> Adapted<N> {
        let revision = adapter.map(|adapter| adapter.parameters.revision());
        if let Some((_, adapted)) = self.adapted.as_ref().filter(|(made, _)| Some(*made) == revision) {
            return adapted.clone();
        }
        let mut adapted = Adapted { model: Arc::clone(&self.base), factors: None };
        let Some((adapter, revision)) = adapter.zip(revision) else { return adapted };
        if adapter.weights().is_empty() {
            adapted.factors = Factors::new(adapter, &self.base).map(Arc::new);
        } else {
            // In the memory of the last one, where nobody else reads it.
            let last = self.adapted.take().map(|(_, last)| last.model);
            let last = last
                .filter(|last| !Arc::ptr_eq(last, &self.base))
                .and_then(|last| Arc::try_unwrap(last).ok());
            let mut model = last.unwrap_or_else(|| Model::clone(&self.base));
            model.refill(adapter);
            adapted.model = Arc::new(model);
        }
        self.adapted = Some((revision, adapted.clone()));
        adapted
    }

    pub(super) fn cross_entropy<'a>(&self, model: &'a Model<N>) -> CrossEntropy<'a, N> {
        CrossEntropy { projection: model.projection().0.view() }
    }

    pub(super) fn embed(&mut self, model: &Model<N>, tokens: &[u32]) -> Vec<f32> {
        let width = self.config.hidden_size;
        self.buffers.begin(tokens.len());
        let mut hidden = self.buffers.take(tokens.len() * width);
        for (row, token) in hidden.chunks_mut(width).zip(tokens) {
            model.embedding.widen_row(*token as usize, row);
        }
        if let Some(scale) = self.config.embedding_scale() {
            hidden.iter_mut().for_each(|value| *value *= scale);
        }
        hidden
    }

    fn prepare(&mut self, batch: &PackedBatch) -> Result<Vec<Part>, BackendError> {
        let length = check_batch(&self.config, batch)?;
        self.rotary.reach(&self.config, length);
        Ok(cut::cut::<N>(batch))
    }

    /// Hidden states after the last layer, `[rows, hidden]`; with what the backward pass needs if asked.
    fn forward(
        &mut self,
        (model, pass): (&Model<N>, &Pass<'_>),
        mut hidden: Vec<f32>,
        mut keep: Option<&mut Vec<Saved<N>>>,
    ) -> Vec<f32> {
        let recomputes = self.recomputes(pass.positions.len());
        for (index, layer) in model.layers.iter().enumerate() {
            // The backward pass begins with the last layer: what that has is needed at once.
            let input = (keep.is_some() && recomputes && index + 1 < model.layers.len()).then(|| {
                let mut input = self.buffers.take(hidden.len());
                input.copy_from_slice(&hidden);
                input
            });
            let kept = layer.forward(pass, &self.rotary, None, &mut hidden, &mut self.buffers);
            let Some(all) = keep.as_mut() else {
                kept.recycle(&mut self.buffers);
                continue;
            };
            all.push(match input {
                None => Saved::Kept(Box::new(kept)),
                Some(input) => {
                    kept.recycle(&mut self.buffers);
                    Saved::Input(input)
                }
            });
        }
        hidden
    }

    pub(super) fn recomputes(&self, rows: usize) -> bool {
        rows > self.most_kept_rows
    }

    /// What the backward pass of a layer needs, computed again where only the layer's input was saved.
    fn restore(&mut self, layer: &Layer<N>, pass: &Pass<'_>, saved: Saved<N>) -> Kept<N> {
        match saved {
            Saved::Kept(kept) => *kept,
            Saved::Input(mut hidden) => {
                let kept = layer.forward(pass, &self.rotary, None, &mut hidden, &mut self.buffers);
                self.buffers.give(hidden);
                kept
            }
        }
    }

    pub(super) fn normalise(&self, model: &Model<N>, rows: &[f32]) -> Normalised<N> {
        let width = self.config.hidden_size;
        let count = rows.len() / width;
        let (mut normalised, mut kept) = (Matrix::zeroed(count, width), Matrix::zeroed(count, width));
        let mut inverse_rms = vec![0.0; count];
        let epsilon = self.config.rms_norm_epsilon as f32;
        let into = (normalised.data_mut(), kept.data_mut());
        rms_norm(rows, &model.final_norm, epsilon, into, &mut inverse_rms);
        Normalised { normalised, kept, inverse_rms }
    }

    /// The rows that carry labels, after the final norm.
    fn label_rows(&self, model: &Model<N>, part: &Part, hidden: &[f32]) -> Normalised<N> {
        let width = self.config.hidden_size;
        let mut rows = Vec::with_capacity(part.label_rows.len() * width);
        part.label_rows.iter().for_each(|row| rows.extend_from_slice(&hidden[row * width..][..width]));
        self.normalise(model, &rows)
    }

    fn log_probabilities_of(
        &mut self,
        adapted: &Adapted<N>,
        part: &Part,
        adapter: Option<&Adapter>,
    ) -> Vec<f32> {
        let model = &*adapted.model;
        let pass = part.pass(adapter, adapted.factors.as_deref(), None);
        let hidden = self.embed(model, &part.tokens);
        let hidden = self.forward((model, &pass), hidden, None);
        let labels = self.label_rows(model, part, &hidden);
        self.buffers.give(hidden);
        self.cross_entropy(model).log_probabilities(&labels.normalised, &part.targets)
    }

    /// `noise` is added to the embeddings of the part's rows.
    fn gradients_of(
        &mut self,
        (model, pass, part): (&Model<N>, &Pass<'_>, &Part),
        noise: Option<&[f32]>,
        scale: f32,
        gradients: &mut [f32],
    ) -> Vec<f32> {
        let mut saved = Vec::with_capacity(model.layers.len());
        let mut hidden = self.embed(model, &part.tokens);
        noise.into_iter().for_each(|noise| add_assign(&mut hidden, noise));
        let mut hidden = self.forward((model, pass), hidden, Some(&mut saved));
        let log_probabilities = self.head_backward((model, pass, part), &mut hidden, scale, gradients);
        let mut rounded = self.buffers.take_matrix(part.tokens.len(), self.config.hidden_size);
        rounded.round_from(&hidden);
        let mut d_hidden = HiddenGradient { single: hidden, rounded };
        let embedding = pass.trained(EMBEDDING);
        for (index, (layer, saved)) in model.layers.iter().zip(saved).enumerate().rev() {
            let kept = self.restore(layer, pass, saved);
            let into = (&mut d_hidden, index > 0 || embedding.is_some());
            layer.backward(pass, &self.rotary, kept, into, gradients, &mut self.buffers);
        }
        if let Some(range) = embedding {
            self.add_embedding_gradient(&part.tokens, &d_hidden.single, &mut gradients[range]);
        }
        self.buffers.give(d_hidden.single);
        self.buffers.give_matrix(d_hidden.rounded);
        log_probabilities
    }

    /// Replaces the hidden states after the last layer by their gradient.
    fn head_backward(
        &mut self,
        (model, pass, part): (&Model<N>, &Pass<'_>, &Part),
        hidden: &mut [f32],
        scale: f32,
        gradients: &mut [f32],
    ) -> Vec<f32> {
        let width = self.config.hidden_size;
        let labels = self.label_rows(model, part, hidden);
        // Buffers for all rows, as their number is that of the pass.
        let mut take_rows = || {
            let mut buffer = self.buffers.take(hidden.len());
            buffer.truncate(part.label_rows.len() * width);
            buffer
        };
        let (mut d_normalised, mut d_rows) = (take_rows(), take_rows());
        let d_projection = pass.trained(model.projection().1).map(|range| &mut gradients[range]);
        let into = (&mut d_normalised[..], d_projection);
        let cross_entropy = self.cross_entropy(model);
        let rows = (&labels.normalised, &part.targets[..]);
        let log_probabilities = cross_entropy.backward(rows, scale, into, &mut self.softmax);
        let (kept, inverse_rms) = (labels.kept.data(), &labels.inverse_rms);
        if let Some(range) = pass.trained(FINAL_NORM) {
            rms_norm_weight_gradient(kept, inverse_rms, &d_normalised, &mut gradients[range]);
        }
        d_rows.fill(0.0);
        let mut d_rows_rounded = Matrix::<N>::zeroed(part.label_rows.len(), width);
        let into = (&mut d_rows[..], d_rows_rounded.data_mut());
        rms_norm_backward(kept, &model.final_norm, inverse_rms, &d_normalised, into);
        hidden.fill(0.0);
        for (row, gradient) in part.label_rows.iter().zip(d_rows.chunks(width)) {
            hidden[row * width..][..width].copy_from_slice(gradient);
        }
        [d_normalised, d_rows].into_iter().for_each(|buffer| self.buffers.give(buffer));
        log_probabilities
    }

    fn add_embedding_gradient(&self, tokens: &[u32], d_embeddings: &[f32], d_table: &mut [f32]) {
        let width = self.config.hidden_size;
        let scale = self.config.embedding_scale();
        let mut scaled = vec![0.0; width];
        for (token, row) in tokens.iter().zip(d_embeddings.chunks(width)) {
            let row = scale.map_or(row, |scale| {
                scaled.iter_mut().zip(row).for_each(|(scaled, value)| *scaled = scale * value);
                &scaled
            });
            add_assign(&mut d_table[*token as usize * width..][..width], row);
        }
    }
}

impl<N: Number> Backend for Decoder<N> {
    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn base_tensor(&self, name: &str) -> Result<Vec<f32>, BackendError> {
        self.base.tensor(name)
    }

    fn accumulate_gradients(
        &mut self,
        batch: &PackedBatch,
        adapter: &Adapter,
        noise: Noise,
        scale: f32,
        gradients: &mut [f32],
    ) -> Result<f64, BackendError> {
        let parts = self.prepare(batch)?;
        let dropout = noise.dropout.filter(|dropout| dropout.probability > 0.0);
        let width = self.config.hidden_size;
        let shaken = noise.embedding.map(|noise| {
            let mut values = vec![0.0; batch.tokens.len() * width];
            noise.add(batch, &mut values);
            values
        });
        // Inside the pool, so that each of the many small parallel steps starts without changing threads.
        rayon::scope(|_| {
            let mut loss = 0.0;
            let Adapted { model, factors } = self.adapted(Some(adapter));
            for part in &parts {
                let pass = part.pass(Some(adapter), factors.as_deref(), dropout);
                let rows = part.first_row * width..(part.first_row + part.tokens.len()) * width;
                let noise = shaken.as_ref().map(|values| &values[rows]);
                let log_probabilities = self.gradients_of((&model, &pass, part), noise, scale, gradients);
                let losses = part.targets.iter().zip(log_probabilities);
                loss += losses.map(|(target, p)| -f64::from(target.weight) * f64::from(p)).sum::<f64>();
            }
            Ok(loss)
        })
    }

    fn log_probabilities(
        &mut self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<f32>, BackendError> {
        let parts = self.prepare(batch)?;
        rayon::scope(|_| {
            let adapted = self.adapted(adapter);
            Ok(parts.iter().flat_map(|part| self.log_probabilities_of(&adapted, part, adapter)).collect())
        })
    }

    fn weight_bytes(&self, method: &Method) -> WeightBytes {
        memory::weight_bytes(&self.base, method)
    }

    fn pass_bytes(&self, method: &Method, batch: &PackedBatch, gradients: bool) -> u64 {
        let parts = cut::cut::<N>(batch);
        let of_part = |part| memory::part_bytes(self, method, part, gradients);
        parts.iter().map(of_part).max().unwrap_or(0) as u64
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.keys_and_values_per_token() * size_of::<N>()
    }

    fn cached<'a>(&'a mut self, capacity: usize) -> Box<dyn CachedModel + 'a> {
        Box::new(DecoderReader::new(self, capacity))
    }
}
