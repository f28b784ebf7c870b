//! The seam between training and the mathematics: a backend runs packed batches, and rows whose keys and
//! values are kept, through one model. Optimizer, schedule, checkpoints and the bookkeeping of sequences
//! are the same for every backend.

mod cached;
pub mod cpu;
mod device;
mod dropout;
mod embedding_noise;
pub mod generic;

pub use embedding_noise::EmbeddingNoise;

use crate::adapter::{Adapter, Method};
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
pub use cached::{CachedModel, CachedRows};
pub use device::Device;

/// Why a backend could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// A token that the model does not have.
    #[error("token {token} is beyond the model's vocabulary of {vocabulary}")]
    TokenOutOfRange {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// A sequence longer than the model can read.
    #[error(
        "a sequence of {length} tokens is longer than the model's context of {context}; shorten it or choose a model with a longer context"
    )]
    TooLong {
        /// Tokens in the sequence.
        length: usize,
        /// The model's limit.
        context: usize,
    },
    /// A sequence without a token.
    #[error("there is no token to read; a sequence needs at least one")]
    NothingToRead,
    /// No room for more keys and values.
    #[error(
        "the cache of keys and values holds {capacity} tokens, {free} of them free, and {needed} are needed; allow it more memory, or read fewer or shorter texts at once"
    )]
    CacheFull {
        /// Tokens to be read.
        needed: usize,
        /// Tokens for which there is room.
        free: usize,
        /// Tokens for which there would be room in an empty cache.
        capacity: usize,
    },
    /// This build cannot use the device, or it is not there.
    #[error("the device {device} cannot be used: {reason}, or use --device cpu")]
    Device {
        /// Its name.
        device: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// A tensor that the model does not have.
    #[error("the model has no tensor \"{name}\"")]
    NoSuchTensor {
        /// Its name.
        name: String,
    },
    /// The tensor library failed, usually because memory ran out.
    #[error("a tensor operation failed; if memory ran out, use smaller micro-batches: {0}")]
    Tensors(#[from] candle_core::Error),
    /// Weights that are not finite, or too large for a block's scale.
    #[error("the tensor \"{tensor}\" cannot be kept quantised: {source}; keep the base weights in full")]
    Quantise {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        source: gradus_kernels::quantised::QuantiseError,
    },
    /// The model's weights are not what its configuration says.
    #[error(transparent)]
    Weights(#[from] crate::files::FilesError),
}

/// Refuses tokens that the model does not have and sequences (`length` tokens long) beyond its context.
pub(crate) fn check_tokens(config: &ModelConfig, tokens: &[u32], length: usize) -> Result<(), BackendError> {
    let vocabulary = config.vocabulary_size;
    if let Some(token) = tokens.iter().find(|token| **token as usize >= vocabulary) {
        return Err(BackendError::TokenOutOfRange { token: *token, vocabulary });
    }
    let context = config.context_length;
    if length > context {
        return Err(BackendError::TooLong { length, context });
    }
    Ok(())
}

/// As [`check_tokens`] for the tokens and labels of a batch; returns the length of its longest sequence.
fn check_batch(config: &ModelConfig, batch: &PackedBatch) -> Result<usize, BackendError> {
    let length = batch.positions.iter().max().map_or(0, |position| *position as usize + 1);
    check_tokens(config, &batch.tokens, length)?;
    let labels: Vec<u32> = batch.labels.iter().map(|label| label.token).collect();
    check_tokens(config, &labels, length)?;
    Ok(length)
}

/// What training adds to the computation of one batch to make the model robust; none when it is used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Noise {
    /// Drops input features of adapters.
    pub dropout: Option<Dropout>,
    /// Shakes the embeddings.
    pub embedding: Option<EmbeddingNoise>,
}

impl From<Dropout> for Noise {
    fn from(dropout: Dropout) -> Self {
        Self { dropout: Some(dropout), embedding: None }
    }
}

/// Dropout for one batch: what to drop is a pure function of the key.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// Unique to the batch within the run.
    pub key: u64,
    /// Probability of dropping a feature.
    pub probability: f32,
}

/// Memory that a model's weights take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightBytes {
    /// At most while they are read from a file.
    pub loading: u64,
    /// In training, with what is made of the parameters that are trained.
    pub training: u64,
}

/// A model that can be trained, scored and sampled.
pub trait Backend {
    /// The model's architecture.
    fn config(&self) -> &ModelConfig;

    /// A tensor of the base model by its Hugging Face name, row-major, as this backend computes with it.
    fn base_tensor(&self, name: &str) -> Result<Vec<f32>, BackendError>;

    /// Adds the gradient of `scale * Σ weight * -ln p(label)` with respect to the adapter's parameters
    /// to `gradients` (same layout) and returns `Σ weight * -ln p(label)`.
    fn accumulate_gradients(
        &mut self,
        batch: &PackedBatch,
        adapter: &Adapter,
        noise: Noise,
        scale: f32,
        gradients: &mut [f32],
    ) -> Result<f64, BackendError>;

    /// Natural logarithm of the probability of each label, in the order of `batch.labels`.
    fn log_probabilities(
        &mut self,
        batch: &PackedBatch,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<f32>, BackendError>;

    /// Memory that the weights take.
    fn weight_bytes(&self, method: &Method) -> WeightBytes;

    /// Memory that a batch takes beside the weights and what the optimizer sees, in bytes: for the gradients
    /// of training by that method, or for probabilities alone.
    fn pass_bytes(&self, method: &Method, batch: &PackedBatch, gradients: bool) -> u64;

    /// Bytes that the keys and values of one token take while sequences are read.
    fn cache_bytes_per_token(&self) -> usize;

    /// The model with an empty cache of the keys and values of at most `capacity` tokens, for a
    /// [`Reader`](crate::reading::Reader).
    fn cached<'a>(&'a mut self, capacity: usize) -> Box<dyn CachedModel + 'a>;
}
