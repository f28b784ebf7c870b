//! Marks as guides write them: `[2]`, `(2 marks)`, `2 pts`, `/3`, `½`, `max 3`, `1 mark each`, `✓✓`.

mod position;

use gradus_domain::Marks;

pub(crate) use position::{InlineMark, inline, is_level_band, leading, trailing};

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
    if let Some(marks) = tick_marks(text) {
        return Some(certain(marks));
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

/// `✓✓` is two marks, `✓2` as well; `None` where there is no tick or anything else.
fn tick_marks(text: &str) -> Option<Marks> {
    let rest = text.trim_start_matches(is_tick);
    let ticks = text[..text.len() - rest.len()].chars().filter(|&c| c != '\u{fe0f}').count();
    match rest.trim() {
        _ if ticks == 0 => None,
        "" => Marks::from_f64(ticks as f64),
        number => {
            number.parse().ok().filter(|marks: &Marks| (0..=MOST_BARE * 1000).contains(&marks.thousandths()))
        }
    }
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
