//! Text from outside made safe to store and to show in a log: one line, no control characters, bounded length.

/// `text` with everything that could begin a line or turn its direction shown as `�`, cut after `most` characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let mut safe: String = text
        .chars()
        .take(most)
        .map(|character| if is_unsafe(character) { '\u{fffd}' } else { character })
        .collect();
    if text.chars().nth(most).is_some() {
        safe.push('…');
    }
    safe
}

/// Whether a character is no part of a line that people read from left to right as it is written: control characters,
/// line and paragraph separators, and the marks that turn or hide text.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The same for every text in a JSON value, names of fields included.
pub(super) fn one_line_each(value: serde_json::Value, most: usize) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(one_line(&text, most)),
        Value::Array(items) => items.into_iter().map(|item| one_line_each(item, most)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (one_line(&name, most), one_line_each(value, most)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_controls_and_turned_text_become_visible_and_long_text_is_cut() {
        assert_eq!(one_line("a\r\nGET /\0\u{1b}[31m", 50), "a��GET /��[31m");
        assert_eq!(one_line("x\u{202e}cod.exe\u{2028}", 50), "x�cod.exe�");
        assert_eq!(one_line("Zoë Müller 李", 50), "Zoë Müller 李");
        assert_eq!((one_line("äöü", 2), one_line("äöü", 3)), ("äö…".to_owned(), "äöü".to_owned()));
    }

    #[test]
    fn texts_inside_structures_are_made_safe_too() {
        let value = serde_json::json!({"a\n": ["b\r", 1, {"c": "d\u{7}"}]});
        assert_eq!(one_line_each(value, 10), serde_json::json!({"a�": ["b�", 1, {"c": "d�"}]}));
    }
}
