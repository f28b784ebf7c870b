//! Reading one sequence with a key/value cache, for generation.

use super::attention::Cache;
use super::lora::LayerLora;
use super::placement::values;
use super::{GenericBackend, Pass, mask};
use crate::adapter::Adapter;
use crate::backend::{BackendError, Reader, check_tokens};

pub(super) struct GenericReader<'a> {
    backend: &'a GenericBackend,
    adapter: Option<&'a Adapter>,
    /// The adapter's tensors, from the first read on.
    loras: Vec<LayerLora>,
    caches: Vec<Cache>,
    length: usize,
}

impl<'a> GenericReader<'a> {
    pub(super) fn new(backend: &'a GenericBackend, adapter: Option<&'a Adapter>) -> Self {
        let caches = vec![Cache::default(); backend.layers.len()];
        Self { backend, adapter, loras: Vec::new(), caches, length: 0 }
    }
}

impl Reader for GenericReader<'_> {
    fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>, BackendError> {
        if tokens.is_empty() {
            return Err(BackendError::NothingToRead);
        }
        let (backend, end) = (self.backend, self.length + tokens.len());
        check_tokens(&backend.config, tokens, end)?;
        if self.loras.is_empty() {
            self.loras = backend.loras(self.adapter)?;
        }
        let positions: Vec<u32> = (self.length..end).map(|position| position as u32).collect();
        let mask = mask::of_reading(self.length, end, backend.config.sliding_window);
        let rows = &backend.rows(&positions, mask, None)?;
        let mut hidden = backend.embedding.forward(tokens)?;
        for ((layer, lora), cache) in backend.layers.iter().zip(&self.loras).zip(&mut self.caches) {
            hidden = layer.forward(&hidden, Pass { rows, lora }, Some(cache))?;
        }
        self.length = end;
        let logits = backend.head.logits(&hidden.narrow(0, tokens.len() - 1, 1)?)?;
        Ok(values(&logits)?.into_iter().map(|logit| logit as f32).collect())
    }

    fn length(&self) -> usize {
        self.length
    }
}
