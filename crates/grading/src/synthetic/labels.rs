//! Which verdict of a scale a contradicted model answer has by construction.

use crate::guide::{Question, Verdict};

/// The verdict for the model answer with one statement reversed: the one that is named so.
///
/// Without one it is known only where there are two verdicts and the model answer is a single sentence: then
/// what was asked for is wrong. Elsewhere the rest may still earn marks, and nobody can say by rule how many.
pub(super) fn contradicted(question: &Question, scale: &[Verdict]) -> Option<usize> {
    let named = scale.iter().position(Verdict::is_contradictory);
    let is_all_or_nothing = scale.len() == 2
        && question.rubric.len() <= 1
        && question.model_answer.as_deref().is_some_and(is_one_sentence);
    named.or_else(|| Verdict::worthless(scale).filter(|_| is_all_or_nothing))
}

/// A point or semicolon counts only where white space follows: "0.5 g" is no end.
fn is_one_sentence(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['.', '!', '?']);
    let ends = |pair: &[char]| matches!(pair[0], '.' | '!' | '?' | ';' | ':') && pair[1].is_whitespace();
    let characters: Vec<char> = text.chars().collect();
    !text.contains('\n') && !characters.windows(2).any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::QuestionId;
    use gradus_domain::Marks;

    fn scale(verdicts: &[(&str, i32)]) -> Vec<Verdict> {
        let named = verdicts.iter().map(|(name, marks)| (name.to_string(), Marks::from_thousandths(*marks)));
        named.map(|(name, marks)| Verdict { name, marks }).collect()
    }

    fn question(model_answer: &str) -> Question {
        Question {
            model_answer: Some(model_answer.to_owned()),
            ..Question::new(QuestionId("1".into()), "Why?".into(), Marks::ONE)
        }
    }

    #[test]
    fn a_contradiction_is_labelled_only_where_the_label_is_certain() {
        let words = scale(&[("incorrect", 0), ("contradictory", 0), ("correct", 1000)]);
        assert_eq!(contradicted(&question("It is. It was."), &words), Some(1));
        let two = scale(&[("0", 0), ("1", 1000)]);
        assert_eq!(contradicted(&question("At 0.5 g it is."), &two), Some(0));
        assert_eq!(contradicted(&question("It is. It was."), &two), None);
        assert_eq!(contradicted(&question("It is"), &scale(&[("0", 0), ("0.5", 500), ("1", 1000)])), None);
    }
}
