//! Writes a GGUF file (version 3) one tensor at a time, so that a model is never in memory twice.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Value, ValueType};

use super::metadata::Metadata;
use super::storage;
use crate::export::ExportError;

/// Tensors begin at multiples of this many bytes.
const ALIGNMENT: usize = 32;
/// Values encoded at a time.
const CHUNK_VALUES: usize = 1 << 20;

/// A tensor to be written.
#[derive(Debug)]
pub(super) struct Stored {
    /// Its name in the file.
    pub(super) name: String,
    /// Outermost first.
    pub(super) shape: Vec<usize>,
    /// How it is stored.
    pub(super) blocks: GgmlDType,
}

impl Stored {
    fn byte_length(&self) -> usize {
        storage::byte_length(self.blocks, self.shape.iter().product())
    }
}

/// Writes metadata and tensors; `values` is asked for each tensor in turn, by its place, row-major.
pub(super) fn write(
    path: &Path,
    metadata: &Metadata,
    tensors: &[Stored],
    mut values: impl FnMut(usize) -> Result<Vec<f32>, ExportError>,
) -> Result<(), ExportError> {
    let file = File::create(path).map_err(ExportError::io("create", path))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let failed = || ExportError::io("write", path);
    file.write_all(&header(metadata, tensors)).map_err(failed())?;
    for (index, tensor) in tensors.iter().enumerate() {
        let values = values(index)?;
        assert_eq!(values.len(), tensor.shape.iter().product::<usize>(), "{} has its shape", tensor.name);
        write_values(&mut file, tensor, &values).map_err(failed())?;
    }
    let file = file.into_inner().map_err(|error| failed()(error.into_error()))?;
    file.sync_all().map_err(ExportError::io("flush", path))
}

fn write_values(file: &mut impl Write, tensor: &Stored, values: &[f32]) -> std::io::Result<()> {
    let width = tensor.shape.last().copied().unwrap_or(1).max(1);
    for rows in values.chunks((CHUNK_VALUES / width).max(1) * width) {
        file.write_all(&storage::encode(tensor.blocks, rows).map_err(std::io::Error::other)?)?;
    }
    let length = tensor.byte_length();
    file.write_all(&vec![0; length.next_multiple_of(ALIGNMENT) - length])
}

fn header(metadata: &Metadata, tensors: &[Stored]) -> Vec<u8> {
    let mut header = b"GGUF".to_vec();
    header.extend(3_u32.to_le_bytes());
    header.extend((tensors.len() as u64).to_le_bytes());
    header.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        put_text(&mut header, key);
        header.extend(type_number(value.value_type()).to_le_bytes());
        put_value(&mut header, value);
    }
    let mut offset = 0;
    for tensor in tensors {
        put_text(&mut header, &tensor.name);
        header.extend((tensor.shape.len() as u32).to_le_bytes());
        // Innermost first.
        tensor.shape.iter().rev().for_each(|side| header.extend((*side as u64).to_le_bytes()));
        header.extend(storage::number(tensor.blocks).to_le_bytes());
        header.extend((offset as u64).to_le_bytes());
        offset += tensor.byte_length().next_multiple_of(ALIGNMENT);
    }
    header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
    header
}

fn put_text(header: &mut Vec<u8>, text: &str) {
    header.extend((text.len() as u64).to_le_bytes());
    header.extend(text.as_bytes());
}

fn put_value(header: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U8(number) => header.push(*number),
        Value::I8(number) => header.extend(number.to_le_bytes()),
        Value::U16(number) => header.extend(number.to_le_bytes()),
        Value::I16(number) => header.extend(number.to_le_bytes()),
        Value::U32(number) => header.extend(number.to_le_bytes()),
        Value::I32(number) => header.extend(number.to_le_bytes()),
        Value::U64(number) => header.extend(number.to_le_bytes()),
        Value::I64(number) => header.extend(number.to_le_bytes()),
        Value::F32(number) => header.extend(number.to_le_bytes()),
        Value::F64(number) => header.extend(number.to_le_bytes()),
        Value::Bool(flag) => header.push(u8::from(*flag)),
        Value::String(text) => put_text(header, text),
        Value::Array(values) => {
            let of = values.first().map_or(ValueType::String, Value::value_type);
            header.extend(type_number(of).to_le_bytes());
            header.extend((values.len() as u64).to_le_bytes());
            values.iter().for_each(|value| put_value(header, value));
        }
    }
}

fn type_number(of: ValueType) -> u32 {
    match of {
        ValueType::U8 => 0,
        ValueType::I8 => 1,
        ValueType::U16 => 2,
        ValueType::I16 => 3,
        ValueType::U32 => 4,
        ValueType::I32 => 5,
        ValueType::F32 => 6,
        ValueType::Bool => 7,
        ValueType::String => 8,
        ValueType::Array => 9,
        ValueType::U64 => 10,
        ValueType::I64 => 11,
        ValueType::F64 => 12,
    }
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::gguf_file::Content;

    use super::*;

    #[test]
    fn what_is_written_is_read_by_another_reader_of_the_format() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.gguf");
        let list = Value::Array(vec![Value::String("a b".into()), Value::String("ü".into())]);
        let values = [
            ("list", list),
            ("empty", Value::Array(Vec::new())),
            ("flag", Value::Bool(true)),
            ("number", Value::F64(0.1)),
            ("small", Value::I8(-3)),
            ("long", Value::U64(1 << 40)),
        ];
        let metadata: Metadata = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let tensor = |name: &str, shape: &[usize], blocks| Stored {
            name: name.to_owned(),
            shape: shape.to_vec(),
            blocks,
        };
        let tensors = [tensor("norm", &[3], GgmlDType::F32), tensor("matrix", &[2, 32], GgmlDType::Q8_0)];
        let numbers = |index: usize| (0..[3, 64][index]).map(|k| k as f32).collect::<Vec<f32>>();
        write(&path, &metadata, &tensors, |index| Ok(numbers(index))).unwrap();

        let mut file = File::open(&path).unwrap();
        let content = Content::read(&mut file).unwrap();
        for (key, value) in &metadata {
            assert_eq!(format!("{value:?}"), format!("{:?}", content.metadata[key]));
        }
        for (index, tensor) in tensors.iter().enumerate() {
            let read = content.tensor(&mut file, &tensor.name, &candle_core::Device::Cpu).unwrap();
            assert_eq!((read.shape().dims(), read.dtype()), (tensor.shape.as_slice(), tensor.blocks));
            let read = read.dequantize(&candle_core::Device::Cpu).unwrap().flatten_all().unwrap();
            let furthest = read.to_vec1::<f32>().unwrap().into_iter().zip(numbers(index));
            assert!(furthest.into_iter().all(|(read, written)| (read - written).abs() < 0.3));
        }
        assert_eq!(file.metadata().unwrap().len() % ALIGNMENT as u64, 0);
    }
}
