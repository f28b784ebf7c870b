//! Finds a question's own text at the beginning of an answer, word by word and with a few slips allowed.

use crate::guide::marks_notation::standalone;

/// Length in bytes of the question's text (and its marks) at the beginning of `answer`, 0 where it is not
/// there. The text may stand there whole or any of its lines one after another.
pub(super) fn repeated_length(answer: &str, question: &str) -> usize {
    let lines: Vec<&str> = question.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut wordings: Vec<String> = (0..lines.len()).map(|from| lines[from..].join(" ")).collect();
    wordings.extend(lines.iter().map(|line| (*line).to_owned()));
    let mut length = 0;
    for _ in 0..=lines.len() {
        let rest = &answer[length..];
        let found = wordings.iter().find_map(|wording| prefix_length(rest, wording));
        match found {
            Some(found) => length += found,
            None => break,
        }
    }
    length
}

/// Whether a line is a question's text and little else.
pub(super) fn is_question(line: &str, question: &str) -> bool {
    if words(question, 4).len() < 3 {
        return false;
    }
    let length = repeated_length(line, question);
    length > 0 && line[length..].chars().filter(|c| c.is_alphanumeric()).count() < 3
}

/// Words compared at most; a longer question is told by its beginning.
const LONGEST: usize = 300;

fn prefix_length(answer: &str, wording: &str) -> Option<usize> {
    let asked = words(wording, LONGEST);
    if asked.is_empty() {
        return None;
    }
    let slips = asked.len() / if asked.len() < 8 { 5 } else { 4 };
    let said = words(answer, asked.len() + slips);
    let (count, distance) = closest_prefix(&asked, &said)?;
    if distance > slips || count == 0 {
        return None;
    }
    let end = said[count - 1].1;
    Some(after_question(answer, end))
}

/// The number of words of `said` that come closest to all of `asked`, and their edit distance.
fn closest_prefix(asked: &[(String, usize)], said: &[(String, usize)]) -> Option<(usize, usize)> {
    let mut row: Vec<usize> = (0..=said.len()).collect();
    for (done, (word, _)) in asked.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = done + 1;
        for (at, (other, _)) in said.iter().enumerate() {
            let substituted = diagonal + usize::from(!alike(word, other));
            diagonal = row[at + 1];
            row[at + 1] = substituted.min(row[at] + 1).min(diagonal + 1);
        }
    }
    let best = *row.iter().min()?;
    let ties: Vec<usize> = (0..row.len()).filter(|&count| row[count] == best).collect();
    // Of several the one that ends as the question does.
    let last = asked.last().map(|(word, _)| word);
    let ends_alike = |count: &&usize| {
        said.get(count.wrapping_sub(1)).zip(last).is_some_and(|((word, _), last)| alike(word, last))
    };
    let count = ties.iter().find(ends_alike).or(ties.first())?;
    Some((*count, best))
}

/// The same word, or with another ending: "plant", "plants".
fn alike(word: &str, other: &str) -> bool {
    let (short, long) = if word.len() <= other.len() { (word, other) } else { (other, word) };
    long.starts_with(short) && (long.len() == short.len() || short.len() > 3 && long.len() <= short.len() + 2)
}

/// Where the answer goes on after the question's last word: past its punctuation and its marks.
fn after_question(answer: &str, end: usize) -> usize {
    let mut at = end;
    let skip = |at: usize| {
        let rest = &answer[at..];
        at + rest.len()
            - rest.trim_start_matches(|c: char| c.is_whitespace() || "?.!:*_\"”’)]".contains(c)).len()
    };
    at = skip(at);
    let rest = &answer[at..];
    let close = match rest.chars().next() {
        Some('(') => rest.find(')'),
        Some('[') => rest.find(']'),
        _ => None,
    };
    match close {
        Some(close) if standalone(&rest[..=close]).is_some() => skip(at + close + 1),
        _ => at,
    }
}

/// The first words of a text in lower case, each with the byte after it.
fn words(text: &str, most: usize) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    let mut word = String::new();
    for (at, character) in text.char_indices() {
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        } else if !word.is_empty() {
            all.push((std::mem::take(&mut word), at));
            if all.len() >= most {
                return all;
            }
        }
    }
    if !word.is_empty() {
        all.push((word, text.len()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = "The figure shows a cell.\nExplain why root hair cells need ATP to take up ions.";

    #[test]
    fn the_question_is_taken_off_the_answer() {
        for (answer, rest) in [
            ("Explain why root hair cells need ATP to take up ions. Active transport.", "Active transport."),
            ("Explain why root-hair cells need ATP to take up the ions? (3 marks)\nUphill.", "Uphill."),
            (
                "The figure shows a cell.\nExplain why root hair cells need ATP to take up ions.\nUphill.",
                "Uphill.",
            ),
            (
                "Root hair cells need ATP because it is uphill.",
                "Root hair cells need ATP because it is uphill.",
            ),
            ("", ""),
        ] {
            assert_eq!(&answer[repeated_length(answer, QUESTION)..], rest, "{answer}");
        }
    }

    #[test]
    fn a_short_question_must_match_exactly() {
        assert_eq!(repeated_length("Define gene. DNA", "Define gene."), 13);
        assert_eq!(repeated_length("Define allele. DNA", "Define gene."), 0);
    }
}
