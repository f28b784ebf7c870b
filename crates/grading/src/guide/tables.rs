//! What a table in a guide is: one row a question, one row a point, or label and value; by its header
//! where it has one, by its cells otherwise.

use super::heads::{letter_value, number_value, parse_head, roman_value};
use super::lines::{Cell, Row};
use super::marks_notation::{MarkNote, standalone};
use super::sections::{Section, label};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A question's number, perhaps with its text.
    Number,
    Question,
    Answer,
    Points,
    Marks,
    Notes,
    Unknown,
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Each row is a question or goes on with the one above.
    Questions(Vec<Column>),
    /// Each row is a point of the question that the table stands in.
    Points(Vec<Column>),
    /// Rows that read like lines: a label or a head, then its text.
    Lines,
    /// None of these.
    Unknown,
}

/// Reads what a table is and whether its first row is a header.
pub(crate) fn layout(rows: &[&Row<'_>]) -> (Layout, bool) {
    let Some(first) = rows.first() else {
        return (Layout::Unknown, false);
    };
    let named: Vec<Column> = first.cells.iter().map(|cell| column(cell.whole.text)).collect();
    let known = named.iter().filter(|column| **column != Column::Unknown).count();
    let has_header = known >= 2 || known == 1 && (first.header || first.cells.len() == 1) && rows.len() > 1;
    if has_header && !is_label_and_value(rows) {
        return (by_header(named, &rows[1..]), true);
    }
    if is_label_and_value(rows) {
        return (Layout::Lines, false);
    }
    let body = if first.header { &rows[1..] } else { rows };
    (by_cells(body), first.header)
}

/// What a header's name says of its column.
fn column(name: &str) -> Column {
    let lower = name.to_lowercase();
    let bare = lower.split(['(', '[', '/']).next().unwrap_or("");
    let name = bare.trim_matches(|c: char| !c.is_alphanumeric() && c != '#');
    match name {
        "#" | "no" | "number" | "q" | "qn" | "q no" | "q.no" | "question no" | "question number"
        | "q. no" | "item" | "item no" | "ques" | "part" | "s" | "question id" | "id" | "question part" => {
            Column::Number
        }
        "question" | "questions" | "question text" | "prompt" | "task" | "stem" => Column::Question,
        "answer" | "answers" | "model answer" | "expected answer" | "suggested answer" | "response"
        | "solution" | "exemplar" | "sample answer" | "sample response" | "correct answer"
        | "model response" | "expected response" | "ideal answer" | "specimen answer" | "example answer"
        | "reference answer" | "expected answers" | "model answers" => Column::Answer,
        "point"
        | "points to award"
        | "marking point"
        | "marking points"
        | "criterion"
        | "criteria"
        | "mark scheme"
        | "marking scheme"
        | "rubric"
        | "what to look for"
        | "description"
        | "indicator"
        | "key point"
        | "key points"
        | "element"
        | "indicative content"
        | "requirement"
        | "expected points"
        | "what the answer must say"
        | "award for"
        | "credit for"
        | "evidence"
        | "marking criteria"
        | "scoring criteria"
        | "content" => Column::Points,
        "marks" | "mark" | "score" | "max" | "maximum" | "pts" | "weight" | "value" | "max marks"
        | "max mark" | "maximum marks" | "maximum mark" | "marks available" | "total marks" | "total"
        | "max score" | "worth" | "credit" | "mark allocation" | "marks awarded" | "maximum score"
        | "available marks" | "points" | "max points" => Column::Marks,
        "guidance"
        | "notes"
        | "comments"
        | "comment"
        | "accept"
        | "additional guidance"
        | "do not accept"
        | "reject"
        | "examiner notes"
        | "marker notes"
        | "note"
        | "remarks"
        | "marking guidance"
        | "notes for markers"
        | "guidance for markers"
        | "extra information"
        | "additional comments"
        | "allow"
        | "ignore" => Column::Notes,
        _ => Column::Unknown,
    }
}

fn by_header(mut columns: Vec<Column>, body: &[&Row<'_>]) -> Layout {
    // "Points" names marks or marking points; the cells tell.
    let marks: Vec<usize> = (0..columns.len()).filter(|&at| columns[at] == Column::Marks).collect();
    for at in marks {
        if share(body, at, is_marks) < 0.5 && filled(body, at) > 0 {
            columns[at] = Column::Points;
        }
    }
    // "Question" over "1", "2(b)" or "1. What is …" holds the number.
    if !columns.contains(&Column::Number)
        && let Some(at) = columns.iter().position(|column| *column == Column::Question)
        && share(body, at, |cell| question_number(cell).is_some()) >= 0.5
    {
        columns[at] = Column::Number;
    }
    // "Part" or "Item" over prose is a point.
    if let Some(at) = columns.iter().position(|column| *column == Column::Number)
        && share(body, at, |cell| question_number(cell).is_some()) < 0.5
    {
        columns[at] = if columns.contains(&Column::Points) { Column::Unknown } else { Column::Points };
    }
    if columns.contains(&Column::Number) || columns.contains(&Column::Question) {
        return Layout::Questions(columns);
    }
    if columns.iter().any(|column| matches!(column, Column::Points | Column::Answer)) {
        return Layout::Points(columns);
    }
    by_cells(body)
}

/// A table without a header: a column of numbers first, a column of marks last.
fn by_cells(body: &[&Row<'_>]) -> Layout {
    let width = body.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    if width < 2 {
        return Layout::Unknown;
    }
    let mut columns = vec![Column::Unknown; width];
    if let Some(at) = (1..width).rev().find(|&at| share(body, at, is_marks) >= 0.8) {
        columns[at] = Column::Marks;
    }
    let numbered = share(body, 0, |cell| question_number(cell).is_some()) >= 0.8;
    let texts: Vec<usize> =
        (0..width).filter(|&at| columns[at] == Column::Unknown && !(numbered && at == 0)).collect();
    if numbered {
        columns[0] = Column::Number;
        let first_has_text = body.iter().any(|row| {
            row.cells
                .first()
                .and_then(|cell| parse_head(cell.whole.text).map(|head| cell.whole.from(head.rest)))
                .is_some_and(|rest| !rest.is_empty())
        });
        let roles =
            if first_has_text { [Column::Answer, Column::Notes] } else { [Column::Question, Column::Answer] };
        for (at, role) in texts.into_iter().zip(roles) {
            columns[at] = role;
        }
        return Layout::Questions(columns);
    }
    match (texts.as_slice(), columns.contains(&Column::Marks)) {
        ([point], true) => {
            columns[*point] = Column::Points;
            Layout::Points(columns)
        }
        ([first, second, ..], true) => {
            columns[*first] = Column::Points;
            columns[*second] = Column::Notes;
            Layout::Points(columns)
        }
        _ => Layout::Unknown,
    }
}

/// Most rows begin with a label ("Model answer", "Marks") or a keyword head ("Question 2").
fn is_label_and_value(rows: &[&Row<'_>]) -> bool {
    let labelled = |row: &&&Row<'_>| {
        let Some(cell) = row.cells.first() else {
            return false;
        };
        let is_label = label(cell.whole).is_some_and(|found| found.rest.is_empty());
        is_label
            || parse_head(cell.whole.text).is_some_and(|head| head.keyword.is_some()) && row.cells.len() <= 3
    };
    let answers = |row: &&&Row<'_>| {
        row.cells.first().is_some_and(|cell| {
            label(cell.whole).is_some_and(|found| {
                matches!(found.section, Section::Answer | Section::Rubric | Section::Notes)
            })
        })
    };
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    width <= 3
        && rows.len() >= 2
        && rows.iter().filter(labelled).count() * 3 >= rows.len() * 2
        && (rows.iter().any(|row| answers(&row)) || rows[1..].iter().filter(labelled).count() > 0)
}

/// The share of a column's filled cells that pass.
fn share(rows: &[&Row<'_>], at: usize, test: impl Fn(&str) -> bool) -> f64 {
    let cells = rows.iter().filter_map(|row| row.cells.get(at)).filter(|cell| !cell.lines.is_empty());
    let (mut passed, mut all) = (0.0, 0.0);
    for cell in cells {
        all += 1.0;
        if cell.lines.iter().all(|line| test(line.text)) || is_total(cell.whole.text) {
            passed += 1.0;
        }
    }
    if all == 0.0 { 0.0 } else { passed / all }
}

fn filled(rows: &[&Row<'_>], at: usize) -> usize {
    rows.iter().filter(|row| row.cells.get(at).is_some_and(|cell| !cell.lines.is_empty())).count()
}

fn is_marks(line: &str) -> bool {
    marks_in_cell(line).is_some()
}

/// Marks in a cell's line that is known to hold marks, where a bare number will do.
pub(crate) fn marks_in_cell(line: &str) -> Option<MarkNote> {
    standalone(line).or_else(|| standalone(&format!("[{}]", line.trim())))
}

/// "Total" in a row's first cells: the row sums up the ones above.
pub(crate) fn is_total(cell: &str) -> bool {
    let lower = cell.to_lowercase();
    let word = lower.trim_matches(|c: char| !c.is_alphanumeric());
    matches!(word, "total" | "total marks" | "sum" | "totals" | "maximum" | "max" | "total mark")
        || word.starts_with("total for")
}

/// The path that a number cell names (`1`, `Q2`, `1 (a)(i)`, `b`) and where its text goes on.
pub(crate) fn question_number(cell: &str) -> Option<(Vec<String>, usize)> {
    let cell_trimmed = cell.trim();
    if let Some(head) = parse_head(cell_trimmed) {
        return Some((head.path, head.rest));
    }
    let lower = cell_trimmed.to_lowercase();
    let bare =
        letter_value(&lower).is_some() || roman_value(&lower).is_some() || number_value(&lower).is_some();
    if bare {
        return Some((vec![lower], cell_trimmed.len()));
    }
    // "1 a" and "1.1" are numbers in a column of numbers, though not at the start of a line.
    let compact: String = lower.split_whitespace().collect();
    let head = parse_head(&format!("{compact})"))?;
    (compact.len() <= 8 && head.rest == compact.len() + 1).then_some((head.path, cell_trimmed.len()))
}

/// The filled cells of a row that stand in columns of one kind.
pub(crate) fn cells_of<'r, 'a>(row: &'r Row<'a>, columns: &[Column], wanted: Column) -> Vec<&'r Cell<'a>> {
    row.cells
        .iter()
        .zip(columns)
        .filter(|(cell, column)| **column == wanted && !cell.lines.is_empty())
        .map(|(cell, _)| cell)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines::Passage;
    use super::*;

    fn cell(text: &'static str) -> Cell<'static> {
        let whole = Passage { text, start: 0, page: None };
        Cell { whole, lines: vec![whole] }
    }

    fn layout_of(rows: &[&[&'static str]]) -> (Layout, bool) {
        let rows: Vec<Row<'static>> = rows
            .iter()
            .map(|cells| Row {
                table: 0,
                header: false,
                cells: cells.iter().map(|text| cell(text)).collect(),
            })
            .collect();
        layout(&rows.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_table_is_known_by_its_header() {
        use Column::{Answer, Marks, Number, Points, Question};
        assert_eq!(
            layout_of(&[&["Question", "Answer", "Marks"], &["1(a)", "water", "2"]]),
            (Layout::Questions(vec![Number, Answer, Marks]), true)
        );
        assert_eq!(
            layout_of(&[&["No.", "Question", "Mark scheme", "Score"], &["1", "Why?", "water", "2"]]),
            (Layout::Questions(vec![Number, Question, Points, Marks]), true)
        );
        assert_eq!(
            layout_of(&[&["Criterion", "Points"], &["names ATP", "½"], &["Total", "½"]]),
            (Layout::Points(vec![Points, Marks]), true)
        );
    }

    #[test]
    fn a_table_without_a_header_is_known_by_its_cells() {
        use Column::{Marks, Number, Points, Question};
        assert_eq!(
            layout_of(&[&["1", "Why?", "2"], &["2", "How?", "3"]]),
            (Layout::Questions(vec![Number, Question, Marks]), false)
        );
        assert_eq!(
            layout_of(&[&["names ATP", "1"], &["names water", "1"]]),
            (Layout::Points(vec![Points, Marks]), false)
        );
        assert_eq!(
            layout_of(&[&["Question 1", "Why?"], &["Marks", "2"], &["Model answer", "water"]]),
            (Layout::Lines, false)
        );
        assert_eq!(layout_of(&[&["Monday", "Tuesday"]]), (Layout::Unknown, false));
    }
}
