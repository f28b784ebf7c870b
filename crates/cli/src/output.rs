//! What commands print: text for people, JSON for scripts, errors for both. Results go to standard
//! output, everything else to standard error.

use std::io::Write;

use serde::Serialize;

/// Prints a line of a result.
pub(crate) fn print(text: impl AsRef<str>) {
    // A closed pipe (`gradus … | head`) is no error of ours.
    _ = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// Prints a piece of a result as it comes.
pub(crate) fn print_piece(text: &str) {
    let mut out = std::io::stdout();
    _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a result as JSON on one line.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string(value)?);
    Ok(())
}

/// Prints an error.
pub(crate) fn error(json: bool, error: &anyhow::Error) {
    if json {
        print(serde_json::json!({ "error": format!("{error:#}") }).to_string());
    } else {
        crate::console::line(&format!("error: {error:#}"));
    }
}

/// Rows of columns, each column as wide as its widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(table(&[row(&["a", "bb"]), row(&["ccc", "d"])]), "a    bb\nccc  d");
    }
}
