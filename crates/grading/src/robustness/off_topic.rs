//! Whether an answer to another question is worth nothing here. Questions of one set have much in common,
//! and an answer that happens to fit must not be called wrong.

use std::collections::BTreeSet;

use crate::dataset::texts::fold;
use crate::guide::Question;

/// Words shorter than this say little about a topic.
const SHORTEST_WORD: usize = 4;
/// With fewer longer words than this ("the second one"), an answer may fit many questions.
const FEWEST_WORDS: usize = 3;
/// The largest share of an answer's words that may stand in an answer that is right here.
const LARGEST_SHARED: f64 = 0.2;
/// An answer with more than this share of the words of an answer that is right here may be right, whatever else
/// it says.
const LARGEST_COVERED: f64 = 0.5;

/// Whether the answer has a topic, and one that nothing has which is right here: neither the model answer with the
/// rubric points nor any other accepted answer. A question without these has none to compare, so that nothing is
/// certain to be off its topic.
pub(super) fn is_off_topic(question: &Question, other_answer: &str) -> bool {
    let points = question.rubric.iter().map(|point| point.text.as_str());
    let expected: BTreeSet<String> = points.chain(question.model_answer.as_deref()).flat_map(topic).collect();
    let said = topic(other_answer);
    let fits = |right: &BTreeSet<String>| {
        let shared = said.intersection(right).count() as f64;
        shared > LARGEST_SHARED * said.len() as f64 || shared > LARGEST_COVERED * right.len() as f64
    };
    let is_accepted = |accepted: &str| says(other_answer, accepted) || fits(&topic(accepted));
    !expected.is_empty()
        && said.len() >= FEWEST_WORDS
        && !fits(&expected)
        && !question.accepted_answers().any(is_accepted)
}

/// Whether an answer holds another word for word: "9 V" has no topic.
fn says(answer: &str, accepted: &str) -> bool {
    let (answer, accepted) = (fold(answer), fold(accepted));
    !accepted.is_empty() && format!(" {answer} ").contains(&format!(" {accepted} "))
}

/// The beginnings of the longer words, so that "evaporate" is found in "evaporated".
fn topic(text: &str) -> BTreeSet<String> {
    let folded = fold(text);
    let words = folded.split(' ').filter(|word| word.chars().count() >= SHORTEST_WORD);
    words.map(|word| word.chars().take(SHORTEST_WORD + 1).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::QuestionId;
    use gradus_domain::Marks;

    #[test]
    fn an_answer_that_would_fit_here_too_is_not_off_topic() {
        let question = Question {
            model_answer: Some("The water was evaporated, leaving the salt.".into()),
            ..Question::new(QuestionId("1".into()), "How was the salt separated?".into(), Marks::ONE)
        };
        assert!(is_off_topic(&question, "The harder coin leaves a scratch on the softer one."));
        assert!(!is_off_topic(&question, "Evaporate the water and keep the crystals of salt."));
        assert!(!is_off_topic(&question, "the second one"));
        let accepting =
            |answer: &str| Question { notes: vec![format!("accept: {answer}")], ..question.clone() };
        let other = "Scrape it with the harder coin until 9 V are measured at the lamp.";
        assert!(is_off_topic(&question, other) && is_off_topic(&accepting("by a filter"), other));
        for accepted in ["use a coin", "scrape it off with something harder", "9 V"] {
            assert!(!is_off_topic(&accepting(accepted), other), "{accepted}");
        }
        assert!(!is_off_topic(
            &Question { model_answer: None, ..question },
            "The harder coin leaves a scratch."
        ));
    }
}
