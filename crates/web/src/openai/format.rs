//! What an answer is held to.

use gradus_app::answering::AnswerFormat;
use serde_json::Value;

use super::Refusal;
use super::fields::{Fields, unknown_word, wrong_type};

const KINDS: [&str; 3] = ["text", "json_object", "json_schema"];
const LONGEST_NAME: usize = 64;
/// The longest schema, as JSON: it is kept for as long as it is answered.
const LONGEST_SCHEMA_BYTES: usize = 64 * 1024;

/// The format of an answer. Chats keep the schema with its name in an object of its own (`nested`),
/// responses beside the type.
pub(super) fn read(param: &str, value: &Value, nested: bool) -> Result<Option<AnswerFormat>, Refusal> {
    let mut fields = Fields::of(param, value)?;
    let kind = fields.required("type")?;
    let kind = kind.as_str().ok_or_else(|| wrong_type(&fields.param("type"), "a string", kind))?;
    let format = match kind {
        "text" => None,
        "json_object" => Some(AnswerFormat::JsonObject),
        "json_schema" if nested => {
            let param = fields.param("json_schema");
            let mut inner = Fields::of(&param, fields.required("json_schema")?)?;
            let format = schema(&mut inner)?;
            inner.finish()?;
            Some(format)
        }
        "json_schema" => Some(schema(&mut fields)?),
        other => return Err(unknown_word(&fields.param("type"), other, &KINDS)),
    };
    fields.finish()?;
    Ok(format)
}

fn schema(fields: &mut Fields<'_>) -> Result<AnswerFormat, Refusal> {
    let param = fields.param("name");
    let name = fields.required("name")?;
    let name = name.as_str().ok_or_else(|| wrong_type(&param, "a string", name))?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        let message = format!(
            "Invalid '{param}': it may have letters, digits, underscores and dashes, at most {LONGEST_NAME}."
        );
        return Err(Refusal::invalid(param, "invalid_value", message));
    }
    // The text is always held to the schema, asked for strictly or not.
    fields.boolean("strict")?;
    fields.string("description")?;
    let param = fields.param("schema");
    match fields.take("schema") {
        Some(schema) if schema.is_object() => {
            let bytes = schema.to_string().len();
            if bytes > LONGEST_SCHEMA_BYTES {
                let message = format!(
                    "Invalid '{param}': it has {bytes} bytes and may have {LONGEST_SCHEMA_BYTES}; shorten it."
                );
                return Err(Refusal::invalid(param, "invalid_value", message));
            }
            Ok(AnswerFormat::JsonSchema(schema.clone()))
        }
        Some(other) => Err(wrong_type(&param, "an object", other)),
        None => Ok(AnswerFormat::JsonObject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formats_of_both_kinds_are_read() {
        let schema = json!({ "type": "object" });
        let nested = json!({ "type": "json_schema", "json_schema": { "name": "a-1", "schema": schema, "strict": true } });
        let expected = Some(AnswerFormat::JsonSchema(schema.clone()));
        assert_eq!(read("response_format", &nested, true).unwrap(), expected);
        let flat = json!({ "type": "json_schema", "name": "a", "schema": schema, "description": "b" });
        assert_eq!(read("text.format", &flat, false).unwrap(), expected);
        assert_eq!(read("f", &json!({ "type": "text" }), true).unwrap(), None);
        let object = json!({ "type": "json_object" });
        assert_eq!(read("f", &object, false).unwrap(), Some(AnswerFormat::JsonObject));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let refused = |value, nested| read("f", &value, nested).unwrap_err().param.unwrap();
        assert_eq!(refused(json!({ "type": "xml" }), true), "f.type");
        assert_eq!(refused(json!({ "type": "json_schema" }), true), "f.json_schema");
        let named =
            |name: &str| json!({ "type": "json_schema", "json_schema": { "name": name, "schema": {} } });
        assert_eq!(refused(named("a b"), true), "f.json_schema.name");
        assert_eq!(refused(named(&"a".repeat(65)), true), "f.json_schema.name");
        assert_eq!(refused(json!({ "type": "json_schema", "name": "a", "schema": true }), false), "f.schema");
        assert_eq!(refused(json!({ "type": "text", "more": 1 }), true), "f.more");
    }
}
