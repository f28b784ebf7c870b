//! Students' papers from documents, and the marks that are known for them.

use std::path::{Path, PathBuf};

use gradus_grading::guide::Guide;
use gradus_grading::import::{KnownMarks, known_marks_csv};
use gradus_grading::marked_answer::MarkedAnswer;
use gradus_grading::paper::{PaperReading, parse_paper, student_in_line};
use serde::Serialize;

use crate::documents::{Document, read_document};
use crate::{Error, files};

/// A paper with the document it was read from.
#[derive(Debug, Clone, Serialize)]
pub struct PaperFile {
    /// The document.
    pub document: Document,
    /// Whose it is: as the paper says, or else the file's name without its extension.
    pub student: String,
    /// Its answers.
    pub reading: PaperReading,
}

/// Reads a student's paper.
pub fn read_paper(path: &Path, guide: &Guide) -> Result<PaperFile, Error> {
    paper_in(read_document(path)?, guide)
}

/// The paper in a document that was read.
pub(crate) fn paper_in(document: Document, guide: &Guide) -> Result<PaperFile, Error> {
    let path = &document.path;
    let reading = parse_paper(&document.extraction.text, guide)
        .map_err(|source| Error::Paper { path: path.clone(), source })?;
    // Papers often say whose they are in the page header alone.
    let in_header = || document.extraction.running_lines.iter().find_map(|line| student_in_line(line));
    let named = reading.student.clone().or_else(in_header);
    let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    let student = named.unwrap_or_else(|| stem.into_owned());
    Ok(PaperFile { document, student, reading })
}

/// Every document of a directory, by name; tables of marks and hidden files are left out.
pub fn documents_in(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(directory).map_err(Error::file("list", directory))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(Error::file("list", directory))?;
    paths.retain(|path| {
        let name = files::name(path);
        path.is_file() && !name.starts_with('.') && !name.to_lowercase().ends_with(".csv")
    });
    paths.sort();
    if paths.is_empty() {
        let message = format!("{} holds no documents: put the students' papers there", directory.display());
        return Err(Error::Request(message));
    }
    Ok(paths)
}

/// Reads a table of known marks.
pub fn read_known_marks(path: &Path, guide: &Guide) -> Result<KnownMarks, Error> {
    Ok(known_marks_csv(&files::name(path), &files::read(path)?, guide)?)
}

/// Joins papers with their known marks. An answer without a known mark, or a mark without a paper, is
/// said in the second list.
pub fn marked_papers(papers: &[PaperFile], known: &KnownMarks) -> (Vec<MarkedAnswer>, Vec<String>) {
    let mut problems = Vec::new();
    let mut answers = Vec::new();
    for mark in &known.marks {
        let Some(paper) = papers.iter().find(|p| p.student.eq_ignore_ascii_case(&mark.student)) else {
            problems.push(format!(
                "{}, row {}: there is no paper of student {}",
                mark.source.file, mark.source.row, mark.student
            ));
            continue;
        };
        let answer = paper.reading.answers.iter().find(|answer| answer.question == mark.question);
        if answer.is_none() {
            let name = paper.document.name();
            problems.push(format!(
                "{name}: no answer to question {} was found; it counts as blank",
                mark.question.0
            ));
        }
        answers.push(MarkedAnswer {
            student: Some(paper.student.clone()),
            question: mark.question.clone(),
            answer: answer.map(|answer| answer.answer.clone()).unwrap_or_default(),
            mark: mark.mark,
            second_mark: mark.second_mark,
            verdict: None,
            feedback: None,
            source: mark.source.clone(),
        });
    }
    for paper in papers {
        if !known.marks.iter().any(|mark| paper.student.eq_ignore_ascii_case(&mark.student)) {
            problems.push(format!(
                "{}: no marks are known for student {}",
                paper.document.name(),
                paper.student
            ));
        }
    }
    problems.dedup();
    (answers, problems)
}
