//! The CPU backend: an explicit forward and backward over the layers of a decoder, without a tape.

mod base_weights;
mod buffers;
mod cut;
mod decoder;
mod decomposed;
mod factors;
mod layer;
mod linear;
mod memory;
mod model;
mod needs;
mod reader;
mod rotary;

use std::ops::Range;

use gradus_kernels::Bf16;
use gradus_kernels::attention::Segment;
use gradus_kernels::cpu::{Level, level};

use super::{Backend, BackendError, CachedModel, Dropout, Noise, WeightBytes};
use crate::adapter::{Adapter, Method};
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::files::Weights;
pub use base_weights::BaseWeights;
use decoder::Decoder;
use factors::Factors;

/// What the backend computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Everything in f32: the reference.
    F32,
    /// Frozen weights and activations in bf16, sums, norms, softmax, losses and everything of the adapter
    /// that the optimizer sees in f32. Half the memory, several times the speed.
    Bf16,
}

impl Precision {
    /// The fastest that this processor is good at.
    pub fn best() -> Self {
        if level() >= Level::Avx512Bf16 { Self::Bf16 } else { Self::F32 }
    }
}

/// A decoder on the CPU.
pub struct CpuBackend {
    decoder: Box<dyn Backend + Send>,
}

impl CpuBackend {
    /// Takes the model's weights out of `weights`, to compute in f32.
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape than the configuration says.
    pub fn new(config: ModelConfig, weights: Weights) -> Result<Self, BackendError> {
        Self::with_precision(config, weights, Precision::F32)
    }

    /// As [`Self::new`], to compute in the given precision. Weights are kept as they are stored.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_precision(
        config: ModelConfig,
        weights: Weights,
        precision: Precision,
    ) -> Result<Self, BackendError> {
        Self::with_base_weights(config, weights, precision, BaseWeights::default())
    }

    /// As [`Self::with_precision`], with the weights kept in the given way.
    ///
    /// # Errors
    /// As [`Self::new`]; also where weights cannot be quantised.
    pub fn with_base_weights(
        config: ModelConfig,
        weights: Weights,
        precision: Precision,
        base_weights: BaseWeights,
    ) -> Result<Self, BackendError> {
        Ok(Self {
            decoder: match precision {
                Precision::F32 => Box::new(Decoder::<f32>::new(config, weights, base_weights)?),
                Precision::Bf16 => Box::new(Decoder::<Bf16>::new(config, weights, base_weights)?),
            },
        })
    }
}

impl Backend for CpuBackend {
    fn config(&self) -> &ModelConfig {
        self.decoder.config()
    }

    fn base_tensor(&self, name: &str) -> Result<Vec<f32>, BackendError> {
        self.decoder.base_tensor(name)
    }

    fn accumulate_gradients(
        &mut self,
        batch: &PackedBatch,
        adapter: &Adapter,
        noise: Noise,
        scale: f32,
        gradients: &mut [f32],
    ) -> Result<f64, BackendError> {
        self.decoder.accumulate_gradients(batch, adapter, noise, scale, gradients)
    }

    fn log_probabilities(
        &mut self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<f32>, BackendError> {
        self.decoder.log_probabilities(batch, adapter)
    }

    fn weight_bytes(&self, method: &Method) -> WeightBytes {
        self.decoder.weight_bytes(method)
    }

    fn pass_bytes(&self, method: &Method, batch: &PackedBatch, gradients: bool) -> u64 {
        self.decoder.pass_bytes(method, batch, gradients)
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.decoder.cache_bytes_per_token()
    }

    fn cached<'a>(&'a mut self, capacity: usize) -> Box<dyn CachedModel + 'a> {
        self.decoder.cached(capacity)
    }
}

/// What stays the same through all the layers of one pass.
struct Pass<'a> {
    positions: &'a [u32],
    segments: &'a [Segment],
    adapter: Option<&'a Adapter>,
    /// Where the adapter has magnitudes.
    factors: Option<&'a Factors>,
    dropout: Option<Dropout>,
    /// Which row of the batch its first one is: the pass drops what the batch would drop there.
    first_row: usize,
}

impl Pass<'_> {
    /// The place of a weight of the model in the flat vector, if it is trained itself.
    fn trained(&self, name: &str) -> Option<Range<usize>> {
        self.adapter?.weight(name).map(|weight| weight.range.clone())
    }
}
