//! JSON schemas as short texts, with links to the schemas they name.

use serde_json::Value;

/// A part of a type's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// Where on the page the named schema stands.
    pub(super) link: Option<String>,
}

impl Piece {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), link: None }
    }
}

/// The name of the schema that a reference points to.
pub(super) fn referenced(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The place of a schema on the page.
pub(super) fn schema_anchor(name: &str) -> String {
    format!("schema-{name}")
}

/// The text of a type: `string (uuid) or null`, `Example[]`.
pub(super) fn type_pieces(schema: &Value) -> Vec<Piece> {
    if let Some(name) = referenced(schema) {
        return vec![Piece { text: name.to_owned(), link: Some(format!("#{}", schema_anchor(name))) }];
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[choice].as_array() {
            let joint = if choice == "allOf" { " and " } else { " or " };
            return joined(parts.iter().map(type_pieces), joint);
        }
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            joined(kinds.map(|kind| of_kind(kind, schema)), " or ")
        }
        Value::String(kind) => of_kind(kind, schema),
        _ => vec![Piece::plain("anything")],
    }
}

fn of_kind(kind: &str, schema: &Value) -> Vec<Piece> {
    if kind == "array" {
        let mut pieces = type_pieces(&schema["items"]);
        pieces.push(Piece::plain("[]"));
        return pieces;
    }
    match schema["format"].as_str().filter(|_| kind != "null") {
        Some(format) => vec![Piece::plain(format!("{kind} ({format})"))],
        None => vec![Piece::plain(kind)],
    }
}

fn joined(parts: impl Iterator<Item = Vec<Piece>>, joint: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in parts {
        if !pieces.is_empty() {
            pieces.push(Piece::plain(joint));
        }
        pieces.extend(part);
    }
    pieces
}

/// What else a value is held to: bounds, lengths, a pattern, a list of values.
pub(super) fn limits(schema: &Value) -> String {
    let named = [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "at least this long:"),
        ("maxLength", "at most this long:"),
        ("minItems", "at least this many:"),
        ("maxItems", "at most this many:"),
        ("pattern", "matches"),
        ("default", "otherwise"),
    ];
    let mut limits: Vec<String> = named
        .iter()
        .filter(|(key, _)| !schema[key].is_null())
        .map(|(key, words)| format!("{words} {}", schema[key]))
        .collect();
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        limits.push(format!("one of {}", values.join(", ")));
    }
    limits.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(schema: &Value) -> String {
        type_pieces(schema).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn types_read_as_a_sentence_would_say_them() {
        assert_eq!(text(&json!({"type": "string", "format": "uuid"})), "string (uuid)");
        assert_eq!(text(&json!({"type": ["string", "null"], "format": "date"})), "string (date) or null");
        let list = json!({"type": "array", "items": {"$ref": "#/components/schemas/Example"}});
        assert_eq!(text(&list), "Example[]");
        assert_eq!(type_pieces(&list)[0].link.as_deref(), Some("#schema-Example"));
        assert_eq!(text(&json!({"oneOf": [{"$ref": "#/x/A"}, {"type": "null"}]})), "A or null");
        assert_eq!(text(&json!({})), "anything");
    }

    #[test]
    fn limits_are_listed() {
        let schema = json!({"minimum": 1, "maximum": 100, "default": 20});
        assert_eq!(limits(&schema), "at least 1; at most 100; otherwise 20");
        assert_eq!(limits(&json!({"enum": ["a", "b"]})), "one of \"a\", \"b\"");
    }
}
