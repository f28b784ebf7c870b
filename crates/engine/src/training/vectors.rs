//! The large vectors of a checkpoint in one safetensors file, written and read in small pieces: in full
//! fine-tuning they take most of the memory, and a second copy would not fit.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

const PIECE: usize = 1 << 16;

/// Where a vector lies in the file, as the format says it.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// First byte and the one after the last, counted from the end of the header.
    data_offsets: (u64, u64),
}

/// Writes the vectors by name, flushes the file to disk and returns its hash.
pub(super) fn write(path: &Path, vectors: &[(&'static str, &[f32])]) -> io::Result<blake3::Hash> {
    let mut file = Hashing { inner: File::create(path)?, hasher: blake3::Hasher::new() };
    let header = header(vectors);
    let mut writer = BufWriter::with_capacity(PIECE, &mut file);
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)?;
    for value in vectors.iter().flat_map(|(_, values)| *values) {
        writer.write_all(&value.to_le_bytes())?;
    }
    writer.flush()?;
    drop(writer);
    file.inner.sync_all()?;
    Ok(file.hasher.finalize())
}

/// Padded with spaces so that the data begin at a multiple of 8 bytes.
fn header(vectors: &[(&'static str, &[f32])]) -> Vec<u8> {
    let mut entries = BTreeMap::new();
    let mut start = 0;
    for (name, values) in vectors {
        let end = start + size_of_val(*values) as u64;
        let shape = vec![values.len()];
        entries.insert(*name, Entry { dtype: "F32".to_owned(), shape, data_offsets: (start, end) });
        start = end;
    }
    let mut header = serde_json::to_vec(&entries).unwrap_or_default();
    header.resize(header.len().next_multiple_of(8), b' ');
    header
}

/// The hash of a file.
pub(super) fn hash(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// Fills the vectors from a file that [`write`] made, or says what is wrong with it.
pub(super) fn read<const N: usize>(
    path: &Path,
    vectors: [(&'static str, &mut [f32]); N],
) -> Result<(), String> {
    let mut file = BufReader::with_capacity(PIECE, File::open(path).map_err(|error| error.to_string())?);
    let unreadable = |error: io::Error| error.to_string();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(unreadable)?;
    let length = u64::from_le_bytes(length);
    let mut header = Vec::new();
    (&mut file).take(length).read_to_end(&mut header).map_err(unreadable)?;
    let entries: BTreeMap<String, Entry> =
        serde_json::from_slice(&header).map_err(|error| format!("its header: {error}"))?;
    for (name, values) in vectors {
        let entry = entries.get(name).ok_or_else(|| format!("{name} is missing"))?;
        if entry.dtype != "F32" || entry.shape != [values.len()] {
            return Err(format!("{name} has another size than the adapter"));
        }
        file.seek(SeekFrom::Start(8 + length + entry.data_offsets.0)).map_err(unreadable)?;
        for value in values {
            let mut bytes = [0; 4];
            file.read_exact(&mut bytes).map_err(unreadable)?;
            *value = f32::from_le_bytes(bytes);
        }
    }
    Ok(())
}

/// Hashes what it writes.
struct Hashing {
    inner: File,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::{Dtype, SafeTensors};

    #[test]
    fn what_is_written_is_read_back_and_by_the_formats_own_reader() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vectors");
        let (one, two) = (vec![1.5, -0.0, f32::MIN_POSITIVE], vec![7.0; 50_000]);
        let written = write(&path, &[("one", &one), ("two", &two)]).unwrap();
        assert_eq!(hash(&path).unwrap(), written);

        let (mut first, mut second) = (vec![0.0; 3], vec![0.0; 50_000]);
        read(&path, [("two", &mut second[..]), ("one", &mut first[..])]).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!((bits(&first), second), (bits(&one), two));

        let bytes = std::fs::read(&path).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let two = tensors.tensor("two").unwrap();
        assert_eq!((two.dtype(), two.shape()), (Dtype::F32, &[50_000][..]));
    }

    #[test]
    fn vectors_of_another_size_or_name_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vectors");
        write(&path, &[("one", &[1.0, 2.0])]).unwrap();
        assert!(read(&path, [("one", &mut [0.0; 3][..])]).unwrap_err().contains("one has another size"));
        assert!(read(&path, [("two", &mut [0.0; 2][..])]).unwrap_err().contains("two is missing"));
    }
}
