//! ASAP-SAS (Kaggle, Hewlett Foundation 2012) as tab-separated text: `Id EssaySet Score1 Score2 EssayText`.
//! The leaderboard files have no scores: these stand in `…_solution.csv`. Question texts are not in the set.

use std::collections::BTreeMap;

use gradus_domain::Marks;

use super::collection::{Collection, FoundAnswer, FoundQuestion, SetFile, Source};
use super::part::PartKind;
use super::{Format, saf_xml};
use crate::import::problems::{Fault, Place};

pub(super) const FORMAT: Format = Format { recognises, read };

/// The most marks in the essay sets 1 to 10, from the set's description.
const MAXIMA: [i32; 10] = [3, 3, 2, 2, 3, 3, 2, 2, 2, 2];

const ID: &str = "id";
const SET: &str = "essayset";
const TEXT: &str = "essaytext";
const SCORE: &str = "score1";
const SECOND_SCORE: &str = "score2";
/// The column of a solution file.
const SOLUTION: &str = "essayscore";

fn recognises(text: &str) -> bool {
    let table = Table::of(text);
    table.has(&[ID, SET, TEXT]) || table.has(&[ID, SOLUTION])
}

fn read(files: &[SetFile], collection: &mut Collection) {
    collection.set_names.insert("ASAP-SAS".to_owned());
    let (essays, solutions): (Vec<&SetFile>, Vec<&SetFile>) =
        files.iter().partition(|file| Table::of(&file.text).has(&[TEXT]));
    let mut scores = BTreeMap::new();
    for file in solutions {
        let table = Table::of(&file.text);
        each_row(file, &table, collection, |row, _| {
            scores.insert(row.cell(ID)?.to_owned(), row.mark(SOLUTION)?);
            Ok(())
        });
    }
    essays.into_iter().for_each(|file| read_essays(file, &scores, collection));
}

fn read_essays(file: &SetFile, scores: &BTreeMap<String, Marks>, collection: &mut Collection) {
    let Some(part) = collection.part_of_path(file) else { return };
    let table = Table::of(&file.text);
    let mut without_mark = 0;
    each_row(file, &table, collection, |row, collection| {
        let score = match table.has(&[SCORE]) {
            true => Some(row.mark(SCORE)?),
            false => scores.get(row.cell(ID)?).copied(),
        };
        match score {
            Some(mark) => add_essay(row, mark, part, collection)?,
            None => without_mark += 1,
        }
        Ok(())
    });
    if without_mark > 0 {
        let message = format!("{without_mark} of its answers have no mark and were left out");
        let remedy = "Add the solution file of this part if you have it.";
        collection.findings(file.index).warning(None, Fault::new(message, remedy));
    }
}

fn add_essay(row: &Row<'_>, mark: Marks, part: PartKind, collection: &mut Collection) -> Result<(), Fault> {
    let set = row.cell(SET)?;
    let known = set.parse::<usize>().ok().and_then(|number| MAXIMA.get(number.checked_sub(1)?));
    let maximum = known.ok_or_else(|| {
        Fault::new(format!("`{set}` is not an essay set"), "They have the numbers 1 to 10.").in_column(SET)
    })?;
    let second_mark = match row.cell(SECOND_SCORE) {
        Ok("") | Err(_) => None,
        Ok(_) => Some(row.mark(SECOND_SCORE)?),
    };
    collection.answers.push(FoundAnswer {
        question: set.to_owned(),
        part,
        answer: row.cell(TEXT)?.to_owned(),
        mark,
        second_mark,
        label: None,
        feedback: None,
        source: row.source,
    });
    collection.add_question(FoundQuestion {
        id: set.to_owned(),
        text: format!("Essay set {set}"),
        references: Vec::new(),
        notes: Vec::new(),
        maximum: Some(Marks::from_thousandths(maximum * 1000)),
        source: row.source,
    });
    Ok(())
}

/// A table with a row a line. Answers have quotation marks anywhere, so these do not keep cells together.
struct Table<'a> {
    separator: char,
    header: Vec<String>,
    rows: Vec<&'a str>,
}

impl<'a> Table<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = text.split('\n');
        let header = lines.next().unwrap_or_default();
        let separator = if header.contains('\t') { '\t' } else { ',' };
        let fold = |name: &str| name.to_lowercase().replace(['_', '"', ' '], "");
        Self { separator, header: header.split(separator).map(fold).collect(), rows: lines.collect() }
    }

    fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.header.iter().any(|name| name == column))
    }
}

struct Row<'a> {
    header: &'a [String],
    cells: Vec<String>,
    source: Source,
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Result<&str, Fault> {
        let position = self.header.iter().position(|name| name == column);
        position.and_then(|position| self.cells.get(position)).map(String::as_str).ok_or_else(|| {
            let remedy = "Take a fresh copy of the file.";
            Fault::new(format!("there is no cell for `{column}`"), remedy)
        })
    }

    fn mark(&self, column: &str) -> Result<Marks, Fault> {
        saf_xml::parse_mark(self.cell(column)?).map_err(|fault| fault.in_column(column))
    }
}

/// Hands every line below the header that has text to `read`, and notes its faults.
fn each_row(
    file: &SetFile,
    table: &Table<'_>,
    collection: &mut Collection,
    mut read: impl FnMut(&Row<'_>, &mut Collection) -> Result<(), Fault>,
) {
    for (index, line) in table.rows.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells = line.splitn(table.header.len(), table.separator).map(unquoted).collect();
        let source = Source { file: file.index, place: Place::Row(index + 2) };
        if let Err(fault) = read(&Row { header: &table.header, cells, source }, collection) {
            collection.error(source, fault);
        }
    }
}

/// Without the quotation marks that some copies put around a whole cell, doubling those within.
fn unquoted(cell: &str) -> String {
    let cell = cell.trim();
    let within = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
    match within.filter(|within| !within.replace("\"\"", "").contains('"')) {
        Some(within) => within.replace("\"\"", "\"").trim().to_owned(),
        None => cell.to_owned(),
    }
}
