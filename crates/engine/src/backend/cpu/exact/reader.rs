//! Reading one sequence with a key/value cache, for generation.

use gradus_kernels::rms_norm;

use super::layer::KeysAndValues;
use super::{Decoder, Pass};
use crate::adapter::Adapter;
use crate::backend::cpu::{continuation, reach};
use crate::backend::{BackendError, Reader, check_tokens};

/// Keys and values of one layer for every token read, `[tokens, key/value heads * dim]` each.
#[derive(Debug, Default, Clone)]
pub(super) struct LayerCache {
    pub(super) keys: Vec<f32>,
    pub(super) values: Vec<f32>,
}

impl LayerCache {
    pub(super) fn append(&mut self, keys: &[f32], values: &[f32]) {
        self.keys.extend_from_slice(keys);
        self.values.extend_from_slice(values);
    }
}

pub(super) struct DecoderReader<'a> {
    backend: &'a mut Decoder,
    adapter: Option<&'a Adapter>,
    caches: Vec<LayerCache>,
    length: usize,
}

impl<'a> DecoderReader<'a> {
    pub(super) fn new(backend: &'a mut Decoder, adapter: Option<&'a Adapter>) -> Self {
        let caches = vec![LayerCache::default(); backend.layers.len()];
        Self { backend, adapter, caches, length: 0 }
    }
}

impl Reader for DecoderReader<'_> {
    fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>, BackendError> {
        let end = self.length + tokens.len();
        if tokens.is_empty() {
            return Err(BackendError::NothingToRead);
        }
        check_tokens(&self.backend.config, tokens, end)?;
        reach(&mut self.backend.rotary, &self.backend.config, end);
        let (positions, segments) = continuation(self.length, tokens.len());
        let pass = Pass { positions: &positions, segments: &segments, adapter: self.adapter, dropout: None };
        let mut hidden = self.backend.embed(tokens);
        for (layer, cache) in self.backend.layers.iter().zip(&mut self.caches) {
            let keys_and_values = KeysAndValues::Cached(cache);
            let workspace = &mut self.backend.workspace;
            let (next, activations) =
                layer.forward(&pass, &self.backend.rotary, keys_and_values, hidden, workspace);
            activations.recycle(workspace);
            hidden = next;
        }
        self.length = end;
        let width = self.backend.config.hidden_size;
        let last = hidden[hidden.len() - width..].to_vec();
        self.backend.workspace.give(hidden);
        let (mut normalised, mut inverse_rms) = (vec![0.0; width], [0.0]);
        let epsilon = self.backend.config.rms_norm_epsilon as f32;
        rms_norm(&last, &self.backend.final_norm, epsilon, &mut normalised, &mut inverse_rms);
        Ok(self.backend.cross_entropy().logits(&normalised))
    }

    fn length(&self) -> usize {
        self.length
    }
}
