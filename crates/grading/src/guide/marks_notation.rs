//! Marks as guides write them: `[2]`, `(2 marks)`, `2 pts`, `/3`, `½`, `max 3`, `1 mark each`, `✓✓`.

use std::ops::Range;

use gradus_domain::Marks;

/// Marks as noted at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MarkNote {
    /// The number of marks noted, where it is neither per point nor a limit.
    pub(crate) marks: Option<Marks>,
    /// Marks for each point.
    pub(crate) each: Option<Marks>,
    /// The most that can be had.
    pub(crate) max: Option<Marks>,
    /// Whether a word or sign says that it is marks; a bare `(2)` may be something else.
    pub(crate) certain: bool,
    /// Whether it says "total".
    pub(crate) total: bool,
}

impl MarkNote {
    /// The marks of the whole, where the note says: the limit or the number.
    pub(crate) fn whole(&self) -> Option<Marks> {
        self.max.or(self.marks)
    }
}

/// No guide gives more for one question; larger numbers are years and quantities.
const MOST_BARE: i32 = 100;
const MOST_CERTAIN: i32 = 1000;

/// The number at the beginning of a text, as marks, and its length in bytes.
pub(crate) fn leading_number(text: &str) -> Option<(Marks, usize)> {
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    if !word.is_empty() {
        let marks = word_number(&word.to_ascii_lowercase())?;
        return Some((marks, word.len()));
    }
    let length = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '/' | '½' | '¼' | '¾')))
        .unwrap_or(text.len());
    let number = text[..length].trim_end_matches(['.', ',', '/']);
    let number = if number.starts_with(['.', ',', '/']) { return None } else { number };
    let mut marks: Marks = number.parse().ok()?;
    let mut end = number.len();
    // "1 ½" and "1 1/2".
    if let Some(rest) = text[end..].strip_prefix(' ') {
        let fraction = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '/' | '½' | '¼' | '¾')));
        let fraction = &rest[..fraction.unwrap_or(rest.len())];
        if fraction.contains(['/', '½', '¼', '¾'])
            && !fraction.starts_with('/')
            && let Ok(more) = fraction.parse::<Marks>()
            && more < Marks::ONE
        {
            marks = marks + more;
            end += 1 + fraction.len();
        }
    }
    (0..=MOST_CERTAIN * 1000).contains(&marks.thousandths()).then_some((marks, end))
}

/// A number written as a word; "a" counts as one before a unit.
fn word_number(word: &str) -> Option<Marks> {
    const WORDS: [&str; 11] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    match word {
        "half" => Some(Marks::HALF),
        "a" | "an" => Some(Marks::ONE),
        _ => WORDS.iter().position(|&name| name == word).and_then(|value| Marks::from_f64(value as f64)),
    }
}

/// A whole text that is nothing but marks: `[2]`, `(2 marks)`, `2 pts`, `Total: 6`, `/3`, `max 3`.
pub(crate) fn standalone(text: &str) -> Option<MarkNote> {
    let text = text.trim().trim_end_matches(['.', ':', ';']).trim_end();
    let inner =
        ["[]", "()", "{}"].iter().find_map(|pair| text.strip_prefix(&pair[..1])?.strip_suffix(&pair[1..]));
    let ticks = tick_count(text);
    if ticks > 0 && text.chars().all(is_tick) {
        return Marks::from_f64(ticks as f64).map(certain);
    }
    match inner {
        Some(inner) => phrase(inner, true),
        None => phrase(text, false).filter(|note| note.certain),
    }
}

fn certain(marks: Marks) -> MarkNote {
    MarkNote { marks: Some(marks), certain: true, ..MarkNote::default() }
}

fn is_tick(character: char) -> bool {
    matches!(character, '✓' | '✔' | '☑' | '\u{fe0f}')
}

fn tick_count(text: &str) -> usize {
    text.chars().filter(|&c| is_tick(c) && c != '\u{fe0f}').count()
}

const UNITS: [&str; 12] =
    ["marks", "mark", "mks", "mk", "points", "point", "pts", "pt", "credits", "credit", "m", "p"];

/// Words in which a mark note is read, each with what it says.
enum Word {
    Number(Marks),
    Unit,
    Each,
    Max,
    Total,
    Plus,
    Times,
    Filler,
}

/// Reads a text that must be a mark note from end to end.
fn phrase(text: &str, bracketed: bool) -> Option<MarkNote> {
    let text = text.trim();
    if text.len() > 80 {
        return None;
    }
    let words = words(text, bracketed)?;
    let mut note = MarkNote::default();
    let mut number: Option<Marks> = None;
    let mut is_max = false;
    let (mut plus, mut times) = (false, false);
    for word in &words {
        match word {
            Word::Number(marks) if plus => {
                number = number.map(|sum| sum + *marks);
                plus = false;
            }
            Word::Number(marks) if times => {
                number = number.and_then(|n| Marks::from_f64(n.as_f64() * marks.as_f64()));
                times = false;
            }
            Word::Number(marks) => {
                settle(&mut note, number.take(), &mut is_max);
                number = Some(*marks);
            }
            Word::Unit => note.certain = true,
            Word::Each => {
                note.each = Some(number.take()?);
                note.certain = true;
            }
            Word::Max => {
                // "3 max" limits the number before it, "max 3" the number after it.
                is_max = true;
                note.certain = true;
            }
            Word::Total => {
                note.total = true;
                note.certain = true;
            }
            Word::Plus => plus = true,
            Word::Times => times = true,
            Word::Filler => {}
        }
    }
    settle(&mut note, number, &mut is_max);
    let most = if note.certain { MOST_CERTAIN } else { MOST_BARE } * 1000;
    let noted = note.whole().or(note.each)?;
    (!plus && !times && noted.thousandths() <= most).then_some(note)
}

fn settle(note: &mut MarkNote, number: Option<Marks>, is_max: &mut bool) {
    let Some(marks) = number else { return };
    if *is_max {
        note.max = Some(marks);
        *is_max = false;
    } else {
        note.marks = Some(marks);
    }
}

fn words(text: &str, bracketed: bool) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let before = rest.len();
        if first.is_whitespace() || matches!(first, ':' | ',' | ';' | '=' | '.' | '_' | '…') {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if first == '+' || first == '×' {
            // "+1" is a way to write one mark.
            let joins = matches!(words.last(), Some(Word::Number(_) | Word::Unit));
            words.push(match (first, joins) {
                ('+', true) => Word::Plus,
                ('+', false) => Word::Filler,
                _ => Word::Times,
            });
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if first == '/' {
            words.push(Word::Max);
            rest = &rest[1..];
            continue;
        }
        if matches!(first, '-' | '–') && matches!(words.last(), Some(Word::Number(_))) {
            // "0–5 marks": the upper end is the limit.
            words.pop();
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let word = rest[..letters].to_ascii_lowercase();
        let after_number = matches!(words.last(), Some(Word::Number(_)));
        let (found, length) = match word.as_str() {
            "x" if after_number => (Word::Times, 1),
            "m" | "p" if !(bracketed && after_number) => return None,
            unit if UNITS.contains(&unit) => (Word::Unit, letters),
            "each" | "per" | "every" => (Word::Each, letters),
            "max" | "maximum" | "most" | "of" => (Word::Max, letters),
            "total" | "totals" => (Word::Total, letters),
            "up" | "to" | "out" | "worth" | "award" | "a" | "available" | "in" | "for" | "question"
            | "all" | "at" | "and" | "score" | "value" | "overall" => (Word::Filler, letters),
            "item" | "correct" | "answer" | "idea" if words.iter().any(|word| matches!(word, Word::Each)) => {
                (Word::Filler, letters)
            }
            _ => {
                let (marks, length) = leading_number(rest)?;
                (Word::Number(marks), length)
            }
        };
        words.push(found);
        rest = &rest[length..];
        if rest.len() == before {
            return None;
        }
    }
    Some(words)
}

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
            Marks::from_f64(tick_count(&trimmed[before..]) as f64).map(|m| (certain(m), before))
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

/// Marks noted inside a text, each with the text that earns it: "water moves (1) down the gradient (1)".
pub(crate) fn inline(text: &str) -> Vec<(Range<usize>, Marks)> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(offset) = text[at..].find(|c: char| matches!(c, '(' | '[') || is_tick(c)) {
        let open = at + offset;
        let first = text[open..].chars().next().unwrap_or('(');
        let end = if is_tick(first) {
            text.len() - text[open..].trim_start_matches(is_tick).len()
        } else {
            let close = if first == '(' { ')' } else { ']' };
            // A mark note is short; looking no further keeps this linear on hostile text.
            match text[open..].char_indices().take(80).find(|&(_, c)| c == close) {
                Some((length, _)) => open + length + 1,
                None => {
                    at = open + 1;
                    continue;
                }
            }
        };
        let note = standalone(&text[open..end]).and_then(|note| note.marks);
        let said = text[from..open].trim();
        match note {
            Some(marks) if marks > Marks::ZERO && said.chars().any(char::is_alphanumeric) => {
                found.push((from..open, marks));
                from = end;
                at = end;
            }
            _ => at = open + first.len_utf8(),
        }
    }
    found
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
        let parts: Vec<&str> = inline(text).into_iter().map(|(range, _)| text[range].trim()).collect();
        assert_eq!(parts, ["Water moves", "through a membrane (thin)", "to the sugar"]);
    }
}
