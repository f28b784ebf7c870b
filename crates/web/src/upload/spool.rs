//! Where files lie while they arrive.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use tempfile::{NamedTempFile, TempPath};

use super::UploadError;

/// What is written to disk and hashed at once; the memory that one upload takes is about twice this.
const PART_BYTES: usize = 256 * 1024;

/// How names of spooled files begin, by which those that a killed server left are known.
const FILE_PREFIX: &str = "upload-";

/// A directory for files that arrive. It lies on the file system that files are kept on, so that keeping one
/// is a rename.
#[derive(Debug, Clone)]
pub struct Spool {
    directory: PathBuf,
}

/// A file that has arrived whole. Dropping it removes it.
#[derive(Debug)]
pub struct SpooledFile {
    path: TempPath,
    bytes: u64,
    hash: blake3::Hash,
}

impl SpooledFile {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The BLAKE3 hash of its content.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// Hands the file over to whoever keeps it; it is theirs to remove.
    pub fn keep(self) -> io::Result<PathBuf> {
        self.path.keep().map_err(|error| error.error)
    }
}

impl Spool {
    /// The spool in `directory`, which is made if need be and emptied of what a killed server left there.
    /// Only one server may use it.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        std::fs::create_dir_all(&directory)?;
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(FILE_PREFIX) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { directory })
    }

    /// Begins a file of at most `max_bytes`.
    pub(super) async fn begin(&self, max_bytes: u64) -> Result<SpoolWriter, UploadError> {
        let directory = self.directory.clone();
        let file =
            blocking(move || tempfile::Builder::new().prefix(FILE_PREFIX).tempfile_in(directory)).await?;
        Ok(SpoolWriter {
            file: Some(Arriving { file, hasher: blake3::Hasher::new() }),
            part: BytesMut::with_capacity(PART_BYTES),
            bytes: 0,
            max_bytes,
        })
    }
}

/// A file that is arriving. Dropping it removes it.
pub(super) struct SpoolWriter {
    /// Away only while a part is written.
    file: Option<Arriving>,
    part: BytesMut,
    bytes: u64,
    max_bytes: u64,
}

struct Arriving {
    file: NamedTempFile,
    hasher: blake3::Hasher,
}

impl SpoolWriter {
    /// Takes the next bytes, and fails as soon as there are too many.
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), UploadError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(UploadError::TooLarge { max_bytes: self.max_bytes });
        }
        while !bytes.is_empty() {
            let room = PART_BYTES - self.part.len();
            self.part.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.part.len() == PART_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// The whole file, with all of it on its way to the disk.
    pub(super) async fn finish(mut self) -> Result<SpooledFile, UploadError> {
        self.flush().await?;
        let Some(Arriving { file, hasher }) = self.file else { return Err(lost()) };
        Ok(SpooledFile { path: file.into_temp_path(), bytes: self.bytes, hash: hasher.finalize() })
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        let Some(mut arriving) = self.file.take() else { return Err(lost()) };
        let part = std::mem::take(&mut self.part);
        // If the request ends meanwhile, the file is dropped, and so removed, when the part is written.
        let (arriving, mut part) = blocking(move || {
            arriving.file.write_all(&part)?;
            arriving.hasher.update(&part);
            Ok((arriving, part))
        })
        .await?;
        part.clear();
        self.part = part;
        self.file = Some(arriving);
        Ok(())
    }
}

/// An earlier write failed, and took the file with it.
fn lost() -> UploadError {
    UploadError::Disk(io::Error::other("an earlier part of the file could not be written"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, UploadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).and_then(|done| done).map_err(UploadError::Disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> usize {
        std::fs::read_dir(directory).unwrap().count()
    }

    #[tokio::test]
    async fn a_file_arrives_whole_and_goes_when_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path()).unwrap();
        let content: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
        let mut writer = spool.begin(content.len() as u64).await.unwrap();
        for part in content.chunks(70_001) {
            writer.write(Bytes::copy_from_slice(part)).await.unwrap();
        }
        let file = writer.finish().await.unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), content);
        assert_eq!(file.bytes(), content.len() as u64);
        assert_eq!(file.hash(), blake3::hash(&content));
        drop(file);
        assert_eq!(files(directory.path()), 0);
    }

    #[tokio::test]
    async fn a_kept_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path()).unwrap();
        let mut writer = spool.begin(5).await.unwrap();
        writer.write(Bytes::from_static(b"hello")).await.unwrap();
        let path = writer.finish().await.unwrap().keep().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"hello");
    }

    #[tokio::test]
    async fn the_first_byte_too_many_ends_it_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path()).unwrap();
        let mut writer = spool.begin(4).await.unwrap();
        writer.write(Bytes::from_static(b"four")).await.unwrap();
        let error = writer.write(Bytes::from_static(b"!")).await.unwrap_err();
        assert!(matches!(error, UploadError::TooLarge { max_bytes: 4 }), "{error}");
        drop(writer);
        assert_eq!(files(directory.path()), 0);
    }

    #[test]
    fn opening_removes_what_a_killed_server_left_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("upload-abc"), "x").unwrap();
        std::fs::write(directory.path().join("notes.txt"), "x").unwrap();
        Spool::open(directory.path()).unwrap();
        assert!(!directory.path().join("upload-abc").exists());
        assert!(directory.path().join("notes.txt").exists());
    }
}
