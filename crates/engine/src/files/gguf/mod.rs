//! GGUF files: every number format of llama.cpp that candle can dequantise, under Hugging Face names
//! and in the Hugging Face layout. candle reads the header and the blocks; everything it is given
//! has been held against the file's size first.

pub(crate) mod config;
pub(crate) mod layout;
mod metadata;
pub(crate) mod rope;
mod vocabulary;

use super::weights::TensorSource;
use super::{FilesError, ModelFiles, Weights, fingerprint};
use crate::chat::ChatTemplate;
use crate::tokenizer::Tokenizer;
use candle_core::Device;
use candle_core::quantized::GgmlDType;
use candle_core::quantized::ggml_file::qtensor_from_ggml;
use candle_core::quantized::gguf_file::{Content, TensorInfo, Value};
use gradus_kernels::quantised::{BLOCK, Format, QuantisedMatrix};
use metadata::Metadata;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Real headers (vocabulary and merges included) are below 15 MB; a parsed value takes up to 32 times
/// its bytes, so this bounds what a hostile header can make the reader allocate.
const HEADER_LIMIT: u64 = 32 << 20;
/// Values dequantised at a time.
const CHUNK_VALUES: usize = 1 << 20;
const SUPPORTED_TYPES: &str = "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K";

pub(super) fn load(path: &Path) -> Result<ModelFiles, FilesError> {
    let file = GgufFile::open(path)?;
    let metadata = Metadata::new(&file.content.metadata);
    let config = config::read(&metadata, &file).map_err(|source| FilesError::config(path, source))?;
    let vocabulary = vocabulary::read(&metadata).map_err(|source| FilesError::config(path, source))?;
    let template = metadata.optional_text("tokenizer.chat_template").map(str::to_owned);
    let tokenizer = Tokenizer::from_gguf(vocabulary).map_err(|source| FilesError::tokenizer(path, source))?;
    tokenizer
        .check_vocabulary(config.vocabulary_size)
        .map_err(|source| FilesError::tokenizer(path, source))?;
    let chat_template = template
        .map(|source| ChatTemplate::for_tokenizer(&source, &tokenizer))
        .transpose()
        .map_err(|source| FilesError::chat(path, source))?;
    let layout = layout::Layout::new(&metadata, &config);
    let weights = Weights::check(&config, Box::new(GgufWeights { file, layout }), path)?;
    let fingerprint = fingerprint::of_files(&[path.to_owned()])?;
    Ok(ModelFiles { config, weights, tokenizer, chat_template, fingerprint })
}

/// All metadata of a file, uninterpreted.
pub(super) fn metadata_of(path: &Path) -> Result<BTreeMap<String, Value>, FilesError> {
    Ok(GgufFile::open(path)?.content.metadata.into_iter().collect())
}

struct GgufFile {
    path: PathBuf,
    file: File,
    size: u64,
    content: Content,
}

impl GgufFile {
    fn open(path: &Path) -> Result<Self, FilesError> {
        let failed = |source| FilesError::read(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut header = Vec::new();
        file.by_ref().take(HEADER_LIMIT).read_to_end(&mut header).map_err(failed)?;
        if !header.starts_with(b"GGUF") {
            return Err(FilesError::damaged(path, size, "it does not begin with the mark of a GGUF file"));
        }
        let content = guarded(|| Content::read(&mut Cursor::new(header))).map_err(|reason| {
            FilesError::damaged(path, size, format!("its header is unreadable ({reason})"))
        })?;
        let opened = Self { path: path.to_owned(), file, size, content };
        opened.check()?;
        Ok(opened)
    }

    /// Every tensor lies within the file.
    fn check(&self) -> Result<(), FilesError> {
        let mut expected = 0;
        for (name, info) in &self.content.tensor_infos {
            let end = byte_length(info)
                .and_then(|length| self.start(info)?.checked_add(length as u64))
                .ok_or_else(|| {
                    let reason =
                        format!("the tensor \"{name}\" has the impossible shape {:?}", info.shape.dims());
                    FilesError::damaged(&self.path, self.size, reason)
                })?;
            expected = expected.max(end);
        }
        if expected > self.size {
            return Err(FilesError::Truncated { path: self.path.clone(), expected, found: self.size });
        }
        Ok(())
    }

    fn start(&self, info: &TensorInfo) -> Option<u64> {
        self.content.tensor_data_offset.checked_add(info.offset)
    }

    /// The blocks of a matrix, row by row, in a format that the kernels compute with.
    fn read_blocks(&self, name: &str) -> Result<Option<(Format, Vec<u8>)>, FilesError> {
        let taken = || FilesError::TensorTaken { tensor: name.to_owned() };
        let info = self.content.tensor_infos.get(name).ok_or_else(taken)?;
        let format = match info.ggml_dtype {
            GgmlDType::Q4_0 => Format::Q4_0,
            GgmlDType::Q4_1 => Format::Q4_1,
            GgmlDType::Q8_0 => Format::Q8_0,
            _ => return Ok(None),
        };
        if info.shape.dims().len() != 2 {
            return Ok(None);
        }
        let failed = |source| FilesError::read(&self.path, source);
        let mut blocks = vec![0; byte_length(info).ok_or_else(taken)?];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.start(info).ok_or_else(taken)?)).map_err(failed)?;
        file.read_exact(&mut blocks).map_err(failed)?;
        Ok(Some((format, blocks)))
    }

    /// Reads a tensor as f32, a few rows at a time, so that the quantised copy stays small.
    fn read(&self, name: &str) -> Result<Vec<f32>, FilesError> {
        let taken = || FilesError::TensorTaken { tensor: name.to_owned() };
        let info = self.content.tensor_infos.get(name).ok_or_else(taken)?;
        let failed = |source| FilesError::read(&self.path, source);
        let row = info.shape.dims().last().copied().unwrap_or(1).max(1);
        let row_bytes = row / info.ggml_dtype.block_size() * info.ggml_dtype.type_size();
        let mut rows_left = info.shape.elem_count() / row;
        let mut values = Vec::with_capacity(info.shape.elem_count());
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.start(info).ok_or_else(taken)?)).map_err(failed)?;
        let mut buffer = Vec::new();
        while rows_left > 0 {
            let rows = rows_left.min((CHUNK_VALUES / row).max(1));
            buffer.resize(rows * row_bytes, 0);
            file.read_exact(&mut buffer).map_err(failed)?;
            values.append(&mut self.dequantise(info, name, rows * row, &buffer)?);
            rows_left -= rows;
        }
        Ok(values)
    }

    fn dequantise(
        &self,
        info: &TensorInfo,
        name: &str,
        count: usize,
        bytes: &[u8],
    ) -> Result<Vec<f32>, FilesError> {
        let dequantised = guarded(|| {
            let blocks = qtensor_from_ggml(info.ggml_dtype, bytes, vec![count], &Device::Cpu)?;
            blocks.dequantize(&Device::Cpu)?.to_vec1::<f32>()
        });
        dequantised.map_err(|reason| {
            let what = format!("the tensor \"{name}\" of type {:?}: {reason}", info.ggml_dtype);
            FilesError::unsupported(&self.path, format!("{what}; supported types are {SUPPORTED_TYPES}"))
        })
    }
}

/// The GGUF names and layout behind the Hugging Face ones.
struct GgufWeights {
    file: GgufFile,
    layout: layout::Layout,
}

impl TensorSource for GgufWeights {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let info = self.file.content.tensor_infos.get(&self.layout.name(name)?)?;
        Some(info.shape.dims().to_vec())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, FilesError> {
        let stored =
            self.layout.name(name).ok_or_else(|| FilesError::TensorTaken { tensor: name.to_owned() })?;
        let values = self.file.read(&stored)?;
        Ok(self.layout.to_hugging_face(name, values))
    }

    fn read_quantised(&mut self, name: &str) -> Result<Option<QuantisedMatrix>, FilesError> {
        let taken = || FilesError::TensorTaken { tensor: name.to_owned() };
        let stored = self.layout.name(name).ok_or_else(taken)?;
        let Some((format, blocks)) = self.file.read_blocks(&stored)? else {
            return Ok(None);
        };
        let shape = self.shape(name).ok_or_else(taken)?;
        let (rows, cols) = (shape[0], shape[1]);
        let blocks = self.layout.blocks_to_hugging_face(name, blocks, cols / BLOCK * format.block_bytes());
        let matrix = QuantisedMatrix::from_blocks(format, &blocks, rows, cols).map_err(|error| {
            let reason = format!("the tensor \"{name}\": {error}");
            FilesError::damaged(&self.file.path, self.file.size, reason)
        })?;
        Ok(Some(matrix))
    }
}

/// Bytes of a tensor; `None` when its shape overflows or does not fill whole blocks in every row.
fn byte_length(info: &TensorInfo) -> Option<usize> {
    let dims = info.shape.dims();
    let values = dims.iter().try_fold(1_usize, |product, &side| product.checked_mul(side))?;
    let whole = dims.last().is_none_or(|row| row.is_multiple_of(info.ggml_dtype.block_size()));
    if !whole || values == 0 {
        return None;
    }
    (values / info.ggml_dtype.block_size()).checked_mul(info.ggml_dtype.type_size())
}

/// Runs candle on bytes that nobody vouches for: its panics become errors like its errors.
fn guarded<T>(work: impl FnOnce() -> candle_core::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the reader stopped on an impossible value".to_owned()),
    }
}
