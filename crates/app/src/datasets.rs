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

/// A table of marked answers before it is read.
#[derive(Debug, Clone)]
pub(crate) struct AnswerTable {
    /// Its file's name: JSONL by its extension, else CSV.
    pub(crate) name: String,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// Builds a dataset. Warnings about the guide and the tables go to the session.
pub fn build_dataset(
    request: &DatasetRequest,
    session: &mut Session<'_>,
) -> Result<(Dataset, GuideFile), Error> {
    let guide = read_guide(&request.guide)?;
    let tables = request.answers.iter().map(|path| read_table(path)).collect::<Result<Vec<_>, _>>()?;
    Ok((build_from(&guide, &tables, &request.options, session)?, guide))
}

/// Builds a dataset of what was read.
pub(crate) fn build_from(
    guide: &GuideFile,
    tables: &[AnswerTable],
    options: &DatasetOptions,
    session: &mut Session<'_>,
) -> Result<Dataset, Error> {
    let guide = &guide.reading.guide;
    for question in &guide.questions {
        for doubt in &question.doubts {
            session.watcher.warning(&format!("guide, question {}: {doubt}", question.id.0));
        }
    }
    let mut answers = Vec::new();
    for table in tables {
        let read = table.marked_answers(guide)?;
        read.warnings.iter().for_each(|warning| session.watcher.warning(&warning.to_string()));
        answers.extend(read.answers);
    }
    Ok(build(guide, &answers, options)?)
}

/// Reads a table of marked answers, by its extension CSV or JSONL.
pub fn read_marked_answers(path: &Path, guide: &Guide) -> Result<MarkedAnswers, Error> {
    read_table(path)?.marked_answers(guide)
}

fn read_table(path: &Path) -> Result<AnswerTable, Error> {
    Ok(AnswerTable { name: files::name(path), bytes: files::read(path)? })
}

impl AnswerTable {
    pub(crate) fn marked_answers(&self, guide: &Guide) -> Result<MarkedAnswers, Error> {
        let name = self.name.to_ascii_lowercase();
        let is_json = name.ends_with(".jsonl") || name.ends_with(".json");
        let read = if is_json { marked_answers_jsonl } else { marked_answers_csv };
        Ok(read(&self.name, &self.bytes, guide)?)
    }
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
