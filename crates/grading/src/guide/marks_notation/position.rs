//! Where marks stand in a line: at its end, at its beginning, in the middle of it.

use std::ops::Range;

use gradus_domain::Marks;

use super::{MOST_BARE, MarkNote, UNITS, certain, is_tick, leading_number, phrase, standalone, tick_marks};

/// Marks at the end of a line and where the text before them ends.
pub(crate) fn trailing(text: &str) -> Option<(MarkNote, usize)> {
    let trimmed = text.trim_end().trim_end_matches(['.', ';', ',', ':']).trim_end();
    let last = trimmed.chars().next_back()?;
    let found = match last {
        ']' => bracketed_end(trimmed, '['),
        ')' => bracketed_end(trimmed, '('),
        '}' => bracketed_end(trimmed, '{'),
        last if is_tick(last) => {
            let before = trimmed.trim_end_matches(is_tick).len();
            tick_marks(&trimmed[before..]).map(|marks| (certain(marks), before))
        }
        _ => unbracketed_end(trimmed),
    };
    found.map(|(note, before)| {
        let rest = text[..before].trim_end();
        (note, rest.trim_end_matches(['–', '—', '-', '_', '=', '…']).trim_end().len())
    })
}

fn bracketed_end(text: &str, open: char) -> Option<(MarkNote, usize)> {
    let at = text.rfind(open)?;
    standalone(&text[at..]).map(|note| (note, at))
}

/// `2 marks`, `1 mark each`, `/3`, `½`, or a number after a tab, a row of dots or a dash.
fn unbracketed_end(text: &str) -> Option<(MarkNote, usize)> {
    let starts: Vec<usize> = text
        .char_indices()
        .rev()
        .filter(|&(at, _)| at == 0 || text[..at].ends_with(char::is_whitespace))
        .map(|(at, _)| at)
        .take(5)
        .collect();
    let with_unit = starts.iter().rev().find_map(|&at| {
        let tail = &text[at..];
        let begins = tail.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '½' | '¼' | '¾' | '/'))
            || ["max", "total", "half ", "one ", "two ", "three "]
                .iter()
                .any(|word| tail.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word)));
        let note = begins.then(|| phrase(tail, false)).flatten()?;
        note.certain.then_some((note, at))
    });
    if with_unit.is_some() {
        return with_unit;
    }
    let &at = starts.first()?;
    let token = &text[at..];
    if token.ends_with(['½', '¼', '¾']) && at > 0 {
        return token.parse().ok().map(|marks| (certain(marks), at));
    }
    if let Some((blank, most)) = token.rsplit_once('/')
        && !blank.is_empty()
        && blank.chars().all(|c| matches!(c, '_' | '.' | '…'))
    {
        return most.parse().ok().map(|marks| (certain(marks), at));
    }
    if let Some(marks) = tick_marks(token) {
        return Some((certain(marks), at));
    }
    let before = text[..at].trim_end_matches(' ');
    let set_off = before.ends_with(['\t', '–', '—', '…']) || before.ends_with("...");
    let number: Marks = token.parse().ok().filter(|_| set_off)?;
    let plausible = (0..=MOST_BARE * 1000).contains(&number.thousandths());
    plausible.then(|| {
        let note = MarkNote { marks: Some(number), ..MarkNote::default() };
        (note, before.trim_end_matches('.').len())
    })
}

/// Marks at the beginning of a line and where the text after them starts: `1 mark: …`, `[1] …`,
/// `½ – …`, `Award 1 mark for …`.
pub(crate) fn leading(text: &str) -> Option<(MarkNote, usize)> {
    if let Some(close) = match text.chars().next()? {
        '[' => text.find(']'),
        '(' => text.find(')'),
        _ => None,
    } {
        let note = standalone(&text[..=close])?;
        return after_separator(text, close + 1).map(|at| (note, at));
    }
    let mut at = 0;
    for word in ["award", "give", "allow", "up", "to", "+"] {
        let rest = &text[at..];
        if rest.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word)) {
            let after = &rest[word.len()..];
            let apart = after.starts_with(char::is_whitespace) || word == "+";
            at += if apart { word.len() + after.len() - after.trim_start().len() } else { 0 };
        }
    }
    let (marks, length) = leading_number(&text[at..])?;
    at += length;
    let rest = text[at..].trim_start();
    let unit = UNITS[..10].iter().find(|unit| {
        rest.get(..unit.len()).is_some_and(|t| t.eq_ignore_ascii_case(unit))
            && !rest[unit.len()..].starts_with(char::is_alphanumeric)
    });
    let end = text.len() - rest.len() + unit.map_or(0, |unit| unit.len());
    let fraction = text[..at].ends_with(['½', '¼', '¾']);
    let separated = text[end..].trim_start().starts_with([':', '–', '—', '=']);
    // "1: …" without a unit numbers a list; "½: …" is marks.
    if unit.is_none() && !(fraction && separated) {
        return None;
    }
    after_separator(text, end).map(|at| (certain(marks), at))
}

/// Where the text goes on after `:`, a dash, "for" or "if".
fn after_separator(text: &str, from: usize) -> Option<usize> {
    let rest = text[from..].trim_start();
    let rest = rest.trim_start_matches([':', '–', '—', '-', '=', '.', ')']).trim_start();
    let rest = ["for ", "for: ", "if ", "if: "]
        .iter()
        .find_map(|word| {
            rest.get(..word.len()).filter(|t| t.eq_ignore_ascii_case(word)).map(|_| &rest[word.len()..])
        })
        .unwrap_or(rest)
        .trim_start();
    (!rest.is_empty()).then_some(text.len() - rest.len())
}

/// A band of a level-of-response scheme: `3–4 marks: …`, `5-6: …`, `0 marks: …`.
pub(crate) fn is_level_band(text: &str) -> bool {
    let text = text.trim_start_matches(['(', '[']);
    let text = match text.get(..6) {
        Some(word) if word.eq_ignore_ascii_case("level ") => {
            let number = text[6..].trim_start_matches(|c: char| c.is_ascii_digit());
            number.trim_start_matches([' ', '(', '[', ':', '-', '–'])
        }
        _ => text,
    };
    let Some((low, length)) = leading_number(text) else {
        return false;
    };
    let rest = text[length..].trim_start();
    let upper = rest.strip_prefix(['-', '–', '—']).or_else(|| rest.strip_prefix("to ")).and_then(|rest| {
        leading_number(rest.trim_start()).map(|(marks, at)| (marks, &rest.trim_start()[at..]))
    });
    match upper {
        Some((high, rest)) => {
            let rest = rest.trim_start();
            low < high
                && (rest.starts_with(':')
                    || rest.to_ascii_lowercase().starts_with("mark")
                    || rest.to_ascii_lowercase().starts_with("point"))
        }
        None => low == Marks::ZERO && rest.to_ascii_lowercase().starts_with("mark"),
    }
}

/// Marks noted inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InlineMark {
    /// The text that earns them, in bytes.
    pub(crate) said: Range<usize>,
    /// Where the text goes on after the note.
    pub(crate) end: usize,
    pub(crate) marks: Marks,
}

/// Marks noted inside a text: "water moves (1) down the gradient (1)".
pub(crate) fn inline(text: &str) -> Vec<InlineMark> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(offset) = text[at..].find(|c: char| matches!(c, '(' | '[') || is_tick(c)) {
        let open = at + offset;
        let end = note_end(text, open);
        let note = end.and_then(|end| standalone(&text[open..end])).and_then(|note| note.marks);
        let says = text[from..open].chars().any(char::is_alphanumeric);
        match (end, note.filter(|marks| *marks > Marks::ZERO)) {
            (Some(end), Some(marks)) if says => {
                found.push(InlineMark { said: from..open, end, marks });
                from = end;
                at = end;
            }
            _ => at = open + text[open..].chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// Where the bracket or the ticks at `open` end.
fn note_end(text: &str, open: usize) -> Option<usize> {
    let rest = &text[open..];
    let close = match rest.chars().next()? {
        '(' => ')',
        '[' => ']',
        _ => {
            let after = rest.trim_start_matches(is_tick).trim_start_matches(|c: char| c.is_ascii_digit());
            return Some(text.len() - after.len());
        }
    };
    // A mark note is short; looking no further keeps this linear on hostile text.
    let (length, _) = rest.char_indices().take(80).find(|&(_, c)| c == close)?;
    Some(open + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousandths(marks: Option<Marks>) -> Option<i32> {
        marks.map(Marks::thousandths)
    }

    #[test]
    fn marks_at_the_end_of_a_line_are_read() {
        for (text, marks, before) in [
            ("Explain osmosis. [2]", 2000, "Explain osmosis."),
            ("Explain osmosis (2 marks)", 2000, "Explain osmosis"),
            ("Explain osmosis (2 marks).", 2000, "Explain osmosis"),
            ("Explain 2 pts", 2000, "Explain"),
            ("Explain /3", 3000, "Explain"),
            ("Explain ____/3", 3000, "Explain"),
            ("names ATP – ½", 500, "names ATP"),
            ("names ATP - 1.5 marks", 1500, "names ATP"),
            ("names ATP [0.5]", 500, "names ATP"),
            ("names ATP (1)", 1000, "names ATP"),
            ("names ATP 1½ marks", 1500, "names ATP"),
            ("names ATP one mark", 1000, "names ATP"),
            ("names ATP ........ 1", 1000, "names ATP"),
            ("names ATP ✓✓", 2000, "names ATP"),
            ("names ATP ✓2", 2000, "names ATP"),
            ("(Total for Question 1 = 6 marks)", 6000, ""),
            ("any of these (max 3)", 3000, "any of these"),
            ("Explain (out of 5)", 5000, "Explain"),
            ("Explain (Total: 6 marks)", 6000, "Explain"),
            ("Explain [1 + 1]", 2000, "Explain"),
            ("Explain (2 x 1 mark)", 2000, "Explain"),
        ] {
            let (note, at) = trailing(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(thousandths(note.whole()), Some(marks), "{text}");
            assert_eq!(&text[..at], before, "{text}");
        }
        let (note, _) = trailing("any point (1 mark each, max 3)").expect("marks");
        assert_eq!((thousandths(note.each), thousandths(note.max)), (Some(1000), Some(3000)));
    }

    #[test]
    fn what_is_not_marks_is_left_alone() {
        for text in [
            "published (1998)",
            "carbon (C)",
            "two membranes (2 membranes)",
            "pH of 7",
            "y = 3x - 1",
            "and/or",
            "1/3",
            "a point",
            "5 m",
            "key points",
            "",
            "water",
            "ratio 1/2",
        ] {
            assert_eq!(trailing(text), None, "{text}");
        }
    }

    #[test]
    fn marks_at_the_beginning_are_read() {
        for (text, marks, rest) in [
            ("1 mark: names ATP", 1000, "names ATP"),
            ("1 mark for naming ATP", 1000, "naming ATP"),
            ("[1] names ATP", 1000, "names ATP"),
            ("½ – names ATP", 500, "names ATP"),
            ("Award 1 mark for naming ATP", 1000, "naming ATP"),
            ("One mark if ATP is named", 1000, "ATP is named"),
            ("(2 marks) names ATP", 2000, "names ATP"),
        ] {
            let (note, at) = leading(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((thousandths(note.marks), &text[at..]), (Some(marks), rest), "{text}");
        }
        for text in ["1. names ATP", "2 membranes", "a cell", "One of these", "½ of it"] {
            assert_eq!(leading(text), None, "{text}");
        }
    }

    #[test]
    fn level_bands_are_told_from_points() {
        assert!(is_level_band("3–4 marks: a clear account"));
        assert!(is_level_band("0 marks: nothing right"));
        assert!(is_level_band("Level 2 (3-4 marks)"));
        assert!(!is_level_band("1 mark: names ATP"));
        assert!(!is_level_band("2-3 sentences"));
    }

    #[test]
    fn marks_inside_a_text_divide_it() {
        let text = "Water moves (1) through a membrane (thin) [1] to the sugar ✓ slowly.";
        let parts: Vec<&str> = inline(text).into_iter().map(|mark| text[mark.said].trim()).collect();
        assert_eq!(parts, ["Water moves", "through a membrane (thin)", "to the sugar"]);
    }
}
