//! What a marker may say of an answer: a mark, or a word that stands for one.

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

/// What names of verdicts begin with that say that an answer contradicts the model answer.
const CONTRADICTORY: &str = "contradict";

/// One step of a question's scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the marker writes: `1.5`, or a word such as `contradictory`. Verdicts of one scale have
    /// different names; several may be worth the same.
    pub name: String,
    /// What it is worth.
    pub marks: Marks,
}

impl Verdict {
    /// A mark as its own verdict.
    pub fn of_marks(marks: Marks) -> Self {
        Self { name: marks.to_string(), marks }
    }

    /// The position in `scale` of the verdict that was given: the one of that name, or else the one whose
    /// marks are nearest (the lower of two). `None` where no verdict has the name, or the scale is empty.
    pub fn position(scale: &[Self], name: Option<&str>, marks: Marks) -> Option<usize> {
        if let Some(name) = name {
            return scale.iter().position(|verdict| verdict.name == name);
        }
        let distance = |verdict: &Self| (verdict.marks - marks).thousandths().abs();
        (0..scale.len()).min_by_key(|position| distance(&scale[*position]))
    }

    /// The position in `scale` of the verdict for an answer that says nothing: the first of those worth least that
    /// does not say that the answer contradicts something. `None` for an empty scale.
    pub fn worthless(scale: &[Self]) -> Option<usize> {
        let least = scale.iter().map(|verdict| verdict.marks).min()?;
        let says_nothing = |verdict: &Self| verdict.marks == least && !verdict.is_contradictory();
        let worst = |verdict: &Self| verdict.marks == least;
        scale.iter().position(says_nothing).or_else(|| scale.iter().position(worst))
    }

    /// Whether it says that the answer contradicts the model answer.
    pub(crate) fn is_contradictory(&self) -> bool {
        self.name.to_lowercase().starts_with(CONTRADICTORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(thousandths: i32) -> Marks {
        Marks::from_thousandths(thousandths)
    }

    fn named(name: &str, value: i32) -> Verdict {
        Verdict { name: name.to_owned(), marks: marks(value) }
    }

    #[test]
    fn a_verdict_is_found_by_its_name_and_else_by_the_nearest_marks() {
        let scale = [named("wrong", 0), named("contradictory", 0), named("right", 1000)];
        assert_eq!(Verdict::position(&scale, Some("contradictory"), marks(0)), Some(1));
        assert_eq!(Verdict::position(&scale, Some("brilliant"), marks(1000)), None);
        assert_eq!(Verdict::position(&scale, None, marks(700)), Some(2));
        assert_eq!(Verdict::position(&scale, None, marks(500)), Some(0));
        assert_eq!(Verdict::position(&[], None, marks(500)), None);
    }

    #[test]
    fn an_answer_that_says_nothing_contradicts_nothing() {
        let scale = [named("contradictory", 0), named("incorrect", 0), named("correct", 1000)];
        assert_eq!(Verdict::worthless(&scale), Some(1));
        assert_eq!(Verdict::worthless(&[named("Contradiction", 0), named("correct", 1000)]), Some(0));
        assert_eq!(Verdict::worthless(&[named("0", 0), named("0.5", 500)]), Some(0));
        assert_eq!(Verdict::worthless(&[]), None);
    }
}
