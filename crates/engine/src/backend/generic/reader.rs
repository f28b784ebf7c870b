//! Rows read with kept keys and values.

use std::collections::BTreeMap;
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
    /// The model, and what is added to each of its layers: nothing.
    unadapted: (Arc<Model>, Vec<LayerLora>),
    /// The same with each adapter, until it is released.
    adapted: BTreeMap<usize, (Arc<Model>, Vec<LayerLora>)>,
    next_adapter: usize,
    /// Rotated keys and values of each layer, `[rows of the cache, key/value heads, dim]` each.
    kept: Vec<Kept>,
    /// The most rows that there may be.
    capacity: usize,
}

/// Keys and values of one layer.
#[derive(Clone, Default)]
struct Kept {
    keys: Option<Tensor>,
    values: Option<Tensor>,
}

impl<'a> GenericReader<'a> {
    pub(super) fn new(backend: &'a mut GenericBackend, capacity: usize) -> Self {
        let layers = backend.config.layers;
        let unadapted = (backend.models.base(), vec![LayerLora::default(); layers]);
        let kept = vec![Kept::default(); layers];
        Self { unadapted, adapted: BTreeMap::new(), next_adapter: 0, kept, backend, capacity }
    }
}

impl CachedModel for GenericReader<'_> {
    fn adapt(&mut self, adapter: &Adapter) -> std::result::Result<(), BackendError> {
        let model = self.backend.model(Some(adapter))?;
        self.adapted.insert(self.next_adapter, (model, self.backend.loras(Some(adapter))?));
        self.next_adapter += 1;
        Ok(())
    }

    fn release(&mut self, adapter: usize) {
        self.adapted.remove(&adapter);
    }

    fn forward(&mut self, rows: CachedRows<'_>) -> std::result::Result<Vec<f32>, BackendError> {
        let backend = &*self.backend;
        let seen = seen(rows.segments);
        let mask = |window| mask::of_cached(rows.segments, &seen, window);
        let of_pass = &backend.rows(rows.positions, mask, None)?;
        let (own, seen) = (rows.places().collect::<Vec<_>>(), backend.placement.index(&seen)?);
        let places = &Places { own: &own, end: rows.end_of_cache(), capacity: self.capacity, seen: &seen };
        let (model, loras) = match rows.adapter {
            Some(index) => &self.adapted[&index],
            None => &self.unadapted,
        };
        let mut hidden = model.embedding.forward(rows.tokens)?;
        let layers = model.layers.iter().zip(loras).zip(&mut self.kept).enumerate();
        for (index, ((layer, lora), kept)) in layers {
            let rows = of_pass.of(backend.config.sight_of(index));
            let mut cache = LayerCache { kept, places };
            hidden = layer.forward(&hidden, Pass { rows, lora }, Some(&mut cache))?;
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

/// Where a pass finds the cache's rows, the same in every layer.
struct Places<'a> {
    /// Rows of the pass with the rows of the cache that keep them.
    own: &'a [(Range<usize>, Range<usize>)],
    /// Rows that the cache must have.
    end: usize,
    /// Rows that it may have.
    capacity: usize,
    /// Rows of the cache that the pass sees.
    seen: &'a Tensor,
}

struct LayerCache<'a> {
    kept: &'a mut Kept,
    places: &'a Places<'a>,
}

impl Cache for LayerCache<'_> {
    fn extend(&mut self, keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor)> {
        let keys = self.places.keep(&mut self.kept.keys, &keys)?;
        Ok((keys, self.places.keep(&mut self.kept.values, &values)?))
    }
}

impl Places<'_> {
    /// Keeps rows of the pass and returns all that it sees. What was kept before is there also where that
    /// fails: it is never taken out, and only the places of this pass are written to.
    fn keep(&self, kept: &mut Option<Tensor>, rows: &Tensor) -> Result<Tensor> {
        let lengthened = self.lengthened(kept.as_ref(), rows)?;
        let all = kept.insert(lengthened);
        for (from, to) in self.own {
            all.slice_set(&rows.narrow(0, from.start, from.len())?.contiguous()?, 0, to.start)?;
        }
        all.index_select(self.seen, 0)
    }

    /// The same with rows enough, of the shape of `example`'s; doubled, so that growing row by row stays
    /// cheap, up to the most that there may be.
    fn lengthened(&self, kept: Option<&Tensor>, example: &Tensor) -> Result<Tensor> {
        let (_, heads, dim) = example.dims3()?;
        let more = |count: usize| Tensor::zeros((count, heads, dim), example.dtype(), example.device());
        match kept {
            None => more(self.end),
            Some(kept) if kept.dim(0)? >= self.end => Ok(kept.clone()),
            Some(kept) => {
                let length = kept.dim(0)?;
                let planned = (2 * length).min(self.capacity).max(self.end);
                Tensor::cat(&[kept, &more(planned - length)?], 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    /// One row for each number, which is all that it holds.
    fn rows(numbers: &[f32]) -> Tensor {
        Tensor::from_slice(numbers, (numbers.len(), 1, 1), &Device::Cpu).unwrap()
    }

    /// Keeps keys and values from that row of the cache on; what is seen is everything up to there.
    fn extend(kept: &mut Kept, start: usize, keys: Tensor, values: Tensor) -> Result<[Vec<f32>; 2]> {
        let (count, end) = (keys.dim(0)?, start + keys.dim(0)?);
        let seen = Tensor::arange(0, end as u32, &Device::Cpu)?;
        let places = Places { own: &[(0..count, start..end)], end, capacity: 10, seen: &seen };
        let (keys, values) = LayerCache { kept, places: &places }.extend(keys, values)?;
        Ok([keys.flatten_all()?.to_vec1()?, values.flatten_all()?.to_vec1()?])
    }

    #[test]
    fn a_pass_that_fails_leaves_what_was_kept() {
        let mut kept = Kept::default();
        extend(&mut kept, 0, rows(&[1.0, 2.0]), rows(&[-1.0, -2.0])).unwrap();
        let wider = Tensor::zeros((2, 1, 3), DType::F32, &Device::Cpu).unwrap();
        extend(&mut kept, 2, wider.clone(), rows(&[-3.0, -4.0])).unwrap_err();
        extend(&mut kept, 2, rows(&[3.0, 4.0]), wider).unwrap_err();
        let seen = extend(&mut kept, 2, rows(&[5.0]), rows(&[-5.0])).unwrap();
        assert_eq!(seen, [[1.0, 2.0, 5.0], [-1.0, -2.0, -5.0]]);
    }

    #[test]
    fn a_cache_grows_by_doubling_and_never_beyond_its_capacity() {
        let mut kept = Kept::default();
        let lengths: Vec<usize> = (0..10)
            .map(|start| {
                extend(&mut kept, start, rows(&[1.0]), rows(&[1.0])).unwrap();
                kept.keys.as_ref().unwrap().dim(0).unwrap()
            })
            .collect();
        assert_eq!(lengths, [1, 2, 4, 4, 8, 8, 8, 8, 10, 10]);
    }
}
