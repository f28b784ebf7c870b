//! Marked answers from CSV and JSONL files.

use super::columns::Field;
use super::problems::{Fault, Findings, ImportErrors, Problem};
use super::{json_lines, marked_row, table};
use crate::guide::Guide;
use crate::marked_answer::MarkedAnswer;

/// What a file of marked answers held.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedAnswers {
    /// In the file's order. Question ids are spelt as in the guide. Never empty.
    pub answers: Vec<MarkedAnswer>,
    /// What looks odd: a mark off the question's step, an old encoding.
    pub warnings: Vec<Problem>,
}

const REQUIRED: [Field; 3] = [Field::Question, Field::Answer, Field::Mark];

/// Reads a CSV file: comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252; columns in any order, named
/// `student`, `question`, `answer`, `mark`, `second_mark`, `feedback`, `max` or a common synonym. Only the
/// answer and the mark are required, and the question where the guide has several.
///
/// # Errors
/// Everything that is wrong with the file, by row (as a spreadsheet numbers them) and column.
pub fn marked_answers_csv(
    file_name: &str,
    bytes: &[u8],
    guide: &Guide,
) -> Result<MarkedAnswers, ImportErrors> {
    let mut findings = Findings::new(file_name);
    let mut answers = Vec::new();
    table::for_each_row(bytes, guide, &REQUIRED, &mut findings, |row, findings| {
        answers.extend(marked_row::read(row, guide, findings));
    });
    finish(answers, findings)
}

/// Reads a file with one JSON object a line (or one array of them) with the fields of
/// [`marked_answers_csv`]; `qid`, `score` and `max`, as public data sets name them, are understood too.
///
/// # Errors
/// Everything that is wrong with the file, by line and field.
pub fn marked_answers_jsonl(
    file_name: &str,
    bytes: &[u8],
    guide: &Guide,
) -> Result<MarkedAnswers, ImportErrors> {
    let mut findings = Findings::new(file_name);
    let mut answers = Vec::new();
    json_lines::for_each_row(bytes, guide, &REQUIRED, &mut findings, |row, findings| {
        answers.extend(marked_row::read(row, guide, findings));
    });
    finish(answers, findings)
}

fn finish(answers: Vec<MarkedAnswer>, mut findings: Findings) -> Result<MarkedAnswers, ImportErrors> {
    if answers.is_empty() && findings.no_errors() {
        let remedy = "Choose the file that holds the marked answers.";
        findings.error(None, Fault::new("the file has no rows of answers", remedy));
    }
    findings.into_warnings().map(|warnings| MarkedAnswers { answers, warnings })
}
