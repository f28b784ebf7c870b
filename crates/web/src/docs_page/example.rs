//! An example of a value that fits a schema, for the commands on the page.

use serde_json::{Map, Value, json};

use super::type_text::referenced;

/// Schemas that hold themselves are followed so deep.
const MAX_DEPTH: usize = 4;

/// A value of `schema`: its own example, its default, its first allowed value, or one made up by its type.
pub(super) fn example(schema: &Value, schemas: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(name) = referenced(schema) {
        return example(&schemas[name], schemas, depth + 1);
    }
    let given = ["example", "default"].iter().map(|key| &schema[key]);
    let given = given.chain([&schema["examples"][0], &schema["enum"][0]]).find(|given| !given.is_null());
    if let Some(given) = given {
        return given.clone();
    }
    if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
        return example(first, schemas, depth + 1);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return merged(parts.iter().map(|part| example(part, schemas, depth + 1)));
    }
    of_type(schema, schemas, depth)
}

fn of_type(schema: &Value, schemas: &Value, depth: usize) -> Value {
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "object" => {
            let properties = schema["properties"].as_object();
            let properties = properties.into_iter().flatten();
            let filled = properties.map(|(name, inner)| (name.clone(), example(inner, schemas, depth + 1)));
            Value::Object(filled.collect())
        }
        "array" => json!([example(&schema["items"], schemas, depth + 1)]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "string" => json!(match schema["format"].as_str() {
            Some("uuid") => "018f6a1e-7c1b-7b3a-9a55-3d1f8e2c4b60",
            Some("date-time") => "2026-01-31T12:00:00Z",
            Some("date") => "2026-01-31",
            _ => "text",
        }),
        _ => Value::Null,
    }
}

fn merged(parts: impl Iterator<Item = Value>) -> Value {
    let mut all = Map::new();
    for part in parts {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_every_property() {
        let schemas =
            json!({"Point": {"type": "object", "properties": {"x": {"type": "integer", "minimum": 3}}}});
        let schema = json!({"type": "object", "properties": {
            "id": {"type": "string", "format": "uuid"},
            "name": {"type": ["string", "null"]},
            "state": {"type": "string", "enum": ["ready", "rejected"]},
            "points": {"type": "array", "items": {"$ref": "#/components/schemas/Point"}},
        }});
        let expected = json!({
            "id": "018f6a1e-7c1b-7b3a-9a55-3d1f8e2c4b60",
            "name": "text",
            "state": "ready",
            "points": [{"x": 3}],
        });
        assert_eq!(example(&schema, &schemas, 0), expected);
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schemas = json!({"Tree": {"type": "object", "properties": {"child": {"$ref": "#/x/Tree"}}}});
        assert!(example(&json!({"$ref": "#/x/Tree"}), &schemas, 0).is_object());
    }
}
