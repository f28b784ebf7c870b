//! The one character that no text may hold: PostgreSQL keeps none in a text, SQLite does. Refused alike for both.

use serde_json::Value;

use crate::problem::{Category, FieldProblem, Problem};

/// Whether JSON has an escaped NUL in it; a bare one is no JSON.
pub(super) fn is_in_json(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        if rest[at..].starts_with(b"\\u0000") {
            return true;
        }
        // Whatever is escaped here is no beginning of another escape.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// The problem of a NUL in this JSON, at the first place that has one.
pub(super) fn in_json(json: &[u8]) -> Problem {
    let value: Option<Value> = serde_json::from_slice(json).ok();
    let place = value.and_then(|value| place(&value)).unwrap_or_default();
    refusal(format!("body{place}"))
}

/// The refusal of a NUL in a field.
pub(super) fn refusal(field: impl Into<String>) -> Problem {
    Problem::new(Category::Invalid, "A text has a NUL character in it. Remove it.")
        .with_code("nul_character")
        .with_field(FieldProblem::new(field, "has a NUL character"))
}

/// The place of the first text with a NUL inside a value, as in `.answers[3].text`.
fn place(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(at, item)| place(item).map(|inner| format!("[{at}]{inner}")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, inner)| {
            let is_named_so = name.contains('\0').then(String::new);
            let name = name.replace('\0', "\u{fffd}");
            is_named_so.or_else(|| place(inner)).map(|inner| format!(".{name}{inner}"))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_escape_that_is_one_counts() {
        assert!(is_in_json(br#"{"a": "x\u0000"}"#));
        assert!(is_in_json(br#"["\\\u0000"]"#));
        for json in [&br#"["\\u0000"]"#[..], br#"["u0000"]"#, br#"["\u0001"]"#, br"[]", br"\"] {
            assert!(!is_in_json(json), "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn the_field_is_named() {
        let problem = in_json(br#"{"a": 1, "answers": [{"text": "x"}, {"text": "\u0000"}]}"#);
        assert_eq!(problem.fields()[0].field, "body.answers[1].text");
        let problem = in_json(br#"{"no\u0000te": "x"}"#);
        assert_eq!(problem.fields()[0].field, "body.no\u{fffd}te");
    }
}
