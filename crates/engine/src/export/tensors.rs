//! Writes safetensors one tensor at a time, so that a model is never in memory twice.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use half::bf16;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ExportError;

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 4 bytes a weight: as trained.
    F32,
    /// 2 bytes a weight, rounded to 8 significant bits: what published models are stored in.
    Bf16,
}

impl Precision {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::Bf16 => "BF16",
        }
    }
}

/// Writes the tensors of that name and shape; `values` is asked for each in turn, row-major.
pub(super) fn write(
    path: &Path,
    precision: Precision,
    tensors: &[(String, Vec<usize>)],
    mut values: impl FnMut(&str) -> Result<Vec<f32>, ExportError>,
) -> Result<(), ExportError> {
    let file = File::create(path).map_err(ExportError::io("create", path))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let header = header(precision, tensors);
    let length = (header.len() as u64).to_le_bytes();
    file.write_all(&length).and_then(|()| file.write_all(&header)).map_err(ExportError::io("write", path))?;
    for (name, shape) in tensors {
        let values = values(name)?;
        assert_eq!(values.len(), shape.iter().product::<usize>(), "{name} has the announced shape");
        write_values(&mut file, precision, &values).map_err(ExportError::io("write", path))?;
    }
    let file = file.into_inner().map_err(|error| ExportError::io("write", path)(error.into_error()))?;
    file.sync_all().map_err(ExportError::io("flush", path))
}

/// Padded with spaces so that the data begin at a multiple of 8 bytes.
fn header(precision: Precision, tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    // Hugging Face transformers refuses files that do not name the framework they are for.
    let mut entries = Map::from_iter([("__metadata__".to_owned(), json!({ "format": "pt" }))]);
    let mut start = 0;
    for (name, shape) in tensors {
        let end = start + shape.iter().product::<usize>() * precision.bytes();
        let entry = json!({ "dtype": precision.name(), "shape": shape, "data_offsets": [start, end] });
        entries.insert(name.clone(), entry);
        start = end;
    }
    let mut header = Value::Object(entries).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    header
}

fn write_values(file: &mut impl Write, precision: Precision, values: &[f32]) -> std::io::Result<()> {
    match precision {
        Precision::F32 => values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes())),
        Precision::Bf16 => {
            values.iter().try_for_each(|value| file.write_all(&bf16::from_f32(*value).to_le_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::{Dtype, SafeTensors};

    #[test]
    fn what_is_written_is_read_by_the_formats_own_reader() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.safetensors");
        let tensors = [("one".to_owned(), vec![3]), ("another".to_owned(), vec![2, 1])];
        let values = |name: &str| Ok(if name == "one" { vec![1.0, -2.5, 1.003] } else { vec![7.0, 8.0] });
        for (precision, dtype, third) in
            [(Precision::F32, Dtype::F32, 1.003_f32), (Precision::Bf16, Dtype::BF16, 1.0)]
        {
            write(&path, precision, &tensors, values).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let read = SafeTensors::deserialize(&bytes).unwrap();
            let (one, another) = (read.tensor("one").unwrap(), read.tensor("another").unwrap());
            assert_eq!((one.dtype(), another.shape()), (dtype, [2, 1].as_slice()));
            let last = one.data().len() - precision.bytes();
            let third_read = match precision {
                Precision::F32 => f32::from_le_bytes(one.data()[last..].try_into().unwrap()),
                Precision::Bf16 => bf16::from_le_bytes(one.data()[last..].try_into().unwrap()).to_f32(),
            };
            assert_eq!(third_read, third);
        }
    }
}
