//! CSV text to rows of cells, with the separator found and rows numbered as a spreadsheet shows them.

use csv::{ReaderBuilder, StringRecord, Terminator};

use super::columns::{Columns, Field};
use super::encoding;
use super::marked_row::Row;
use super::problems::{Fault, Findings, Place};
use crate::guide::Guide;

const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Hands every row of a CSV file to `read`, provided that the header has what is required.
pub(super) fn for_each_row(
    bytes: &[u8],
    guide: &Guide,
    required: &[Field],
    findings: &mut Findings,
    mut read: impl FnMut(&dyn Row, &mut Findings),
) {
    let table = encoding::decode(bytes, findings).and_then(|text| table(&text, findings));
    let Some(table) = table else {
        return;
    };
    let columns = Columns::among(table.header.iter().map(String::as_str));
    let faults = columns.faults(&table.header, required, guide, "column");
    let readable = faults.is_empty();
    for fault in faults {
        findings.error(Place::Row(table.header_row), fault);
    }
    for (number, cells) in table.rows.iter().filter(|_| readable) {
        let row = TableRow { number: *number, header: &table.header, cells, columns: &columns };
        read(&row, findings);
    }
}

/// A row with its header.
struct TableRow<'a> {
    number: usize,
    header: &'a [String],
    cells: &'a [String],
    columns: &'a Columns,
}

impl Row for TableRow<'_> {
    fn value(&self, field: Field) -> Option<&str> {
        let position = self.columns.position(field)?;
        Some(self.cells[position].trim())
    }

    fn column(&self, field: Field) -> &str {
        let position = self.columns.position(field);
        position.map_or(field.name(), |position| self.header[position].trim())
    }

    fn place(&self) -> Place {
        Place::Row(self.number)
    }
}

/// A header and the rows below it. Rows without any text are left out but counted.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    header_row: usize,
    header: Vec<String>,
    /// Row number and cells; as many cells as the header has.
    rows: Vec<(usize, Vec<String>)>,
}

/// Reads a table out of text with `\n` line ends. `None` where there is not even a header.
fn table(text: &str, findings: &mut Findings) -> Option<Table> {
    let (named, body) = separator_line(text);
    let separator = named.unwrap_or_else(|| likely_separator(body));
    let mut records = records(body, separator, findings).into_iter();
    let (header_row, header) = records.next()?;
    let mut rows = Vec::new();
    for (number, mut cells) in records {
        while cells.len() > header.len() && cells.last().is_some_and(|cell| cell.is_empty()) {
            cells.pop();
        }
        if cells.len() == header.len() {
            rows.push((number, cells));
        } else {
            findings.error(Place::Row(number), ragged(&header, &cells, separator));
        }
    }
    Some(Table { header_row, header, rows })
}

fn ragged(header: &[String], cells: &[String], separator: u8) -> Fault {
    let remedy = if cells.len() > header.len() {
        let name = match separator {
            b'\t' => "tab".to_owned(),
            other => format!("`{}`", char::from(other)),
        };
        format!("Put quotation marks around a cell that contains a {name}, or save the sheet as CSV again.")
    } else {
        "Look for a line break inside a cell without quotation marks, or save the sheet as CSV again."
            .to_owned()
    };
    let message = format!("the number of cells is {}, but the header has {}", cells.len(), header.len());
    Fault::new(message, remedy)
}

/// Excel's `sep=;` line, which no spreadsheet shows.
fn separator_line(text: &str) -> (Option<u8>, &str) {
    let found = text.strip_prefix("sep=").and_then(|rest| {
        let (separator, body) = rest.split_once('\n')?;
        let [separator] = separator.as_bytes() else {
            return None;
        };
        Some((Some(*separator), body))
    });
    found.unwrap_or((None, text))
}

/// The separator that yields the most known columns; among equals, the most columns.
fn likely_separator(text: &str) -> u8 {
    let score = |separator: &u8| {
        let mut header = StringRecord::new();
        let read = reader(text, *separator).read_record(&mut header);
        let known = Columns::among(header.iter()).count();
        read.map_or((0, 0), |_| (known, header.len()))
    };
    // The last of equals wins, so the likeliest goes last.
    let by_score = SEPARATORS.into_iter().rev().max_by_key(score);
    by_score.unwrap_or(b',')
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(text.as_bytes())
}

/// Every record that has text, with its row number: a quoted line break stays within a row, and an empty
/// line, over which the reader skips, is a row.
fn records(text: &str, separator: u8, findings: &mut Findings) -> Vec<(usize, Vec<String>)> {
    let mut reader = reader(text, separator);
    let mut record = StringRecord::new();
    let (mut all, mut row, mut start) = (Vec::new(), 0, 0);
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let remedy = "Save the sheet as CSV again.";
                findings.error(Place::Row(row + 1), Fault::new(error.to_string(), remedy));
                break;
            }
        }
        let end = (reader.position().byte() as usize).min(text.len());
        let raw = &text[start..end];
        start = end;
        row += 1 + raw.bytes().take_while(|byte| *byte == b'\n').count();
        if never_closes_a_quotation(raw, text.len() == end) {
            let message = "a quotation mark opens in this row and never closes, so that everything \
                           below it became one cell";
            let remedy = "Close the quotation mark, or double it where it belongs to the text.";
            findings.error(Place::Row(row), Fault::new(message, remedy));
        } else if record.iter().any(|cell| !cell.trim().is_empty()) {
            all.push((row, record.iter().map(str::to_owned).collect()));
        }
    }
    all
}

/// Only the last record can run to the end of the file in search of its closing mark.
fn never_closes_a_quotation(raw: &str, last: bool) -> bool {
    last && raw.trim().contains('\n') && raw.matches('"').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Table {
        let mut findings = Findings::new("marks.csv");
        let table = table(text, &mut findings).unwrap();
        assert_eq!(findings.into_warnings(), Ok(vec![]), "{text}");
        table
    }

    fn errors(text: &str) -> Vec<String> {
        let mut findings = Findings::new("marks.csv");
        let _ = table(text, &mut findings);
        let errors = findings.into_warnings().unwrap_err().errors;
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_separator_is_found() {
        for separator in [",", ";", "\t", "|"] {
            let text = "question|answer|mark\n1|\"a, b; c\"|0\n".replace('|', separator);
            let text = text.replace("a, b; c", "a, b; c | \t");
            let found = read(&text);
            assert_eq!(found.header, ["question", "answer", "mark"], "{separator}");
            assert_eq!(found.rows[0].1, ["1", "a, b; c | \t", "0"]);
        }
        assert_eq!(read("sep=;\nanswer;mark\nx,y;1").rows[0].1, ["x,y", "1"]);
    }

    #[test]
    fn rows_are_numbered_as_a_spreadsheet_shows_them() {
        let text = "\nanswer,mark\n\"two\nlines\n\nor four\",1\n\n\nx,2\n,\n\"say \"\"y\"\"\",3";
        let found = read(text);
        let numbers: Vec<usize> = found.rows.iter().map(|(number, _)| *number).collect();
        assert_eq!((found.header_row, numbers), (2, vec![3, 6, 8]));
        assert_eq!(found.rows[0].1[0], "two\nlines\n\nor four");
        assert_eq!(found.rows[2].1[0], "say \"y\"");
    }

    #[test]
    fn cells_beyond_the_header_are_dropped_only_where_empty() {
        assert_eq!(read("answer,mark\nx,1,,\n").rows[0].1, ["x", "1"]);
        let found = errors("answer,mark\nx,1\nx, y,1\nz\n");
        assert_eq!(found.len(), 2);
        assert!(
            found[0]
                .starts_with("marks.csv, row 3: the number of cells is 3, but the header has 2. Put quot")
        );
        assert!(
            found[1]
                .starts_with("marks.csv, row 4: the number of cells is 1, but the header has 2. Look for a")
        );
    }

    #[test]
    fn a_quotation_mark_that_never_closes_is_named_with_its_row() {
        let found = errors("answer,mark\nx,1\n\"y,2\nz,3\nw,4\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("marks.csv, row 3: a quotation mark opens"));
    }
}
