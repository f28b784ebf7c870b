//! List markers as they stand in plain lines: bullets, `1.`, `a)`, `(iv)`.

/// A line that starts with a list marker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// The marker as shown; `None` for a bullet.
    pub(crate) marker: Option<&'a str>,
    /// What follows it.
    pub(crate) text: &'a str,
}

/// Splits the list marker off `line`, which has no leading white space; `None` where it has none or
/// nothing follows it.
pub(crate) fn split_marker(line: &str) -> Option<Item<'_>> {
    let (marker, text) = line.split_once(char::is_whitespace)?;
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    if is_bullet(marker) {
        return Some(Item { marker: None, text });
    }
    is_counter(marker).then_some(Item { marker: Some(marker), text })
}

/// `Answer:`, `Question 2.`: such a line starts something new even where the line above is full.
pub(crate) fn starts_with_label(text: &str) -> bool {
    let head: String = text.chars().take(24).collect();
    head.split_once(':').is_some_and(|(label, _)| label.split_whitespace().count() <= 3)
        || head.split_once(['.', ' ', ')']).is_some_and(|(word, rest)| {
            let numbered = rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
            numbered && word.starts_with(char::is_uppercase)
        })
}

/// The glyphs that word processors draw bullets with; the private-use ones are Symbol and Wingdings.
fn is_bullet(marker: &str) -> bool {
    let mut characters = marker.chars();
    matches!(
        (characters.next(), characters.next()),
        (
            Some(
                '-' | '*'
                    | '+'
                    | '•'
                    | '‣'
                    | '◦'
                    | '▪'
                    | '▫'
                    | '■'
                    | '□'
                    | '●'
                    | '○'
                    | '·'
                    | '–'
                    | '—'
                    | '➢'
                    | '➤'
                    | '✓'
                    | '\u{F0B7}'
                    | '\u{F0A7}'
                    | '\u{F0D8}'
                    | '\u{F0FC}'
                    | '\u{F06F}'
                    | '\u{2212}'
                    | '\u{2043}'
            ),
            None
        )
    )
}

fn is_counter(marker: &str) -> bool {
    let bracketed = marker.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let Some(counter) = bracketed.or_else(|| marker.strip_suffix(['.', ')'])) else {
        return false;
    };
    let digits = !counter.is_empty() && counter.len() <= 3 && counter.bytes().all(|b| b.is_ascii_digit());
    let letter = counter.len() == 1 && counter.bytes().all(|b| b.is_ascii_alphabetic());
    digits || letter || is_roman(counter)
}

fn is_roman(counter: &str) -> bool {
    let lower = counter.bytes().all(|b| b"ivx".contains(&b));
    let upper = counter.bytes().all(|b| b"IVX".contains(&b));
    (1..=5).contains(&counter.len()) && (lower || upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_told_from_words() {
        for (line, marker, text) in [
            ("1. Name it.", Some("1."), "Name it."),
            ("(a) Name it.", Some("(a)"), "Name it."),
            ("iv) Name it.", Some("iv)"), "Name it."),
            ("B. Name it.", Some("B."), "Name it."),
            ("•\tName it.", None, "Name it."),
            ("-  Name it.", None, "Name it."),
        ] {
            assert_eq!(split_marker(line), Some(Item { marker, text }), "{line}");
        }
        for line in ["1.5 marks", "-5 °C", "The cell", "1.", "(see below) it", "2024. ", "mix. it", "1234. x"]
        {
            assert_eq!(split_marker(line), None, "{line}");
        }
    }
}
