//! The decoder: weights and activations are numbers of one kind, f32 or bf16; the residual stream, sums
//! and everything that the optimizer sees are f32.

use gradus_kernels::{CrossEntropy, Matrix, Number, RotaryTable, Weight, rms_norm, rms_norm_backward};

use super::base_weights::{BaseWeights, Use};
use super::buffers::Buffers;
use super::cut::{self, Part};
use super::layer::{HiddenGradient, Kept, Layer};
use super::reader::DecoderReader;
use super::{Pass, reach};
use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError, CachedModel, Dropout, check_batch};
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::files::Weights;

/// A decoder.
pub(super) struct Decoder<N> {
    pub(super) config: ModelConfig,
    /// `[vocabulary, hidden]`.
    embedding: Weight<N>,
    pub(super) layers: Vec<Layer<N>>,
    final_norm: Vec<f32>,
    /// `None` where the embedding is also the output projection.
    output: Option<Weight<N>>,
    pub(super) rotary: RotaryTable,
    pub(super) buffers: Buffers<N>,
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
        let table = |weights: &mut Weights, name| base_weights.take(weights, name, Use::Vocabulary);
        let embedding = table(&mut weights, "model.embed_tokens.weight")?;
        let layers = (0..config.layers).map(|index| Layer::new(&config, index, &mut weights, base_weights));
        let layers = layers.collect::<Result<_, BackendError>>()?;
        let output =
            if config.tie_word_embeddings { None } else { Some(table(&mut weights, "lm_head.weight")?) };
        Ok(Self {
            embedding,
            layers,
            final_norm: weights.take("model.norm.weight")?.data,
            output,
            rotary: RotaryTable::new(&[], 0),
            buffers: Buffers::default(),
            config,
        })
    }

    pub(super) fn cross_entropy(&self) -> CrossEntropy<'_, N> {
        CrossEntropy { projection: self.output.as_ref().unwrap_or(&self.embedding).view() }
    }

    pub(super) fn embed(&mut self, tokens: &[u32]) -> Vec<f32> {
        let width = self.config.hidden_size;
        let mut hidden = self.buffers.take(tokens.len() * width);
        for (row, token) in hidden.chunks_mut(width).zip(tokens) {
            self.embedding.widen_row(*token as usize, row);
        }
        hidden
    }

    fn prepare(&mut self, batch: &PackedBatch) -> Result<Vec<Part>, BackendError> {
        let length = check_batch(&self.config, batch)?;
        reach(&mut self.rotary, &self.config, length);
        Ok(cut::cut(batch))
    }

    /// Hidden states after the last layer, `[rows, hidden]`; with what the backward pass needs if asked.
    fn forward(&mut self, tokens: &[u32], pass: &Pass<'_>, mut keep: Option<&mut Vec<Kept<N>>>) -> Vec<f32> {
        let mut hidden = self.embed(tokens);
        for layer in &self.layers {
            let kept = layer.forward(pass, &self.rotary, None, &mut hidden, &mut self.buffers);
            match keep.as_mut() {
                Some(all) => all.push(kept),
                None => kept.recycle(&mut self.buffers),
            }
        }
        hidden
    }

    pub(super) fn normalise(&self, rows: &[f32]) -> Normalised<N> {
        let width = self.config.hidden_size;
        let count = rows.len() / width;
        let (mut normalised, mut kept) = (Matrix::zeroed(count, width), Matrix::zeroed(count, width));
        let mut inverse_rms = vec![0.0; count];
        let epsilon = self.config.rms_norm_epsilon as f32;
        let into = (normalised.data_mut(), kept.data_mut());
        rms_norm(rows, &self.final_norm, epsilon, into, &mut inverse_rms);
        Normalised { normalised, kept, inverse_rms }
    }

    /// The rows that carry labels, after the final norm.
    fn label_rows(&self, part: &Part, hidden: &[f32]) -> Normalised<N> {
        let width = self.config.hidden_size;
        let rows: Vec<f32> =
            part.label_rows.iter().flat_map(|row| &hidden[row * width..][..width]).copied().collect();
        self.normalise(&rows)
    }

    fn log_probabilities_of(&mut self, part: &Part, adapter: Option<&Adapter>) -> Vec<f32> {
        let pass = part.pass(adapter, None);
        let hidden = self.forward(&part.tokens, &pass, None);
        let labels = self.label_rows(part, &hidden);
        self.buffers.give(hidden);
        self.cross_entropy().log_probabilities(&labels.normalised, &part.targets)
    }

    fn gradients_of(&mut self, part: &Part, pass: &Pass<'_>, scale: f32, gradients: &mut [f32]) -> Vec<f32> {
        let width = self.config.hidden_size;
        let mut kept = Vec::with_capacity(self.layers.len());
        let mut hidden = self.forward(&part.tokens, pass, Some(&mut kept));
        let labels = self.label_rows(part, &hidden);
        let mut d_normalised = self.buffers.take(part.label_rows.len() * width);
        let log_probabilities =
            self.cross_entropy().backward(&labels.normalised, &part.targets, scale, &mut d_normalised);

        let mut d_rows = self.buffers.take_zeroed(d_normalised.len());
        let mut d_rows_rounded = self.buffers.take_matrix(part.label_rows.len(), width);
        let into = (&mut d_rows[..], d_rows_rounded.data_mut());
        rms_norm_backward(labels.kept.data(), &self.final_norm, &labels.inverse_rms, &d_normalised, into);
        hidden.fill(0.0);
        for (row, gradient) in part.label_rows.iter().zip(d_rows.chunks(width)) {
            hidden[row * width..][..width].copy_from_slice(gradient);
        }
        let mut rounded = self.buffers.take_matrix(part.tokens.len(), width);
        rounded.round_from(&hidden);
        let mut d_hidden = HiddenGradient { single: hidden, rounded };
        for (index, (layer, kept)) in self.layers.iter().zip(kept).enumerate().rev() {
            let into = (&mut d_hidden, index > 0);
            layer.backward(pass, &self.rotary, kept, into, gradients, &mut self.buffers);
        }
        [d_normalised, d_rows, d_hidden.single].into_iter().for_each(|buffer| self.buffers.give(buffer));
        [d_rows_rounded, d_hidden.rounded].into_iter().for_each(|matrix| self.buffers.give_matrix(matrix));
        log_probabilities
    }
}

impl<N: Number> Backend for Decoder<N> {
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
        let parts = self.prepare(batch)?;
        let dropout = dropout.filter(|dropout| dropout.probability > 0.0);
        // Inside the pool, so that each of the many small parallel steps starts without changing threads.
        rayon::scope(|_| {
            let mut loss = 0.0;
            for part in &parts {
                let pass = part.pass(Some(adapter), dropout);
                let log_probabilities = self.gradients_of(part, &pass, scale, gradients);
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
        rayon::scope(|_| Ok(parts.iter().flat_map(|part| self.log_probabilities_of(part, adapter)).collect()))
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.keys_and_values_per_token() * size_of::<N>()
    }

    fn cached<'a>(&'a mut self) -> Box<dyn CachedModel + 'a> {
        Box::new(DecoderReader::new(self))
    }
}
