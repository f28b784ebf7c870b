//! What a marker may say of an answer: a mark, or a word that stands for one.

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(thousandths: i32) -> Marks {
        Marks::from_thousandths(thousandths)
    }

    #[test]
    fn a_verdict_is_found_by_its_name_and_else_by_the_nearest_marks() {
        let named = |name: &str, value| Verdict { name: name.to_owned(), marks: marks(value) };
        let scale = [named("wrong", 0), named("contradictory", 0), named("right", 1000)];
        assert_eq!(Verdict::position(&scale, Some("contradictory"), marks(0)), Some(1));
        assert_eq!(Verdict::position(&scale, Some("brilliant"), marks(1000)), None);
        assert_eq!(Verdict::position(&scale, None, marks(700)), Some(2));
        assert_eq!(Verdict::position(&scale, None, marks(500)), Some(0));
        assert_eq!(Verdict::position(&[], None, marks(500)), None);
    }
}
