//! Finding the question that a file's author meant: `Q2 (a)`, `Question 2a` and `2.a` are question `2a`.

use crate::guide::{Guide, Question};

/// The question of that name; `None` where there is none, or where two would fit equally well.
pub(super) fn find<'a>(guide: &'a Guide, name: &str) -> Option<&'a Question> {
    let name = name.trim();
    let exact =
        guide.questions.iter().find(|question| question.id.0.trim().to_lowercase() == name.to_lowercase());
    exact
        .or_else(|| only_one(guide, |id| fold(id) == fold(name)))
        .or_else(|| only_one(guide, |id| bare(id) == bare(name)))
        // A spreadsheet may write the number 2 as 2.0.
        .or_else(|| find(guide, name.strip_suffix(".0")?))
}

fn only_one(guide: &Guide, fits: impl Fn(&str) -> bool) -> Option<&Question> {
    let mut fitting = guide.questions.iter().filter(|question| fits(&question.id.0));
    let first = fitting.next();
    first.filter(|_| fitting.next().is_none())
}

/// Lower case without spaces and punctuation, but for a point between digits: `1.1` is not `11`.
fn fold(name: &str) -> String {
    let characters: Vec<char> = name.to_lowercase().chars().collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(char::is_ascii_digit);
    let kept = characters.iter().enumerate().filter(|(at, character)| {
        let between_digits = is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
        character.is_alphanumeric() || (**character == '.' && between_digits)
    });
    kept.map(|(_, character)| *character).collect()
}

/// Without a leading "question", "qn", "q" or "no" before a number.
fn bare(name: &str) -> String {
    let folded = fold(name);
    let without = ["questionnumber", "questionno", "question", "qn", "q", "no"]
        .iter()
        .find_map(|prefix| folded.strip_prefix(prefix))
        .filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    without.map_or_else(|| folded.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use gradus_domain::Marks;

    use super::*;
    use crate::guide::QuestionId;

    fn guide(ids: &[&str]) -> Guide {
        let question = |id: &&str| Question::new(QuestionId((*id).to_owned()), String::new(), Marks::ONE);
        Guide { title: None, questions: ids.iter().map(question).collect() }
    }

    fn found(ids: &[&str], name: &str) -> Option<String> {
        find(&guide(ids), name).map(|question| question.id.0.clone())
    }

    #[test]
    fn a_question_is_found_however_its_name_is_written() {
        for (name, id) in [
            ("1", "1"),
            (" Q1 ", "1"),
            ("q.1", "1"),
            ("Question 1", "1"),
            ("Question no. 1", "1"),
            ("1.", "1"),
            ("1.0", "1"),
            ("2A", "2a"),
            ("Q2 (a)", "2a"),
            ("2.a", "2a"),
            ("11", "11"),
            ("1.1", "1.1"),
            ("em 45b", "EM_45b"),
        ] {
            let ids = ["1", "2a", "11", "1.1", "EM_45b"];
            assert_eq!(found(&ids, name).as_deref(), Some(id), "{name}");
        }
        assert_eq!(found(&["Q1", "Q2"], "2").as_deref(), Some("Q2"));
    }

    #[test]
    fn a_name_that_fits_no_question_or_two_is_not_guessed() {
        assert_eq!(found(&["1", "2"], "3"), None);
        assert_eq!(found(&["1", "2"], "quiz"), None);
        assert_eq!(found(&["A-1", "A1"], "a 1"), None);
    }
}
