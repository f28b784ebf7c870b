//! What commands print: text for people, JSON for scripts, errors for both. Results go to standard
//! output, everything else to standard error.

use std::io::Write;

use serde::Serialize;

/// Prints a line of a result.
pub(crate) fn print(text: impl AsRef<str>) {
    write(&format!("{}\n", text.as_ref()));
}

/// Prints a piece of a result as it comes.
pub(crate) fn print_piece(text: &str) {
    write(text);
}

fn write(text: &str) {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A closed pipe (`gradus … | head`) is no error of ours.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            crate::console::line(&format!("error: the output cannot be written: {error}"));
            // Nothing that follows could be told; whatever was saved is complete.
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Prints a result as JSON on one line.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string(value)?);
    Ok(())
}

/// Prints an error.
pub(crate) fn error(json: bool, error: &anyhow::Error) {
    let message = message(error);
    if json {
        print(serde_json::json!({ "error": message }).to_string());
    } else {
        crate::console::line(&format!("error: {message}"));
    }
}

/// The error with those of its causes that it does not tell itself.
fn message(error: &anyhow::Error) -> String {
    let causes = error.chain().skip(1).map(ToString::to_string);
    causes.fold(error.to_string(), |told, cause| match told.contains(&cause) {
        true => told,
        false => format!("{told}: {cause}"),
    })
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
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no space").context("cannot write: no space").context("nothing saved");
        assert_eq!(message(&error), "nothing saved: cannot write: no space");
    }

    #[test]
    fn columns_line_up() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(table(&[row(&["a", "bb"]), row(&["ccc", "d"])]), "a    bb\nccc  d");
    }
}
