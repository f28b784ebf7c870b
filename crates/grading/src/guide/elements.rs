//! A guide's lines with its tables understood: what the walk over the guide meets, in order.

use super::heads::parse_head;
use super::lines::{Line, Passage, Row, Shape};
use super::sections::{label, split_at_labels};
use super::tables::{Column, Layout, layout, question_number};

/// One thing that the walk meets.
#[derive(Debug, Clone)]
pub(crate) enum Element<'a> {
    Line(Line<'a>),
    /// A row of a table in which rows are questions.
    QuestionRow(TableRow<'a>),
    /// A row of a table of marking points.
    PointRow(TableRow<'a>),
    /// Not understood, with the reason.
    Unread(Passage<'a>, &'static str),
}

/// A row and what its table's columns hold.
#[derive(Debug, Clone)]
pub(crate) struct TableRow<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) columns: std::rc::Rc<[Column]>,
    pub(crate) passage: Passage<'a>,
}

impl<'a> Element<'a> {
    pub(crate) fn line(&self) -> Option<&Line<'a>> {
        match self {
            Self::Line(line) => Some(line),
            _ => None,
        }
    }
}

/// The document's elements in reading order.
pub(crate) fn elements(lines: Vec<Line<'_>>) -> Vec<Element<'_>> {
    let mut all = Vec::with_capacity(lines.len());
    let mut rest = lines.into_iter().peekable();
    while let Some(line) = rest.next() {
        let Shape::Row(row) = &line.shape else {
            all.extend(split_at_labels(line).into_iter().map(Element::Line));
            continue;
        };
        let table = row.table;
        let mut rows = vec![(line.passage, row.clone())];
        while let Some(next) =
            rest.next_if(|next| matches!(&next.shape, Shape::Row(row) if row.table == table))
        {
            if let Shape::Row(row) = next.shape {
                rows.push((next.passage, row));
            }
        }
        push_table(&mut all, rows);
    }
    all
}

fn push_table<'a>(all: &mut Vec<Element<'a>>, rows: Vec<(Passage<'a>, Row<'a>)>) {
    let (layout, has_header) = layout(&rows.iter().map(|(_, row)| row).collect::<Vec<_>>());
    let body = rows.into_iter().skip(usize::from(has_header));
    match layout {
        Layout::Questions(columns) => {
            let columns: std::rc::Rc<[Column]> = columns.into();
            all.extend(body.map(|(passage, row)| {
                Element::QuestionRow(TableRow { row, columns: columns.clone(), passage })
            }));
        }
        Layout::Points(columns) => {
            let columns: std::rc::Rc<[Column]> = columns.into();
            all.extend(body.map(|(passage, row)| {
                Element::PointRow(TableRow { row, columns: columns.clone(), passage })
            }));
        }
        Layout::Lines => body.for_each(|(passage, row)| push_row_as_lines(all, passage, &row)),
        Layout::Unknown => body.for_each(|(passage, row)| {
            if row.cells.len() < 2 {
                push_row_as_lines(all, passage, &row);
            } else {
                all.push(Element::Unread(passage, "a table whose columns were not understood"));
            }
        }),
    }
}

/// "Question | 1" and "Question 1 | …" are heads, "Marks | 4" and "Model answer | …" are labels.
fn push_row_as_lines<'a>(all: &mut Vec<Element<'a>>, passage: Passage<'a>, row: &Row<'a>) {
    let paragraph = |passage| Element::Line(Line { shape: Shape::Paragraph, passage });
    let named = row.cells.first().is_some_and(|cell| label(cell.whole).is_some());
    let numbered = row.cells.get(1).is_some_and(|cell| question_number(cell.whole.text).is_some());
    if named && numbered && parse_head(passage.text).is_some_and(|head| head.keyword.is_some()) {
        all.push(paragraph(passage));
        return;
    }
    all.extend(row.cells.iter().flat_map(|cell| &cell.lines).map(|line| paragraph(*line)));
}
