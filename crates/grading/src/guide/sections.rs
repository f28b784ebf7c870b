//! The labels that divide a question: "Model answer:", "Marking points", "Accept", "Total: 6" …

use super::lines::{Line, Passage, Shape};
use super::marks_notation::{MarkNote, standalone};

/// What a part of a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Text,
    Answer,
    Rubric,
    Notes,
    /// Only its marks follow ("Maximum marks: 4").
    Marks,
}

/// A label at the beginning of a line.
#[derive(Debug, Clone)]
pub(crate) struct Label<'a> {
    pub(crate) section: Section,
    /// The label as written.
    pub(crate) words: &'a str,
    /// Marks in brackets after it: "Mark scheme (4 marks)".
    pub(crate) marks: Option<MarkNote>,
    /// Whether a colon follows it.
    pub(crate) colon: bool,
    /// What follows on the same line.
    pub(crate) rest: Passage<'a>,
    /// "Accept" and "Reject" and their like, which are part of the note.
    pub(crate) verb: bool,
}

const TEXT: &[&str] = &["question", "question text", "prompt", "stem", "task", "question stem"];
const ANSWER: &[&str] = &[
    "model answer",
    "model answers",
    "suggested answer",
    "suggested answers",
    "sample answer",
    "sample response",
    "sample answers",
    "expected answer",
    "expected answers",
    "expected response",
    "exemplar",
    "exemplar answer",
    "exemplar response",
    "specimen answer",
    "ideal answer",
    "correct answer",
    "reference answer",
    "example answer",
    "full mark answer",
    "possible answer",
    "possible answers",
    "acceptable answer",
    "model response",
    "suggested response",
    "suggested solution",
    "model solution",
    "answer",
    "answers",
    "ans",
    "solution",
    "solutions",
    "answer key",
    "key answer",
    "model ans",
];
const RUBRIC: &[&str] = &[
    "marking points",
    "marking point",
    "mark scheme",
    "marking scheme",
    "markscheme",
    "rubric",
    "marking criteria",
    "mark criteria",
    "assessment criteria",
    "scoring criteria",
    "criteria",
    "points",
    "mark allocation",
    "marks allocation",
    "allocation of marks",
    "mark breakdown",
    "breakdown of marks",
    "marks breakdown",
    "key points",
    "expected points",
    "points to award",
    "marking guide",
    "marking guidelines",
    "marking rubric",
    "scoring rubric",
    "scoring guide",
    "scoring",
    "indicative content",
    "award marks for",
    "marks awarded for",
    "award marks as follows",
    "credit",
    "marking",
    "how to award marks",
    "points expected",
];
const NOTES: &[&str] = &[
    "guidance",
    "notes",
    "note",
    "nb",
    "n.b",
    "notes for markers",
    "notes for marker",
    "note to marker",
    "note for marker",
    "notes to markers",
    "note to markers",
    "marker notes",
    "marking notes",
    "marker's notes",
    "markers' notes",
    "examiner notes",
    "examiner's notes",
    "examiners' notes",
    "comments",
    "comment",
    "guidance for markers",
    "guidance to markers",
    "marker guidance",
    "marking guidance",
    "additional guidance",
    "additional notes",
    "common errors",
    "common mistakes",
    "common misconceptions",
    "not accepted",
    "no credit",
    "no credit for",
    "no marks for",
    "remarks",
    "tip",
    "hints",
];
const ACCEPT: &[&str] = &[
    "also accept",
    "accept also",
    "accept",
    "do not accept",
    "don't accept",
    "don’t accept",
    "reject",
    "do not reject",
    "allow",
    "do not allow",
    "ignore",
    "do not award",
    "do not credit",
    "do not penalise",
    "do not penalize",
    "condone",
    "accept reverse argument",
];
const MARKS: &[&str] = &[
    "marks",
    "mark",
    "max marks",
    "max mark",
    "maximum marks",
    "maximum mark",
    "total marks",
    "total mark",
    "marks available",
    "available marks",
    "maximum",
    "max",
    "max score",
    "maximum score",
    "score",
    "total",
    "total score",
    "weight",
    "worth",
    "marks total",
    "points available",
    "total points",
    "maximum points",
    "max points",
];

/// The label that a line begins with, if it does.
pub(crate) fn label<'a>(passage: Passage<'a>) -> Option<Label<'a>> {
    let kinds = [
        (Section::Text, TEXT),
        (Section::Answer, ANSWER),
        (Section::Rubric, RUBRIC),
        (Section::Notes, NOTES),
        (Section::Notes, ACCEPT),
        (Section::Marks, MARKS),
    ];
    let mut best: Option<Label<'a>> = None;
    for (section, phrases) in kinds {
        let verb = std::ptr::eq(phrases, ACCEPT);
        for phrase in phrases {
            let longer = best.as_ref().is_none_or(|best| phrase.len() > best.words.len());
            if longer && let Some(found) = match_phrase(passage, section, phrase, verb) {
                best = Some(found);
            }
        }
    }
    best
}

fn match_phrase<'a>(passage: Passage<'a>, section: Section, phrase: &str, verb: bool) -> Option<Label<'a>> {
    let text = passage.text;
    let length = phrase_length(text, phrase)?;
    let mut rest = passage.from(length);
    let marks = bracketed_marks(&mut rest);
    if let Some(after) = about_question(rest.text) {
        rest = rest.from(after);
    }
    let delimiter = rest.text.chars().next();
    let ends = match delimiter {
        None => true,
        Some(':' | '：') => true,
        Some('-' | '–' | '—' | '=') => rest.text.chars().nth(1).is_none_or(char::is_whitespace),
        Some('.') => rest.text.len() == 1,
        _ => false,
    };
    let sentence = verb && text.starts_with(char::is_uppercase) && !rest.is_empty();
    if !ends && !sentence {
        return None;
    }
    if ends && let Some(delimiter) = delimiter {
        rest = rest.from(delimiter.len_utf8());
    }
    Some(Label {
        section,
        words: &text[..length],
        marks,
        colon: matches!(delimiter, Some(':' | '：')),
        rest,
        verb,
    })
}

/// Length of `phrase` at the beginning of `text`, compared without case, as whole words.
fn phrase_length(text: &str, phrase: &str) -> Option<usize> {
    let head = text.get(..phrase.len())?;
    let same = head.chars().map(|c| if c == '-' { ' ' } else { c.to_ascii_lowercase() }).eq(phrase.chars());
    let whole = !text[phrase.len()..].starts_with(char::is_alphanumeric);
    (same && whole).then_some(phrase.len())
}

/// "(4 marks)" or "[4]" at the beginning, taken off.
fn bracketed_marks(rest: &mut Passage<'_>) -> Option<MarkNote> {
    let close = match rest.text.chars().next()? {
        '(' => ')',
        '[' => ']',
        _ => return None,
    };
    let end = rest.text.find(close)? + 1;
    let note = standalone(&rest.text[..end])?;
    *rest = rest.from(end);
    Some(note)
}

/// Length of "for question 1" or "to Q1" at the beginning.
fn about_question(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let from = ["for ", "to "].iter().find(|word| lower.starts_with(**word))?.len();
    let head = super::heads::parse_head(&text[from..])?;
    head.keyword.is_some().then_some(text.len().min(from + head.rest))
}

/// A line as several, where a label stands in the middle of it after the end of a sentence:
/// "Explain osmosis. Model answer: Water moves …".
pub(crate) fn split_at_labels(line: Line<'_>) -> Vec<Line<'_>> {
    let passage = line.passage;
    let mut cuts = vec![0];
    for (at, character) in passage.text.char_indices() {
        let next = at + character.len_utf8();
        let rest = passage.from(next);
        let sentence_ends = matches!(character, '.' | '?' | '!' | ']' | ')' | ';')
            && passage.text[next..].starts_with(char::is_whitespace);
        if sentence_ends
            && rest.text.starts_with(char::is_uppercase)
            && label(rest).is_some_and(|label| is_cut(&label))
        {
            cuts.push(next);
        }
    }
    let ends = cuts.iter().skip(1).copied().chain([passage.text.len()]);
    let mut parts: Vec<Line<'_>> = cuts
        .iter()
        .zip(ends)
        .map(|(&from, to)| Line { shape: Shape::Paragraph, passage: passage.part(from, to) })
        .collect();
    if let Some(first) = parts.first_mut() {
        first.shape = line.shape;
    }
    parts
}

/// Only a label with a colon and something after it divides a line.
fn is_cut(label: &Label<'_>) -> bool {
    let divides = !matches!(label.section, Section::Text | Section::Marks);
    label.colon && divides && !label.rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(text: &str) -> Passage<'_> {
        Passage { text, start: 0, page: None }
    }

    #[test]
    fn labels_are_read_with_what_follows_them() {
        for (text, section, rest) in [
            ("Model answer: Water moves", Section::Answer, "Water moves"),
            ("MODEL ANSWER", Section::Answer, ""),
            ("Suggested answer – water", Section::Answer, "water"),
            ("Mark scheme (4 marks):", Section::Rubric, ""),
            ("Marking points for question 2:", Section::Rubric, ""),
            ("Do not accept: osmosis", Section::Notes, "osmosis"),
            ("Accept plasma membrane", Section::Notes, "plasma membrane"),
            ("Maximum marks: 4", Section::Marks, "4"),
            ("Question: Explain", Section::Text, "Explain"),
        ] {
            let label = label(passage(text)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((label.section, label.rest.text), (section, rest), "{text}");
        }
    }

    #[test]
    fn sentences_that_begin_with_a_labels_word_are_not_labels() {
        for text in
            ["Answer all questions", "Points of contact", "accept", "Notes are fine here", "Total loss"]
        {
            let found = label(passage(text));
            assert!(found.is_none_or(|label| label.rest.is_empty()), "{text}");
        }
    }
}
