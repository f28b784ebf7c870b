//! What clients note about what they ask for: pairs of short texts.

use serde_json::{Map, Value};

use super::Refusal;
use super::fields::{Fields, wrong_type};

const MOST_PAIRS: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;

/// The pairs in a request, none where nothing is noted.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Map<String, Value>, Refusal> {
    let Some(value) = fields.take("metadata") else { return Ok(Map::new()) };
    let pairs = value.as_object().ok_or_else(|| wrong_type("metadata", "an object", value))?;
    if pairs.len() > MOST_PAIRS {
        return Err(invalid("metadata", format!("has {} pairs and may have {MOST_PAIRS}", pairs.len())));
    }
    for (key, value) in pairs {
        let param = format!("metadata.{key}");
        let text = value.as_str().ok_or_else(|| wrong_type(&param, "a string", value))?;
        if key.chars().count() > LONGEST_KEY {
            return Err(invalid(&param, format!("the key is longer than {LONGEST_KEY} characters")));
        }
        if text.chars().count() > LONGEST_VALUE {
            return Err(invalid(&param, format!("is longer than {LONGEST_VALUE} characters")));
        }
    }
    Ok(pairs.clone())
}

/// Whether a job's notes have all these pairs.
pub(super) fn has_all(noted: &Value, wanted: &[(String, String)]) -> bool {
    wanted.iter().all(|(key, value)| noted.get(key).and_then(Value::as_str) == Some(value.as_str()))
}

/// Whether nothing is noted.
pub(super) fn is_empty(noted: &Value) -> bool {
    noted.as_object().is_none_or(Map::is_empty)
}

fn invalid(param: &str, what: String) -> Refusal {
    Refusal::invalid(param, "invalid_value", format!("Invalid '{param}': {what}."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_from(metadata: Value) -> Result<Map<String, Value>, Refusal> {
        let body = json!({ "metadata": metadata });
        read(&mut Fields::of_body(&body).unwrap())
    }

    #[test]
    fn pairs_of_texts_are_taken_and_others_are_named() {
        assert_eq!(read_from(json!({ "a": "b" })).unwrap()["a"], "b");
        assert!(read_from(Value::Null).unwrap().is_empty());
        let many: Map<String, Value> = (0..17).map(|key| (key.to_string(), json!("x"))).collect();
        for (metadata, param) in [
            (json!("a"), "metadata"),
            (json!(many), "metadata"),
            (json!({ "a": 1 }), "metadata.a"),
            (json!({ "a": "x".repeat(513) }), "metadata.a"),
        ] {
            assert_eq!(read_from(metadata).unwrap_err().param.as_deref(), Some(param));
        }
        assert!(read_from(json!({ "k".repeat(65): "x" })).is_err());
    }

    #[test]
    fn notes_are_compared_pair_by_pair() {
        let noted = json!({ "a": "1", "b": "2" });
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert!(has_all(&noted, &[]) && has_all(&noted, &[pair("b", "2")]));
        assert!(!has_all(&noted, &[pair("a", "1"), pair("b", "3")]));
        assert!(is_empty(&json!({})) && is_empty(&Value::Null) && !is_empty(&noted));
    }
}
