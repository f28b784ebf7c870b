//! Rows read with kept keys and values.

use gradus_kernels::attention::Segment;
use gradus_kernels::rms_norm;

use super::layer::KeysAndValues;
use super::{Decoder, Pass};
use crate::adapter::Adapter;
use crate::backend::cpu::{keep, reach};
use crate::backend::{BackendError, CachedModel, CachedRows};

/// Keys and values of one layer, `[rows of the cache, key/value heads * dim]` each.
#[derive(Debug, Default, Clone)]
pub(super) struct LayerCache {
    pub(super) keys: Vec<f32>,
    pub(super) values: Vec<f32>,
}

impl LayerCache {
    /// Keeps those of the segments' rows.
    pub(super) fn keep(&mut self, keys: &[f32], values: &[f32], width: usize, segments: &[Segment]) {
        keep(&mut self.keys, keys, width, segments);
        keep(&mut self.values, values, width, segments);
    }
}

pub(super) struct DecoderReader<'a> {
    decoder: &'a mut Decoder,
    adapters: Vec<Adapter>,
    caches: Vec<LayerCache>,
}

impl<'a> DecoderReader<'a> {
    pub(super) fn new(decoder: &'a mut Decoder) -> Self {
        let caches = vec![LayerCache::default(); decoder.layers.len()];
        Self { decoder, adapters: Vec::new(), caches }
    }
}

impl CachedModel for DecoderReader<'_> {
    fn adapt(&mut self, adapter: &Adapter) -> Result<(), BackendError> {
        self.adapters.push(adapter.clone());
        Ok(())
    }

    fn forward(&mut self, rows: CachedRows<'_>) -> Result<Vec<f32>, BackendError> {
        let decoder = &mut *self.decoder;
        reach(&mut decoder.rotary, &decoder.config, rows.longest());
        let adapter = rows.adapter.map(|index| &self.adapters[index]);
        let pass = Pass { positions: rows.positions, segments: rows.segments, adapter, dropout: None };
        let mut hidden = decoder.embed(rows.tokens);
        for (layer, cache) in decoder.layers.iter().zip(&mut self.caches) {
            let keys_and_values = KeysAndValues::Cached(cache);
            let workspace = &mut decoder.workspace;
            let (next, activations) =
                layer.forward(&pass, &decoder.rotary, keys_and_values, hidden, workspace);
            activations.recycle(workspace);
            hidden = next;
        }
        let width = decoder.config.hidden_size;
        let last: Vec<f32> =
            rows.outputs.iter().flat_map(|row| &hidden[row * width..][..width]).copied().collect();
        decoder.workspace.give(hidden);
        let (mut normalised, mut inverse_rms) = (vec![0.0; last.len()], vec![0.0; rows.outputs.len()]);
        let epsilon = decoder.config.rms_norm_epsilon as f32;
        rms_norm(&last, &decoder.final_norm, epsilon, &mut normalised, &mut inverse_rms);
        Ok(decoder.cross_entropy().logits(&normalised))
    }
}
