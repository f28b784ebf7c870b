//! Public sets of marked answers, from a file or a folder of files.

use std::path::{Path, PathBuf};

use gradus_grading::import::public::{FILE_ENDINGS, PublicFile, PublicSet, public_set};

use crate::guides::read_guide;
use crate::{Error, files};

/// Largest file of a set, in bytes; the largest that is known has 12 MB.
const LARGEST_FILE: u64 = 256 << 20;
/// Most files of a set; SemEval-2013 comes in about 1,500.
const MOST_FILES: usize = 20_000;

/// Reads a public set. `guide` is a document with question texts and model answers for sets that have none
/// of their own. Nothing below `output` is read: it is where what is made of the set goes.
///
/// # Errors
/// No such file, no file of a known kind, or everything that is wrong with them.
pub fn read_public_set(path: &Path, guide: Option<&Path>, output: &Path) -> Result<PublicSet, Error> {
    let questions = guide.map(read_guide).transpose()?;
    let paths = files_of(path, output)?;
    let contents: Vec<(String, Vec<u8>)> =
        paths.iter().map(|file| Ok((relative(path, file), read(file)?))).collect::<Result<_, Error>>()?;
    let files: Vec<PublicFile<'_>> =
        contents.iter().map(|(path, bytes)| PublicFile { path, bytes }).collect();
    Ok(public_set(&files, questions.as_ref().map(|file| &file.reading.guide))?)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let size = path.metadata().map_err(Error::file("read", path))?.len();
    if size > LARGEST_FILE {
        let (path, limit) = (path.display(), LARGEST_FILE >> 20);
        let message = format!("{path} has {} MiB, and a file of a set at most {limit}: split it", size >> 20);
        return Err(Error::Request(message));
    }
    files::read(path)
}

/// The file itself, or the files of the set in a folder and the folders in it, in the order of their names.
fn files_of(path: &Path, output: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut folders, mut found) = (vec![path.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Error::file("read", &folder))? {
            let entry = entry.map_err(Error::file("read", &folder))?;
            let kind = entry.file_type().map_err(Error::file("read", &entry.path()))?;
            // A link could lead round in a circle.
            if kind.is_dir() && !is_same(&entry.path(), output) {
                folders.push(entry.path());
            } else if kind.is_file() && is_of_a_set(&entry.path()) {
                found.push(entry.path());
            }
        }
        if found.len() > MOST_FILES {
            let message =
                format!("{} has more than {MOST_FILES} files: give the folder of one set", path.display());
            return Err(Error::Request(message));
        }
    }
    if found.is_empty() {
        let (path, endings) = (path.display(), FILE_ENDINGS.join(", "));
        let message = format!("{path} holds no file of a set (known are files ending in {endings})");
        return Err(Error::Request(message));
    }
    found.sort();
    Ok(found)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn is_of_a_set(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| FILE_ENDINGS.iter().any(|known| ending == *known))
}

/// The path below the set's folder, parts separated by `/`; the file's name where it is the set.
fn relative(set: &Path, file: &Path) -> String {
    let below = file.strip_prefix(set).ok().filter(|below| !below.as_os_str().is_empty());
    let parts =
        below.map(|below| below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"));
    parts.unwrap_or_else(|| files::name(file))
}
