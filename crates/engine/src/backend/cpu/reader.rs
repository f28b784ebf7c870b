//! Rows read with kept keys and values.

use std::collections::BTreeMap;

use gradus_kernels::attention::Segment;
use gradus_kernels::{Matrix, Number};

use super::Pass;
use super::decoder::{Adapted, Decoder};
use crate::adapter::Adapter;
use crate::backend::{BackendError, CachedModel, CachedRows};

/// Keys and values of one layer, `[rows of the cache, key/value heads * dim]` each.
#[derive(Debug, Clone)]
pub(super) struct LayerCache<N> {
    pub(super) keys: Vec<N>,
    pub(super) values: Vec<N>,
    /// The most rows that there may be.
    capacity: usize,
}

impl<N: Number> LayerCache<N> {
    /// Keeps those of the segments' rows.
    pub(super) fn keep(&mut self, keys: &Matrix<N>, values: &Matrix<N>, segments: &[Segment]) {
        keep(&mut self.keys, keys, segments, self.capacity);
        keep(&mut self.values, values, segments, self.capacity);
    }
}

pub(super) struct DecoderReader<'a, N> {
    decoder: &'a mut Decoder<N>,
    /// Each with what the decoder computes with for it, until it is released.
    adapters: BTreeMap<usize, (Adapter, Adapted<N>)>,
    next_adapter: usize,
    unadapted: Adapted<N>,
    caches: Vec<LayerCache<N>>,
}

impl<'a, N: Number> DecoderReader<'a, N> {
    pub(super) fn new(decoder: &'a mut Decoder<N>, capacity: usize) -> Self {
        let empty = LayerCache { keys: Vec::new(), values: Vec::new(), capacity };
        let caches = vec![empty; decoder.config.layers];
        Self { unadapted: decoder.adapted(None), decoder, adapters: BTreeMap::new(), next_adapter: 0, caches }
    }

    fn read(&mut self, rows: CachedRows<'_>) -> Vec<f32> {
        let decoder = &mut *self.decoder;
        decoder.rotary.reach(&decoder.config, rows.longest());
        let chosen = rows.adapter.map(|index| &self.adapters[&index]);
        let (adapter, Adapted { model, factors }) = match chosen {
            Some((adapter, adapted)) => (Some(adapter), adapted),
            None => (None, &self.unadapted),
        };
        let pass = Pass {
            positions: rows.positions,
            segments: rows.segments,
            adapter,
            factors: factors.as_deref(),
            dropout: None,
            first_row: 0,
        };
        let mut hidden = decoder.embed(model, rows.tokens);
        for (layer, cache) in model.layers.iter().zip(&mut self.caches) {
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
        decoder.cross_entropy(model).logits(&decoder.normalise(model, &last).normalised)
    }
}

impl<N: Number> CachedModel for DecoderReader<'_, N> {
    fn adapt(&mut self, adapter: &Adapter) -> Result<(), BackendError> {
        let adapted = self.decoder.adapted(Some(adapter));
        self.adapters.insert(self.next_adapter, (adapter.clone(), adapted));
        self.next_adapter += 1;
        Ok(())
    }

    fn release(&mut self, adapter: usize) {
        self.adapters.remove(&adapter);
    }

    fn forward(&mut self, rows: CachedRows<'_>) -> Result<Vec<f32>, BackendError> {
        // Inside the pool, so that each of the many small parallel steps starts without changing threads.
        Ok(rayon::scope(|_| self.read(rows)))
    }
}

/// Copies rows of keys or values to their places in a cache. Its memory doubles, so that growing row by row
/// stays cheap, up to that of the most rows that it may have.
fn keep<N: Number>(kept: &mut Vec<N>, rows: &Matrix<N>, segments: &[Segment], capacity: usize) {
    let width = rows.stride();
    let end = segments.iter().map(|segment| segment.own.end).max().unwrap_or(0) * width;
    if kept.capacity() < end {
        let planned = (2 * kept.capacity()).min(capacity * width).max(end);
        kept.reserve_exact(planned - kept.len());
    }
    if kept.len() < end {
        kept.resize(end, N::default());
    }
    for segment in segments {
        let own = segment.own.start * width..segment.own.end * width;
        kept[own].copy_from_slice(&rows.data()[segment.rows.start * width..segment.rows.end * width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_grows_by_doubling_and_never_beyond_its_capacity() {
        let (mut kept, rows) = (Vec::<f32>::new(), Matrix::from_f32(&[1.0; 4 * 3], 4, 3));
        let mut grow = |own: std::ops::Range<usize>| {
            keep(&mut kept, &rows, &[Segment { rows: 0..own.len(), prefix: Vec::new(), own }], 10);
            (kept.len() / 3, kept.capacity() / 3)
        };
        assert_eq!(grow(0..4), (4, 4));
        assert_eq!(grow(4..5), (5, 8));
        assert_eq!(grow(5..8), (8, 8));
        assert_eq!(grow(8..9), (9, 10));
        assert_eq!(grow(9..10), (10, 10));
        assert_eq!(grow(2..4), (10, 10));
        assert!(kept.iter().all(|value| *value == 1.0));
    }
}
