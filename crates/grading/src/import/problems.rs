//! What is wrong with an uploaded file, for the person who uploaded it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many problems a message spells out before it only counts.
const SHOWN: usize = 20;

/// Where in a file something stands, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unit", content = "number", rename_all = "snake_case")]
pub enum Place {
    /// A row as a spreadsheet numbers it; the header is usually row 1.
    Row(usize),
    /// A line of a text file.
    Line(usize),
    /// An element of a JSON array.
    Item(usize),
}

impl Place {
    /// The number alone.
    pub fn number(self) -> usize {
        let (Self::Row(number) | Self::Line(number) | Self::Item(number)) = self;
        number
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(number) => write!(formatter, "row {number}"),
            Self::Line(number) => write!(formatter, "line {number}"),
            Self::Item(number) => write!(formatter, "item {number}"),
        }
    }
}

/// One thing wrong in an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file's name as given.
    pub file: String,
    /// Where in it; `None` where the whole file is meant.
    pub place: Option<Place>,
    /// Which column or field, as the file names it.
    pub column: Option<String>,
    /// What is wrong, a sentence without its full stop.
    pub message: String,
    /// What to do about it, a sentence.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if let Some(place) = self.place {
            write!(formatter, ", {place}")?;
        }
        if let Some(column) = &self.column {
            let noun = match self.place {
                Some(Place::Line(_) | Place::Item(_)) => "field",
                _ => "column",
            };
            write!(formatter, ", {noun} `{column}`")?;
        }
        write!(formatter, ": {}. {}", self.message, self.remedy)
    }
}

/// Why a file was refused: everything that is wrong with it, in the file's order.
///
/// Displays the first twenty errors, one a line, and counts the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", problem_list(errors))]
pub struct ImportErrors {
    /// What must be put right. Never empty.
    pub errors: Vec<Problem>,
    /// What looks odd but would not stop the import.
    pub warnings: Vec<Problem>,
}

/// Problems for a message: the first twenty, one a line, and a count of the rest.
pub fn problem_list(problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(Problem::to_string).collect();
    match problems.len().saturating_sub(SHOWN) {
        0 => {}
        1 => lines.push("and 1 more problem".to_owned()),
        more => lines.push(format!("and {more} more problems")),
    }
    lines.join("\n")
}

/// The problems found so far in one file.
#[derive(Debug)]
pub(super) struct Findings {
    file: String,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// A problem before it has a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) column: Option<String>,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { column: None, message: message.into(), remedy: remedy.into() }
    }

    pub(super) fn in_column(self, column: impl Into<String>) -> Self {
        Self { column: Some(column.into()), ..self }
    }
}

impl Findings {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), errors: Vec::new(), warnings: Vec::new() }
    }

    /// The name of the file that is read.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn no_errors(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn error(&mut self, place: impl Into<Option<Place>>, fault: Fault) {
        self.errors.push(self.placed(place.into(), fault));
    }

    pub(super) fn warning(&mut self, place: impl Into<Option<Place>>, fault: Fault) {
        self.warnings.push(self.placed(place.into(), fault));
    }

    fn placed(&self, place: Option<Place>, fault: Fault) -> Problem {
        Problem {
            file: self.file.clone(),
            place,
            column: fault.column,
            message: fault.message,
            remedy: fault.remedy,
        }
    }

    /// The warnings where there is no error, else everything.
    pub(super) fn into_warnings(self) -> Result<Vec<Problem>, ImportErrors> {
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        Err(self.into_errors())
    }

    /// Everything, where an error has been noted.
    pub(super) fn into_errors(mut self) -> ImportErrors {
        // Stable: what a row's reading noted in its order stays so.
        self.errors.sort_by_key(|problem| problem.place.map(Place::number));
        ImportErrors { errors: self.errors, warnings: self.warnings }
    }
}

/// Names for a message: "`a`, `b` and `c`".
pub(super) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.trim())).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
