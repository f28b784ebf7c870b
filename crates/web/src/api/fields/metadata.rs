//! What owners note on their things: short texts by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

const MOST_NOTES: usize = 64;
const MOST_NAME_CHARACTERS: usize = 64;
const MOST_TEXT_CHARACTERS: usize = 1024;

/// Notes by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// As it is stored.
    pub(crate) fn into_value(self) -> Value {
        self.0.into_iter().map(|(name, text)| (name, Value::String(text))).collect()
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let notes = BTreeMap::<String, String>::deserialize(deserializer)?;
        let fits = |(name, text): (&String, &String)| {
            let length = name.chars().count();
            (1..=MOST_NAME_CHARACTERS).contains(&length) && text.chars().count() <= MOST_TEXT_CHARACTERS
        };
        if notes.len() <= MOST_NOTES && notes.iter().all(fits) {
            return Ok(Self(notes));
        }
        Err(D::Error::custom(format_args!(
            "must have at most {MOST_NOTES} notes with names of 1 to {MOST_NAME_CHARACTERS} characters and texts of at \
             most {MOST_TEXT_CHARACTERS}"
        )))
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        // Whatever the JSON of a request is, it has no NUL.
        let any = || ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[^\\u0000]*$"));
        let text = any().max_length(Some(MOST_TEXT_CHARACTERS));
        let name = any().min_length(Some(1)).max_length(Some(MOST_NAME_CHARACTERS));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .property_names(Some(Schema::Object(name.build())))
            .additional_properties(Some(RefOr::T(Schema::Object(text.build()))))
            .max_properties(Some(MOST_NOTES))
            .build()
            .into()
    }
}

impl ToSchema for Metadata {
    fn name() -> Cow<'static, str> {
        "Metadata".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_short_texts_by_name() {
        let read = |value: &Value| serde_json::from_value::<Metadata>(value.clone());
        let notes = serde_json::json!({ "school": "Weimar" });
        assert_eq!(read(&notes).unwrap().into_value(), notes);
        let long = serde_json::json!({ "a": "x".repeat(MOST_TEXT_CHARACTERS + 1) });
        let many: Value = (0..=MOST_NOTES).map(|n| (n.to_string(), Value::String(String::new()))).collect();
        for wrong in [long, many, serde_json::json!({ "": "x" }), serde_json::json!({ "a": 1 })] {
            assert!(read(&wrong).is_err());
        }
    }
}
