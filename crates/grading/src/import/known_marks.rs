//! The marks that people gave whole papers, without the answers, which stand in the papers themselves.

use std::collections::HashMap;

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

use super::columns::Field;
use super::problems::{Fault, Findings, ImportErrors, Problem};
use super::{marked_row, table};
use crate::guide::{Guide, QuestionId};
use crate::marked_answer::RowSource;

/// The mark of one student's answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownMark {
    /// Whose paper.
    pub student: String,
    /// Which question, spelt as in the guide.
    pub question: QuestionId,
    /// The mark given.
    pub mark: Marks,
    /// A second marker's mark, where there is one.
    pub second_mark: Option<Marks>,
    /// Where it came from.
    pub source: RowSource,
}

/// What a file of known marks held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMarks {
    /// In the file's order, at most one for each student and question. Never empty.
    pub marks: Vec<KnownMark>,
    /// What looks odd: a mark off the question's step, an old encoding.
    pub warnings: Vec<Problem>,
}

/// Reads a CSV file as [`super::marked_answers_csv`] does, but one that needs no answers and must name
/// students.
///
/// # Errors
/// Everything that is wrong with the file, a second mark for the same answer included.
pub fn known_marks_csv(file_name: &str, bytes: &[u8], guide: &Guide) -> Result<KnownMarks, ImportErrors> {
    let required = [Field::Student, Field::Question, Field::Mark];
    let mut findings = Findings::new(file_name);
    let mut marks = Vec::new();
    let mut seen = HashMap::new();
    table::for_each_row(bytes, guide, &required, &mut findings, |row, findings| {
        let Some(answer) = marked_row::read(row, guide, findings) else {
            return;
        };
        let Some(student) = answer.student else {
            let remedy = "Enter whose paper the mark belongs to.";
            let fault = Fault::new("the student is missing", remedy);
            findings.error(row.place(), fault.in_column(row.column(Field::Student)));
            return;
        };
        let key = (student.to_lowercase(), answer.question.clone());
        if let Some(earlier) = seen.insert(key, row.place()) {
            findings.error(row.place(), marked_twice(&student, &answer.question, earlier));
        }
        marks.push(KnownMark {
            student,
            question: answer.question,
            mark: answer.mark,
            second_mark: answer.second_mark,
            source: answer.source,
        });
    });
    if marks.is_empty() && findings.no_errors() {
        let remedy = "Choose the file that holds the known marks.";
        findings.error(None, Fault::new("the file has no rows of marks", remedy));
    }
    findings.into_warnings().map(|warnings| KnownMarks { marks, warnings })
}

fn marked_twice(student: &str, question: &QuestionId, earlier: super::Place) -> Fault {
    let question = &question.0;
    Fault::new(
        format!("student `{student}` already has a mark for question {question} in {earlier}"),
        "Keep one of the rows; a second marker's mark goes into a column `second_mark`.",
    )
}
