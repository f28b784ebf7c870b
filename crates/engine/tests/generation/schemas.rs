//! What cannot be used as a constraint is refused with the place and the reason.

use crate::tokenizers::{END, byte_level};
use gradus_engine::generation::Constraints;
use serde_json::{Value, json};

fn constraints() -> Constraints {
    let tokenizer = byte_level();
    Constraints::new(&tokenizer, tokenizer.vocabulary_size(), &[END]).unwrap()
}

#[test]
fn a_schema_that_cannot_be_used_is_refused_at_its_place() {
    let cases: Vec<(Value, &str)> = vec![
        (
            json!({ "properties": { "a": { "properties": { "b": { "not": {} } } } } }),
            "at /properties/a/properties/b: unsupported keywords: \"not\"",
        ),
        (
            json!({
                "type": "object",
                "properties": {
                    "fine": { "type": "integer", "minimum": 5, "maximum": 3 },
                    "a": {
                        "type": "object",
                        "properties": { "mark": { "type": "integer", "minimum": 5, "maximum": 3 } },
                        "required": ["mark"],
                    },
                },
                "required": ["a"],
            }),
            "at /properties/a/properties/mark: nothing can satisfy it: minimum (5) is greater than maximum (3)",
        ),
        (
            json!({
                "type": "object",
                "properties": { "list": { "$ref": "#/$defs/list" } },
                "required": ["list"],
                "$defs": { "list": { "type": "array", "uniqueItems": true } },
            }),
            "at /$defs/list: unsupported keywords: \"uniqueItems\"",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/none" } } }),
            "at /properties/a: Reference segment",
        ),
        (json!({ "type": "array", "items": { "type": "strin" } }), "at /items: Invalid type: strin"),
        (
            json!({ "items": [{}, { "oneOf": [{ "type": "integer" }, { "type": "number" }] }] }),
            "the alternatives of oneOf may overlap, which is not supported: use anyOf",
        ),
        (json!({ "enum": [] }), "at its root: nothing can satisfy it"),
        (json!(false), "at its root: nothing can satisfy it"),
        (json!(7), "at its root: schema must be an object or boolean"),
    ];
    for (schema, expected) in cases {
        let refused = constraints().json_schema(&schema).unwrap_err().to_string();
        assert!(refused.starts_with("the JSON schema cannot be used: at "), "{refused}");
        assert!(refused.contains(expected), "{schema}:\n{refused}\n{expected}");
    }
}

#[test]
fn patterns_and_grammars_that_cannot_be_read_are_refused() {
    let refused = constraints().regex("[0-9]+(").unwrap_err().to_string();
    assert!(refused.starts_with("the regular expression cannot be used: "), "{refused}");
    assert!(refused.contains("unclosed group"), "{refused}");
    let refused = constraints().grammar("start: nothing").unwrap_err().to_string();
    assert!(refused.starts_with("the grammar cannot be used: "), "{refused}");
}
