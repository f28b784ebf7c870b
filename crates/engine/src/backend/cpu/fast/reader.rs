//! Reading one sequence with a key/value cache, for generation.

use gradus_kernels::bf16::{Bf16, Bf16Matrix};

use super::{Decoder, Pass};
use crate::adapter::Adapter;
use crate::backend::cpu::{continuation, reach};
use crate::backend::{BackendError, Reader, check_tokens};

/// Keys and values of one layer for every token read, `[tokens, key/value heads * dim]` each.
#[derive(Debug, Default, Clone)]
pub(super) struct LayerCache {
    pub(super) keys: Vec<Bf16>,
    pub(super) values: Vec<Bf16>,
}

impl LayerCache {
    pub(super) fn append(&mut self, keys: &Bf16Matrix, values: &Bf16Matrix) {
        self.keys.extend_from_slice(keys.data());
        self.values.extend_from_slice(values.data());
    }
}

pub(super) struct DecoderReader<'a> {
    decoder: &'a mut Decoder,
    adapter: Option<&'a Adapter>,
    caches: Vec<LayerCache>,
    length: usize,
}

impl<'a> DecoderReader<'a> {
    pub(super) fn new(decoder: &'a mut Decoder, adapter: Option<&'a Adapter>) -> Self {
        let caches = vec![LayerCache::default(); decoder.layers.len()];
        Self { decoder, adapter, caches, length: 0 }
    }
}

impl Reader for DecoderReader<'_> {
    fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>, BackendError> {
        let end = self.length + tokens.len();
        if tokens.is_empty() {
            return Err(BackendError::NothingToRead);
        }
        check_tokens(&self.decoder.config, tokens, end)?;
        reach(&mut self.decoder.rotary, &self.decoder.config, end);
        let (positions, segments) = continuation(self.length, tokens.len());
        let pass = Pass { positions: &positions, segments: &segments, adapter: self.adapter, dropout: None };
        let mut hidden = self.decoder.embed(tokens);
        for (layer, cache) in self.decoder.layers.iter().zip(&mut self.caches) {
            let buffers = &mut self.decoder.buffers;
            let kept = layer.forward(&pass, &self.decoder.rotary, Some(cache), &mut hidden, buffers);
            kept.recycle(buffers);
        }
        self.length = end;
        let last = &hidden[hidden.len() - self.decoder.config.hidden_size..];
        let normalised = self.decoder.normalise(last).normalised;
        self.decoder.buffers.give(hidden);
        Ok(self.decoder.cross_entropy().logits(&normalised))
    }

    fn length(&self) -> usize {
        self.length
    }
}
