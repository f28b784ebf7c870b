//! Rows read with kept keys and values.

use gradus_kernels::attention::Segment;
use gradus_kernels::bf16::{Bf16, Bf16Matrix};

use super::{Decoder, Pass};
use crate::adapter::Adapter;
use crate::backend::cpu::{keep, reach};
use crate::backend::{BackendError, CachedModel, CachedRows};

/// Keys and values of one layer, `[rows of the cache, key/value heads * dim]` each.
#[derive(Debug, Default, Clone)]
pub(super) struct LayerCache {
    pub(super) keys: Vec<Bf16>,
    pub(super) values: Vec<Bf16>,
}

impl LayerCache {
    /// Keeps those of the segments' rows.
    pub(super) fn keep(&mut self, keys: &Bf16Matrix, values: &Bf16Matrix, segments: &[Segment]) {
        keep(&mut self.keys, keys.data(), keys.stride(), segments);
        keep(&mut self.values, values.data(), values.stride(), segments);
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

    fn read(&mut self, rows: CachedRows<'_>) -> Vec<f32> {
        let decoder = &mut *self.decoder;
        reach(&mut decoder.rotary, &decoder.config, rows.longest());
        let adapter = rows.adapter.map(|index| &self.adapters[index]);
        let pass = Pass { positions: rows.positions, segments: rows.segments, adapter, dropout: None };
        let mut hidden = decoder.embed(rows.tokens);
        for (layer, cache) in decoder.layers.iter().zip(&mut self.caches) {
            let buffers = &mut decoder.buffers;
            let kept = layer.forward(&pass, &decoder.rotary, Some(cache), &mut hidden, buffers);
            kept.recycle(buffers);
        }
        if rows.outputs.is_empty() {
            decoder.buffers.give(hidden);
            return Vec::new();
        }
        let width = decoder.config.hidden_size;
        let last: Vec<f32> =
            rows.outputs.iter().flat_map(|row| &hidden[row * width..][..width]).copied().collect();
        decoder.buffers.give(hidden);
        decoder.cross_entropy().logits(&decoder.normalise(&last).normalised)
    }
}

impl CachedModel for DecoderReader<'_> {
    fn adapt(&mut self, adapter: &Adapter) -> Result<(), BackendError> {
        self.adapters.push(adapter.clone());
        Ok(())
    }

    fn forward(&mut self, rows: CachedRows<'_>) -> Result<Vec<f32>, BackendError> {
        // Inside the pool, so that each of the many small parallel steps starts without changing threads.
        Ok(rayon::scope(|_| self.read(rows)))
    }
}
