//! Models on disk: a GGUF file or a Hugging Face directory becomes a [`ModelFiles`] with one set of
//! names, one layout and one number format, whatever it was stored as. Damaged files are refused
//! with what is wrong and what to do; no header is trusted before it is held against the file's size.

mod error;
mod fingerprint;
pub(crate) mod gguf;
mod hugging_face;
mod safetensors;
mod weights;

pub use error::FilesError;
pub use weights::{Stored, Tensor, Weights};

use candle_core::quantized::gguf_file::Value;

use crate::chat::ChatTemplate;
use crate::config::ModelConfig;
use crate::tokenizer::Tokenizer;
use std::collections::BTreeMap;
use std::path::Path;

/// A model as read from disk. Weights are read when they are taken.
#[derive(Debug)]
pub struct ModelFiles {
    /// The architecture.
    pub config: ModelConfig,
    /// The weights under their Hugging Face names, dequantised as they are taken.
    pub weights: Weights,
    /// The tokenizer that the weights were trained with.
    pub tokenizer: Tokenizer,
    /// How conversations are written out, when the model says so.
    pub chat_template: Option<ChatTemplate>,
    /// BLAKE3 of the weights file (of the shards' hashes in order of name, where there are several):
    /// what a trained adapter is tied to.
    pub fingerprint: blake3::Hash,
}

/// Reads a model from a GGUF file or a directory in the layout of Hugging Face (`config.json`,
/// `model.safetensors` or `model.safetensors.index.json`, `tokenizer.json`).
///
/// # Errors
/// When something is missing, damaged, cut off or not supported; the message names the file.
pub fn load(path: &Path) -> Result<ModelFiles, FilesError> {
    let metadata = std::fs::metadata(path).map_err(|source| FilesError::read(path, source))?;
    if metadata.is_dir() { hugging_face::load(path) } else { gguf::load(path) }
}

/// The metadata of a GGUF file as they are; `None` for a directory.
pub(crate) fn gguf_metadata(path: &Path) -> Result<Option<BTreeMap<String, Value>>, FilesError> {
    if path.is_dir() { Ok(None) } else { gguf::metadata_of(path).map(Some) }
}
