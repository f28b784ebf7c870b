//! A JSON value as a document: `key: value` lines, headings for what is nested, tables for lists of
//! like objects.

use super::value::Value;
use crate::blocks::Blocks;

/// Writes `value` to `blocks`.
pub(super) fn write(value: &Value, blocks: &mut Blocks) {
    write_at(value, 1, blocks);
}

fn write_at(value: &Value, level: u8, blocks: &mut Blocks) {
    match value {
        Value::Scalar(text) => blocks.paragraph(text),
        Value::Object(entries) => {
            for (key, value) in entries {
                write_entry(key, value, level, blocks);
            }
        }
        Value::Array(values) => write_array(values, level, blocks),
    }
}

fn write_entry(key: &str, value: &Value, level: u8, blocks: &mut Blocks) {
    match value {
        Value::Scalar(text) if text.trim().is_empty() => {}
        Value::Scalar(text) => blocks.paragraph(&format!("{key}: {text}")),
        Value::Array(values) if values.is_empty() => {}
        Value::Object(entries) if entries.is_empty() => {}
        nested => {
            blocks.heading(level, key);
            write_at(nested, level.saturating_add(1), blocks);
        }
    }
}

fn write_array(values: &[Value], level: u8, blocks: &mut Blocks) {
    if let Some(columns) = table_columns(values) {
        return write_table(values, &columns, blocks);
    }
    for value in values {
        match value {
            Value::Scalar(text) => blocks.list_item(0, None, text),
            nested => write_at(nested, level, blocks),
        }
    }
}

/// The keys of a list of objects whose values are all scalars, in order of first appearance.
fn table_columns(values: &[Value]) -> Option<Vec<&str>> {
    let mut columns = Vec::new();
    for value in values {
        let Value::Object(entries) = value else {
            return None;
        };
        for (key, value) in entries {
            if !matches!(value, Value::Scalar(_)) {
                return None;
            }
            if !columns.contains(&key.as_str()) {
                columns.push(key.as_str());
            }
        }
    }
    (!columns.is_empty()).then_some(columns)
}

fn write_table(values: &[Value], columns: &[&str], blocks: &mut Blocks) {
    let table = blocks.start_table();
    let header: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    blocks.table_row(table, &header, true);
    for value in values {
        let cells: Vec<String> = columns.iter().map(|column| cell(value, column)).collect();
        blocks.table_row(table, &cells, false);
    }
}

fn cell(row: &Value, column: &str) -> String {
    let Value::Object(entries) = row else {
        return String::new();
    };
    entries
        .iter()
        .find_map(|(key, value)| match value {
            Value::Scalar(text) if key == column => Some(text.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn plain(json: &str) -> String {
        let mut blocks = Blocks::default();
        write(&parse(json).unwrap(), &mut blocks);
        blocks.finish().plain
    }

    #[test]
    fn keys_keep_their_order_and_lists_of_objects_become_tables() {
        let json = r#"{"title": "Cell biology", "empty": null, "answers": [
            {"student": "A", "answer": "ATP is\nmade", "marks": 1.5}, {"student": "B", "late": true}],
            "notes": {"general": ["be fair", "be quick"]}}"#;
        assert_eq!(
            plain(json),
            "title: Cell biology\nanswers\nstudent\tanswer\tmarks\tlate\nA\tATP is made\t1.5\nB\t\t\tyes\n\
             notes\ngeneral\n- be fair\n- be quick\n"
        );
    }

    #[test]
    fn lines_of_json_are_rows() {
        assert_eq!(plain("{\"q\":1,\"a\":\"x\"}\n{\"q\":2,\"a\":\"y\"}\n"), "q\ta\n1\tx\n2\ty\n");
    }
}
