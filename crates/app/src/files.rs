//! Reading and writing whole files: a file of ours is either complete or absent.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::Error;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::file("read", path))
}

pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("create", path))
}

/// Writes aside, flushes and renames.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_directory(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(Error::file("write in", directory))?;
    file.write_all(bytes).map_err(Error::file("write", path))?;
    file.as_file().sync_all().map_err(Error::file("flush", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private; a result is as readable as any other file.
        let readable = fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(Error::file("write", path))?;
    }
    file.persist(path).map_err(|error| error.error).map_err(Error::file("write", path))?;
    File::open(directory).and_then(|d| d.sync_all()).map_err(Error::file("flush", directory))
}

/// The last part of a path, for messages.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
