//! A paper's lines; a table's row becomes a head and the lines of its cells.

use gradus_domain::text::StructuredText;

use crate::guide::heads::{Head, Style, head_of};
use crate::guide::lines::{Line, Passage, Row, Shape, lines};
use crate::guide::tables::question_number;

/// One line of a paper and the head that it may begin with.
#[derive(Debug, Clone)]
pub(super) struct PaperLine<'a> {
    pub(super) passage: Passage<'a>,
    /// The counter of a list item, which is part of what the student wrote.
    pub(super) marker: Option<&'a str>,
    pub(super) head: Option<(Head, Passage<'a>)>,
    pub(super) is_heading: bool,
    /// A head in a table's column of numbers is as good as one with the word "Question".
    pub(super) in_table: bool,
}

/// The paper's lines in reading order.
pub(super) fn paper_lines(text: &StructuredText) -> Vec<PaperLine<'_>> {
    let mut all = Vec::new();
    for line in lines(text) {
        match &line.shape {
            Shape::Row(row) => push_row(&mut all, line.passage, row),
            _ => all.push(paper_line(&line)),
        }
    }
    all
}

fn paper_line<'a>(line: &Line<'a>) -> PaperLine<'a> {
    PaperLine {
        passage: line.passage,
        marker: match line.shape {
            Shape::Item { marker } => marker,
            _ => None,
        },
        head: head_of(line),
        is_heading: matches!(line.shape, Shape::Heading(_)),
        in_table: false,
    }
}

fn push_row<'a>(all: &mut Vec<PaperLine<'a>>, passage: Passage<'a>, row: &Row<'a>) {
    let plain = |passage| PaperLine { passage, marker: None, head: None, is_heading: false, in_table: true };
    let numbered = row.cells.first().and_then(|cell| Some((cell, question_number(cell.whole.text)?)));
    match numbered.filter(|_| row.cells.len() > 1) {
        Some((cell, (path, rest))) => {
            let head = Head { path, style: Style::Keyword, keyword: None, rest };
            let rest = cell.whole.from(rest);
            all.push(PaperLine { head: Some((head, rest)), ..plain(cell.whole) });
            all.extend(row.cells.iter().skip(1).flat_map(|cell| &cell.lines).map(|line| plain(*line)));
        }
        None => all.push(plain(passage)),
    }
}
