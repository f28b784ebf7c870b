//! What a backup holds, read back: rows as values and files by their paths, so that two can be compared.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The rows of each table, in an order of their own: databases keep texts and the keys of objects in different ones.
pub(crate) fn rows(backup: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut tables = BTreeMap::new();
    for entry in std::fs::read_dir(backup.join("tables")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.sort_by_key(ToString::to_string);
        tables.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), rows);
    }
    tables
}

/// The values of a column.
pub(crate) fn column<'a>(rows: &'a BTreeMap<String, Vec<Value>>, table: &str, name: &str) -> Vec<&'a str> {
    rows[table].iter().map(|row| row[name].as_str().unwrap()).collect()
}

/// The files below a directory, by their paths in it.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(
                self::files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)),
            );
        } else {
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}
