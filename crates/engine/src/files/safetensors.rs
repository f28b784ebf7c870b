//! safetensors files, one or several shards, read by seeking: no memory map, no copy of the file.

use super::FilesError;
use super::weights::TensorSource;
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The limit of the format's own reader.
const HEADER_LIMIT: u64 = 100_000_000;
/// Bytes converted at a time; a multiple of every element size.
const CHUNK: usize = 1 << 22;

/// The tensors of one or several safetensors files.
pub(super) struct SafetensorsFiles {
    shards: Vec<Shard>,
    /// Name to shard.
    index: HashMap<String, usize>,
}

struct Shard {
    path: PathBuf,
    file: File,
    header: Metadata,
    data_start: u64,
}

impl SafetensorsFiles {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, FilesError> {
        let shards = paths.iter().map(|path| Shard::open(path)).collect::<Result<Vec<_>, _>>()?;
        let mut index = HashMap::new();
        for (number, shard) in shards.iter().enumerate() {
            index.extend(shard.header.tensors().into_keys().map(|name| (name, number)));
        }
        Ok(Self { shards, index })
    }

    fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.shards.get(*self.index.get(name)?)?.header.info(name)
    }
}

impl TensorSource for SafetensorsFiles {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.info(name).map(|info| info.shape.clone())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, FilesError> {
        let taken = || FilesError::TensorTaken { tensor: name.to_owned() };
        let shard = self.index.get(name).and_then(|&number| self.shards.get_mut(number)).ok_or_else(taken)?;
        let info = shard.header.info(name).ok_or_else(taken)?.clone();
        shard.read(name, &info)
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, FilesError> {
        let failed = |source| FilesError::read(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size < 8 {
            return Err(FilesError::damaged(path, size, "it is too short for a safetensors header"));
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(failed)?;
        let length = u64::from_le_bytes(length);
        if length > HEADER_LIMIT {
            return Err(FilesError::damaged(path, size, format!("it announces a header of {length} bytes")));
        }
        if length > size - 8 {
            return Err(FilesError::Truncated { path: path.to_owned(), expected: 8 + length, found: size });
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(failed)?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|error| {
            FilesError::damaged(path, size, format!("its header is unreadable ({error})"))
        })?;
        let shard = Self { path: path.to_owned(), file, header, data_start: 8 + length };
        shard.check(size)?;
        Ok(shard)
    }

    /// Every tensor lies within the file and is as long as its shape says.
    fn check(&self, size: u64) -> Result<(), FilesError> {
        let mut expected = self.data_start;
        for (name, info) in self.header.tensors() {
            let (start, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
            let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, &side| bits.checked_mul(side));
            let length = bits.map(|bits| (bits / 8) as u64);
            if end < start || length != Some(end - start) {
                let reason =
                    format!("the tensor \"{name}\" is not as long as its shape {:?} says", info.shape);
                return Err(FilesError::damaged(&self.path, size, reason));
            }
            expected = expected.max(self.data_start.saturating_add(end));
        }
        if expected > size {
            return Err(FilesError::Truncated { path: self.path.clone(), expected, found: size });
        }
        Ok(())
    }

    fn read(&mut self, name: &str, info: &TensorInfo) -> Result<Vec<f32>, FilesError> {
        let convert: fn(&[u8], &mut Vec<f32>) = match info.dtype {
            Dtype::F32 => |bytes, out| out.extend(pieces(bytes).map(f32::from_le_bytes)),
            Dtype::F16 => {
                |bytes, out| out.extend(pieces(bytes).map(|piece| f16::from_le_bytes(piece).to_f32()))
            }
            Dtype::BF16 => {
                |bytes, out| out.extend(pieces(bytes).map(|piece| bf16::from_le_bytes(piece).to_f32()))
            }
            other => {
                let reason =
                    format!("the tensor \"{name}\" has the type {other:?}; supported are F32, F16 and BF16");
                return Err(FilesError::unsupported(&self.path, reason));
            }
        };
        let failed = |source| FilesError::read(&self.path, source);
        let mut left = info.data_offsets.1 - info.data_offsets.0;
        let mut values = Vec::with_capacity(info.shape.iter().product());
        let mut buffer = vec![0; left.min(CHUNK)];
        self.file.seek(SeekFrom::Start(self.data_start + info.data_offsets.0 as u64)).map_err(failed)?;
        while left > 0 {
            let chunk = &mut buffer[..left.min(CHUNK)];
            self.file.read_exact(chunk).map_err(failed)?;
            convert(chunk, &mut values);
            left -= chunk.len();
        }
        Ok(values)
    }
}

/// Consecutive groups of `N` bytes.
fn pieces<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}
