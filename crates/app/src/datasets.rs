//! Datasets: built from a guide and marked answers, kept as one JSON file.

use std::path::{Path, PathBuf};

use gradus_grading::dataset::{Dataset, DatasetOptions, build};
use gradus_grading::guide::Guide;
use gradus_grading::import::{MarkedAnswers, marked_answers_csv, marked_answers_jsonl};

use crate::guides::{GuideFile, read_guide};
use crate::{Error, Session, files};

/// What to build a dataset from.
#[derive(Debug, Clone)]
pub struct DatasetRequest {
    /// The marking guide's document.
    pub guide: PathBuf,
    /// Tables of marked answers: CSV, or JSONL by its extension.
    pub answers: Vec<PathBuf>,
    /// Splits.
    pub options: DatasetOptions,
}

/// Builds a dataset. Warnings about the guide and the tables go to the session.
pub fn build_dataset(
    request: &DatasetRequest,
    session: &mut Session<'_>,
) -> Result<(Dataset, GuideFile), Error> {
    let guide = read_guide(&request.guide)?;
    for question in &guide.reading.guide.questions {
        for doubt in &question.doubts {
            session.watcher.warning(&format!("guide, question {}: {doubt}", question.id.0));
        }
    }
    let mut answers = Vec::new();
    for path in &request.answers {
        let read = read_marked_answers(path, &guide.reading.guide)?;
        read.warnings.iter().for_each(|warning| session.watcher.warning(&warning.to_string()));
        answers.extend(read.answers);
    }
    Ok((build(&guide.reading.guide, &answers, &request.options)?, guide))
}

/// Reads a table of marked answers, by its extension CSV or JSONL.
pub fn read_marked_answers(path: &Path, guide: &Guide) -> Result<MarkedAnswers, Error> {
    let bytes = files::read(path)?;
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let is_json = extension.is_some_and(|extension| extension == "jsonl" || extension == "json");
    let read = if is_json { marked_answers_jsonl } else { marked_answers_csv };
    Ok(read(&files::name(path), &bytes, guide)?)
}

/// Writes a dataset.
pub fn save_dataset(dataset: &Dataset, path: &Path) -> Result<(), Error> {
    files::write(path, dataset.to_json()?.as_bytes())
}

/// Reads a dataset that [`save_dataset`] wrote.
pub fn load_dataset(path: &Path) -> Result<Dataset, Error> {
    let bytes = files::read(path)?;
    // What is no text is no JSON either, and refused as such.
    Dataset::from_json(&String::from_utf8_lossy(&bytes))
        .map_err(|source| Error::DatasetFile { path: path.to_owned(), source })
}
