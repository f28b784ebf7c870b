//! Tables without vertical lines: runs of lines whose segments stand in the same columns.

use super::Item;
use super::lines::{Line, Segment};

/// Replaces runs of aligned lines in `items` by tables.
pub(super) fn find_tables(items: &mut Vec<Item>) {
    let mut found = Vec::with_capacity(items.len());
    let mut rest = std::mem::take(items).into_iter().peekable();
    let mut run: Vec<Line> = Vec::new();
    while let Some(item) = rest.next() {
        match item {
            Item::Line(line) if run.is_empty() && line.segments.len() >= 2 => run.push(line),
            Item::Line(line)
                if run.first().is_some_and(|first| belongs(first, &run[run.len() - 1], &line)) =>
            {
                run.push(line)
            }
            other => {
                close(&mut run, &mut found);
                match other {
                    Item::Line(line) if line.segments.len() >= 2 => run.push(line),
                    other => found.push(other),
                }
            }
        }
        if rest.peek().is_none() {
            close(&mut run, &mut found);
        }
    }
    *items = found;
}

/// Whether a line is a further row of the table that `first` starts, or continues the row above.
fn belongs(first: &Line, above: &Line, line: &Line) -> bool {
    let tolerance = 0.8 * line.size;
    let near =
        line.baseline - above.baseline < 3.0 * line.size && (line.size - above.size).abs() < 0.1 * line.size;
    let column_of = |segment: &Segment| column(first, segment, tolerance);
    let columns: Vec<Option<usize>> = line.segments.iter().map(column_of).collect();
    let full = columns.len() == first.segments.len();
    let continues = columns.iter().all(|column| column.is_some_and(|column| column > 0));
    near && columns.iter().all(Option::is_some) && (full || continues)
}

/// The column of `first` that a segment is aligned with, at its left, its right or its middle.
fn column(first: &Line, segment: &Segment, tolerance: f64) -> Option<usize> {
    first.segments.iter().position(|column| {
        (column.left - segment.left).abs() <= tolerance
            || (column.right - segment.right).abs() <= tolerance
            || (column.left + column.right - segment.left - segment.right).abs() <= tolerance
    })
}

/// Two rows of two columns can be chance: such a table needs three rows or three columns.
fn close(run: &mut Vec<Line>, found: &mut Vec<Item>) {
    let lines = std::mem::take(run);
    let Some(first) = lines.first() else {
        return;
    };
    let width = first.segments.len();
    let full = lines.iter().filter(|line| line.segments.len() == width).count();
    if full < 2 || (full == 2 && width == 2) {
        found.extend(lines.into_iter().map(Item::Line));
        return;
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in &lines {
        if line.segments.len() == width {
            rows.push(line.segments.iter().map(|segment| segment.text.clone()).collect());
            continue;
        }
        for segment in &line.segments {
            let column = column(first, segment, 0.8 * line.size);
            if let Some(cell) = column.and_then(|column| rows.last_mut()?.get_mut(column)) {
                cell.push(' ');
                cell.push_str(&segment.text);
            }
        }
    }
    found.push(Item::Table(rows));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(baseline: f64, segments: &[(f64, &str)]) -> Item {
        let segments: Vec<Segment> = segments
            .iter()
            .map(|&(left, text)| Segment {
                left,
                right: left + 5.0 * text.len() as f64,
                text: text.to_owned(),
            })
            .collect();
        Item::Line(Line {
            baseline,
            size: 10.0,
            left: segments[0].left,
            right: segments[segments.len() - 1].right,
            first_word_width: 10.0,
            segments,
        })
    }

    #[test]
    fn aligned_rows_become_a_table_with_their_wrapped_cells() {
        let mut items = vec![
            line(10.0, &[(0.0, "Marking points")]),
            line(30.0, &[(0.0, "No."), (50.0, "Point"), (200.0, "Marks")]),
            line(42.0, &[(0.0, "1"), (50.0, "names the"), (200.0, "1")]),
            line(54.0, &[(50.0, "membrane")]),
            line(90.0, &[(0.0, "After")]),
        ];
        find_tables(&mut items);
        assert_eq!(items.len(), 3);
        assert!(
            matches!(&items[1], Item::Table(rows) if rows == &[["No.", "Point", "Marks"], ["1", "names the membrane", "1"]])
        );
    }

    #[test]
    fn two_lines_with_marks_at_the_right_are_no_table() {
        let mut items = vec![
            line(10.0, &[(0.0, "Name it"), (300.0, "[2]")]),
            line(22.0, &[(0.0, "Draw it"), (300.0, "[3]")]),
        ];
        find_tables(&mut items);
        assert!(items.iter().all(|item| matches!(item, Item::Line(_))));
    }
}
