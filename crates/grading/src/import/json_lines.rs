//! JSON objects out of a file with one a line, or out of one array.

use serde_json::{Map, Value};

use super::columns::{Columns, Field};
use super::encoding;
use super::marked_row::Row;
use super::problems::{Fault, Findings, Place};
use crate::guide::Guide;

/// Hands every object to `read` as a row, provided that it has what is required.
pub(super) fn for_each_row(
    bytes: &[u8],
    guide: &Guide,
    required: &[Field],
    findings: &mut Findings,
    mut read: impl FnMut(&dyn Row, &mut Findings),
) {
    for (place, object) in objects(bytes, findings) {
        let row = ObjectRow::new(place, &object);
        let faults = row.columns.faults(&row.names, required, guide, "field");
        let faults: Vec<Fault> = faults.into_iter().chain(row.unreadable(&object)).collect();
        if faults.is_empty() {
            read(&row, findings);
        }
        for fault in faults {
            findings.error(place, fault);
        }
    }
}

/// An object as a row of texts.
struct ObjectRow {
    place: Place,
    names: Vec<String>,
    values: Vec<Option<String>>,
    columns: Columns,
}

impl ObjectRow {
    fn new(place: Place, object: &Map<String, Value>) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Self {
            place,
            names: object.keys().cloned().collect(),
            values: object.values().map(text).collect(),
            columns: Columns::among(object.keys().map(String::as_str)),
        }
    }

    /// Fields that are needed but hold neither text nor a number nor nothing.
    fn unreadable(&self, object: &Map<String, Value>) -> Vec<Fault> {
        let fields = object.iter().enumerate();
        let nested = fields.filter(|(position, (_, value))| {
            let nested = value.is_object() || value.is_array() || value.is_boolean();
            nested && self.columns.reads(*position)
        });
        nested
            .map(|(_, (name, _))| {
                Fault::new("the value is neither text nor a number", "Write a plain text or number.")
                    .in_column(name)
            })
            .collect()
    }
}

impl Row for ObjectRow {
    fn value(&self, field: Field) -> Option<&str> {
        self.values[self.columns.position(field)?].as_deref()
    }

    fn column(&self, field: Field) -> &str {
        let position = self.columns.position(field);
        position.map_or(field.name(), |position| &self.names[position])
    }

    fn place(&self) -> Place {
        self.place
    }
}

/// Every object with its place. What is not an object is noted and left out.
pub(super) fn objects(bytes: &[u8], findings: &mut Findings) -> Vec<(Place, Map<String, Value>)> {
    let text = encoding::decode(bytes, findings).unwrap_or_default();
    let values =
        if text.trim_start().starts_with('[') { array(&text, findings) } else { lines(&text, findings) };
    let mut objects = Vec::new();
    for (place, value) in values {
        match value {
            Value::Object(object) => objects.push((place, object)),
            _ => findings.error(
                place,
                Fault::new("this is not a JSON object", "Write one `{\"field\": \"value\", …}` a line."),
            ),
        }
    }
    objects
}

fn array(text: &str, findings: &mut Findings) -> Vec<(Place, Value)> {
    match serde_json::from_str::<Vec<Value>>(text) {
        Ok(values) => {
            values.into_iter().enumerate().map(|(index, value)| (Place::Item(index + 1), value)).collect()
        }
        Err(error) => {
            findings.error(Place::Line(error.line()), bad_json(&error));
            Vec::new()
        }
    }
}

fn lines(text: &str, findings: &mut Findings) -> Vec<(Place, Value)> {
    let mut values = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let place = Place::Line(index + 1);
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(value) => values.push((place, value)),
            Err(error) => findings.error(place, bad_json(&error)),
        }
    }
    values
}

fn bad_json(error: &serde_json::Error) -> Fault {
    let complete = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let reason = complete.strip_suffix(&position).unwrap_or(&complete);
    Fault::new(
        format!("bad JSON at character {}: {reason}", error.column()),
        "Write each object on one line of its own, as a JSON encoder does.",
    )
}
