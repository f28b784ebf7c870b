//! When two answers say the same: texts compared without case, spacing and punctuation.

use std::collections::HashMap;

use gradus_domain::Marks;

use super::Example;
use crate::guide::QuestionId;
use crate::marked_answer::{MarkedAnswer, RowSource};

/// Answers up to this many words are too short to give anything away: everyone writes them.
const SHORT_WORDS: usize = 2;

/// An answer for comparing.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// As written.
    pub(super) question: String,
    /// As written.
    pub(super) answer: String,
    /// The lower-case question and the [`fold`]ed answer: equal where two answers say the same.
    pub(super) identity: (String, String),
    pub(super) mark: Marks,
    pub(super) source: RowSource,
}

impl Text {
    pub(super) fn of_example(example: &Example) -> Self {
        Self::new(&example.question, &example.answer, example.mark, &example.source)
    }

    pub(super) fn of_answer(answer: &MarkedAnswer) -> Self {
        Self::new(&answer.question, &answer.answer, answer.mark, &answer.source)
    }

    fn new(question: &QuestionId, answer: &str, mark: Marks, source: &RowSource) -> Self {
        Self {
            question: question.0.clone(),
            answer: answer.to_owned(),
            identity: (question.0.to_lowercase(), fold(answer)),
            mark,
            source: source.clone(),
        }
    }

    pub(super) fn folded(&self) -> &str {
        &self.identity.1
    }

    /// Whether it is blank or has one or two words.
    pub(super) fn is_short(&self) -> bool {
        self.folded().split(' ').count() <= SHORT_WORDS
    }

    /// How a message refers to it.
    pub(super) fn quote(&self) -> String {
        if self.folded().is_empty() {
            return "a blank answer".to_owned();
        }
        let words: Vec<&str> = self.answer.split_whitespace().collect();
        let text = words.join(" ");
        match text.char_indices().nth(60) {
            Some((end, _)) => format!("“{}…”", text[..end].trim_end()),
            None => format!("“{text}”"),
        }
    }
}

/// Texts that say the same on the same question, in the order in which they first occur.
pub(super) fn equal_texts<'a>(texts: impl IntoIterator<Item = &'a Text>) -> Vec<Vec<&'a Text>> {
    let mut groups: Vec<Vec<&Text>> = Vec::new();
    let mut positions: HashMap<&(String, String), usize> = HashMap::new();
    for text in texts {
        let position = *positions.entry(&text.identity).or_insert(groups.len());
        if position == groups.len() {
            groups.push(Vec::new());
        }
        groups[position].push(text);
    }
    groups
}

/// A student's name without case and surrounding space.
pub(super) fn fold_student(student: &str) -> String {
    student.trim().to_lowercase()
}

/// Lower-case words with one space between them. Punctuation goes, but not what changes the meaning:
/// mathematical symbols, a minus before a number and a point within one.
pub(crate) fn fold(text: &str) -> String {
    let characters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut folded = String::with_capacity(text.len());
    for (position, character) in characters.iter().enumerate() {
        let (before, after) = characters.split_at(position);
        if character.is_alphanumeric() || is_decimal_point(*character, before, after) {
            folded.push(*character);
        } else if is_symbol(*character) || is_minus(*character, after) {
            folded.extend([' ', *character, ' ']);
        } else if !matches!(character, '\'' | '’') {
            folded.push(' ');
        }
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_decimal_point(character: char, before: &[char], after: &[char]) -> bool {
    let digit = |character: Option<&char>| character.is_some_and(char::is_ascii_digit);
    character == '.' && digit(before.last()) && digit(after.get(1))
}

fn is_minus(character: char, from_it: &[char]) -> bool {
    // The character first: to look for what follows every space takes quadratic time.
    matches!(character, '-' | '−' | '–')
        && from_it[1..].iter().find(|next| !next.is_whitespace()).is_some_and(char::is_ascii_digit)
}

fn is_symbol(character: char) -> bool {
    matches!(character, '+' | '=' | '<' | '>' | '*' | '^' | '%' | '°' | '±' | '×' | '÷' | '¬')
        // Arrows and mathematical operators, but for the minus sign.
        || (('\u{2190}'..='\u{22ff}').contains(&character) && character != '−')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spacing_and_punctuation_do_not_tell_answers_apart() {
        for same in [
            "The cell's wall, is rigid.",
            "the cells  wall is\nRigid",
            "The cell’s wall is rigid!!",
            " the-cells wall (is) rigid",
        ] {
            assert_eq!(fold(same), "the cells wall is rigid", "{same}");
        }
        assert_eq!(fold(" … "), "");
    }

    #[test]
    fn what_changes_the_meaning_tells_answers_apart() {
        for (one, other) in [
            ("x + 1", "x - 1"),
            ("x-1", "x 1"),
            ("1.5 g", "15 g"),
            ("a < b", "a > b"),
            ("5", "-5"),
            ("2 × 3", "2 ÷ 3"),
        ] {
            assert_ne!(fold(one), fold(other));
        }
        assert_eq!(fold("-   5"), "- 5");
        assert_eq!(fold("x+1"), fold("X + 1."));
        assert_eq!(fold("x-1"), fold("x - 1"));
    }

    #[test]
    fn a_million_spaces_are_folded_at_once() {
        // In quadratic time this would take minutes.
        let spaces = " ".repeat(1_000_000);
        assert_eq!(fold(&format!("a{spaces}-{spaces}5{spaces}-{spaces}")), "a - 5");
    }
}
