//! Tables of a document: rows of cells, merged cells as empty ones so that columns align.

use super::body::Body;
use super::xml::Element;

/// A cell's properties and its place.
struct Cell<'a> {
    element: &'a Element,
    columns: usize,
}

/// Reads a table. One of a single cell is a frame around ordinary text.
pub(super) fn read(table: &Element, body: &mut Body<'_>) {
    let rows: Vec<&Element> = rows(table);
    let cells: Vec<Cell<'_>> = rows.iter().flat_map(|row| cells(row)).collect();
    if let [only] = &cells[..] {
        return body.blocks_of(only.element);
    }
    let number = body.blocks.start_table();
    for row in rows {
        let mut texts = Vec::new();
        for cell in self::cells(row) {
            texts.push(text(cell.element, body));
            texts.resize(texts.len() + cell.columns - 1, String::new());
        }
        body.blocks.table_row(number, &texts, row.is_on(&["trPr", "tblHeader"]));
    }
}

/// The text of a table inside a cell: one line a row.
pub(super) fn nested(table: &Element, body: &mut Body<'_>) -> String {
    let rows: Vec<String> = rows(table)
        .into_iter()
        .map(|row| {
            let texts: Vec<String> = cells(row).iter().map(|cell| text(cell.element, body)).collect();
            texts.join(" | ")
        })
        .collect();
    rows.join("\n")
}

/// Rows, without those that a tracked change deletes.
fn rows(table: &Element) -> Vec<&Element> {
    let mut rows = Vec::new();
    for child in &table.children {
        match child.name.as_str() {
            "tr" if child.descend(&["trPr", "del"]).is_none() => rows.push(child),
            "sdt" | "sdtContent" | "ins" | "customXml" => rows.extend(self::rows(child)),
            _ => {}
        }
    }
    rows
}

fn cells(row: &Element) -> Vec<Cell<'_>> {
    let mut cells = Vec::new();
    for child in &row.children {
        match child.name.as_str() {
            "tc" => cells.push(Cell {
                element: child,
                columns: child
                    .value(&["tcPr", "gridSpan"])
                    .and_then(|columns| columns.parse().ok())
                    .unwrap_or(1)
                    .clamp(1, 64),
            }),
            "sdt" | "sdtContent" | "ins" | "customXml" => cells.extend(self::cells(child)),
            _ => {}
        }
    }
    cells
}

fn text(cell: &Element, body: &mut Body<'_>) -> String {
    let merged_from_above =
        cell.descend(&["tcPr", "vMerge"]).is_some_and(|merge| merge.attribute("val") != Some("restart"));
    if merged_from_above {
        return String::new();
    }
    body.lines_of(cell).join("\n")
}
