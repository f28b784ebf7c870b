//! Rows read with kept keys and values.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Result, Tensor};
use gradus_kernels::attention::Segment;

use super::attention::Cache;
use super::lora::LayerLora;
use super::model::Model;
use super::placement::values;
use super::{GenericBackend, Pass, mask};
use crate::adapter::Adapter;
use crate::backend::{BackendError, CachedModel, CachedRows};

pub(super) struct GenericReader<'a> {
    backend: &'a mut GenericBackend,
    /// Without an adapter, then with each: the model and what is added to each of its layers.
    adapted: Vec<(Arc<Model>, Vec<LayerLora>)>,
    /// Rotated keys and values of each layer, `[rows of the cache, key/value heads, dim]` each.
    kept: Vec<Option<(Tensor, Tensor)>>,
}

impl<'a> GenericReader<'a> {
    pub(super) fn new(backend: &'a mut GenericBackend) -> Self {
        let layers = backend.config.layers;
        let unadapted = (backend.models.base(), vec![LayerLora::default(); layers]);
        Self { adapted: vec![unadapted], kept: vec![None; layers], backend }
    }
}

impl CachedModel for GenericReader<'_> {
    fn adapt(&mut self, adapter: &Adapter) -> std::result::Result<(), BackendError> {
        let model = self.backend.model(Some(adapter))?;
        self.adapted.push((model, self.backend.loras(Some(adapter))?));
        Ok(())
    }

    fn forward(&mut self, rows: CachedRows<'_>) -> std::result::Result<Vec<f32>, BackendError> {
        let backend = &*self.backend;
        let seen = seen(rows.segments);
        let mask = mask::of_cached(rows.segments, &seen, backend.config.sliding_window);
        let places: Vec<_> = rows.places().collect();
        let (end, seen) = (rows.end_of_cache(), backend.placement.index(&seen)?);
        let of_pass = &backend.rows(rows.positions, mask, None)?;
        let (model, loras) = &self.adapted[rows.adapter.map_or(0, |adapter| adapter + 1)];
        let mut hidden = model.embedding.forward(rows.tokens)?;
        for ((layer, lora), kept) in model.layers.iter().zip(loras).zip(&mut self.kept) {
            let mut cache = LayerCache { kept, places: &places, end, seen: &seen };
            hidden = layer.forward(&hidden, Pass { rows: of_pass, lora }, Some(&mut cache))?;
        }
        if rows.outputs.is_empty() {
            return Ok(Vec::new());
        }
        let outputs: Vec<u32> = rows.outputs.iter().map(|row| *row as u32).collect();
        let logits = model.head.logits(&hidden.index_select(&backend.placement.index(&outputs)?, 0)?)?;
        Ok(values(&logits)?.into_iter().map(|logit| logit as f32).collect())
    }
}

/// Every row of the cache that some segment sees, ascending.
fn seen(segments: &[Segment]) -> Vec<u32> {
    let ranges = segments.iter().flat_map(|segment| segment.prefix.iter().chain([&segment.own]));
    let mut seen: Vec<u32> = ranges.flat_map(Clone::clone).map(|row| row as u32).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

struct LayerCache<'a> {
    kept: &'a mut Option<(Tensor, Tensor)>,
    /// Rows of the pass with the rows of the cache that keep them.
    places: &'a [(Range<usize>, Range<usize>)],
    /// Rows that the cache must have.
    end: usize,
    /// Rows of the cache that the pass sees.
    seen: &'a Tensor,
}

impl Cache for LayerCache<'_> {
    fn extend(&mut self, keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor)> {
        let (kept_keys, kept_values) = self.kept.take().unzip();
        let kept_keys = lengthened(kept_keys, self.end, &keys)?;
        let kept_values = lengthened(kept_values, self.end, &values)?;
        for (rows, own) in self.places {
            kept_keys.slice_set(&keys.narrow(0, rows.start, rows.len())?.contiguous()?, 0, own.start)?;
            kept_values.slice_set(&values.narrow(0, rows.start, rows.len())?.contiguous()?, 0, own.start)?;
        }
        let seen = (kept_keys.index_select(self.seen, 0)?, kept_values.index_select(self.seen, 0)?);
        *self.kept = Some((kept_keys, kept_values));
        Ok(seen)
    }
}

/// The same with at least `rows` rows of the shape of `example`'s; doubled, so that growing row by row
/// stays cheap.
fn lengthened(kept: Option<Tensor>, rows: usize, example: &Tensor) -> Result<Tensor> {
    let (_, heads, dim) = example.dims3()?;
    let more = |count: usize| Tensor::zeros((count, heads, dim), example.dtype(), example.device());
    match kept {
        None => more(rows),
        Some(kept) if kept.dim(0)? >= rows => Ok(kept),
        Some(kept) => {
            let length = kept.dim(0)?;
            Tensor::cat(&[kept, more(rows.max(2 * length) - length)?], 0)
        }
    }
}
