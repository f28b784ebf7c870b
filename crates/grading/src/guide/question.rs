//! One question of a guide, and the scale that its answers are marked on.

use gradus_domain::Marks;
use gradus_domain::text::Span;
use serde::{Deserialize, Serialize};

use super::{QuestionId, RubricPoint, Verdict};

/// The most verdicts of a scale that is made from marks: a hundred steps.
pub(crate) const MOST_VERDICTS: usize = 101;

/// What a step coarsens to, in thousandths of a mark: enough for two million marks.
const COARSER_STEPS: [i32; 16] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000, 20_000_000, 50_000_000,
];

/// One question of a guide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Its name.
    pub id: QuestionId,
    /// What is asked.
    pub text: String,
    /// The most marks an answer can get.
    pub max_marks: Marks,
    /// An answer that gets full marks.
    pub model_answer: Option<String>,
    /// The points that earn the marks; may be empty.
    pub rubric: Vec<RubricPoint>,
    /// The verdicts that an answer can get, where they are others than the multiples of the mark step. Only the
    /// questions of public sets have some; a guide that was read has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Notes for the marker ("accept …", "do not accept …").
    pub notes: Vec<String>,
    /// How sure the parser is that it understood the question, 0 to 1.
    pub confidence: f64,
    /// Why the confidence is below 1, in sentences for a person.
    pub doubts: Vec<String>,
    /// The question's part of the guide's plain text.
    pub span: Span,
}

impl Question {
    /// A question without model answer, rubric points and notes, of which nothing is in doubt.
    pub fn new(id: QuestionId, text: String, max_marks: Marks) -> Self {
        Self {
            id,
            text,
            max_marks,
            model_answer: None,
            rubric: Vec::new(),
            verdicts: Vec::new(),
            notes: Vec::new(),
            confidence: 1.0,
            doubts: Vec::new(),
            span: Span { start: 0, end: 0 },
        }
    }

    /// The smallest step between marks: the greatest common divisor of the maximum, the rubric points'
    /// marks and one mark, but never below a quarter mark. Where that would make more than a hundred steps, it is
    /// the finest of ½, 1, 2, 5, 10, 20, 50 … marks that does not: every verdict costs a language model time, and
    /// nobody tells hundreds apart.
    pub fn mark_step(&self) -> Marks {
        let points = self.rubric.iter().map(|point| point.marks);
        let step = points
            .chain([self.max_marks, Marks::ONE])
            .map(|marks| marks.thousandths().unsigned_abs())
            .fold(0, greatest_common_divisor);
        let steps = std::iter::once(step.max(250) as i32).chain(COARSER_STEPS);
        let few_enough = |step: &Marks| is_short(self.max_marks, *step);
        steps.map(Marks::from_thousandths).find(few_enough).unwrap_or(self.max_marks)
    }

    /// Other answers that get full marks, by the notes that begin with "accept:".
    pub fn accepted_answers(&self) -> impl Iterator<Item = &str> {
        let notes = self.notes.iter().filter_map(|note| note.split_once(':'));
        notes.filter(|(head, _)| head.trim().eq_ignore_ascii_case("accept")).map(|(_, answer)| answer.trim())
    }

    /// Tells questions apart by what they ask and how they are marked: a hash (blake3) of everything that a
    /// marker reads, white space aside. Questions of two guides may share a name.
    pub fn fingerprint(&self) -> String {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        // One line each, so that no two questions give the same lines.
        let mut lines = format!("text {}\n", words(&self.text));
        if let Some(model_answer) = &self.model_answer {
            lines.push_str(&format!("model answer {}\n", words(model_answer)));
        }
        for point in &self.rubric {
            lines.push_str(&format!("point {} {}\n", point.marks, words(&point.text)));
        }
        for note in &self.notes {
            lines.push_str(&format!("note {}\n", words(note)));
        }
        for verdict in self.scale() {
            lines.push_str(&format!("verdict {} {}\n", verdict.marks, words(&verdict.name)));
        }
        blake3::hash(lines.as_bytes()).to_hex().to_string()
    }

    /// Whether some verdict is called anything but its marks. Numbers that are not the marks ("4" for the fourth
    /// of five grades) are words here.
    pub fn is_judged_in_words(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.name != verdict.marks.to_string())
    }

    /// Every verdict that an answer can get, the worst first: [`verdicts`](Self::verdicts), or else every
    /// multiple of the mark step.
    pub fn scale(&self) -> Vec<Verdict> {
        if self.verdicts.is_empty() {
            self.max_marks.steps(self.mark_step()).into_iter().map(Verdict::of_marks).collect()
        } else {
            self.verdicts.clone()
        }
    }

    /// The verdict for an answer that says nothing ([`Verdict::worthless`]).
    pub fn worthless_verdict(&self) -> Option<Verdict> {
        let mut scale = self.scale();
        Verdict::worthless(&scale).map(|position| scale.swap_remove(position))
    }

    /// Every mark that an answer can get, ascending.
    pub fn legal_marks(&self) -> Vec<Marks> {
        let mut marks: Vec<Marks> = self.scale().into_iter().map(|verdict| verdict.marks).collect();
        marks.dedup();
        marks
    }
}

/// Whether a scale from 0 to `maximum` in such steps has at most [`MOST_VERDICTS`].
pub(crate) fn is_short(maximum: Marks, step: Marks) -> bool {
    i64::from(maximum.thousandths()) <= i64::from(step.thousandths()) * (MOST_VERDICTS as i64 - 1)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(maximum: i32, points: &[i32]) -> Question {
        let point = |marks: &i32| RubricPoint {
            text: "point".into(),
            marks: Marks::from_thousandths(*marks),
            span: Span { start: 0, end: 0 },
        };
        Question {
            model_answer: Some("Light and water.".into()),
            rubric: points.iter().map(point).collect(),
            notes: vec!["accept: light, water".into()],
            ..Question::new(
                QuestionId("1".into()),
                "What do plants need?".into(),
                Marks::from_thousandths(maximum),
            )
        }
    }

    #[test]
    fn steps_are_as_fine_as_the_points_but_never_make_more_verdicts_than_can_be_told_apart() {
        for (maximum, point, step) in [
            (3000, 1000, 1000),
            (3500, 500, 500),
            (2000, 333, 250),
            (25_000, 250, 250),
            (25_250, 250, 500),
            (100_000, 1000, 1000),
            (101_000, 1000, 2000),
            (1_000_000, 250, 10_000),
            (1_000_000_000, 250, 10_000_000),
        ] {
            let question = question(maximum, &[point]);
            assert_eq!(question.mark_step(), Marks::from_thousandths(step), "of {maximum}");
            let scale = question.scale();
            assert!(scale.len() <= MOST_VERDICTS, "{} of {maximum}", scale.len());
            assert_eq!(scale.last().map(|verdict| verdict.marks), Some(question.max_marks));
        }
    }

    #[test]
    fn a_fingerprint_is_of_all_that_a_marker_reads_and_of_nothing_else() {
        let known = question(2000, &[1000]);
        let same = Question {
            id: QuestionId("7b".into()),
            text: "What do\n plants need?".into(),
            confidence: 0.5,
            doubts: vec!["perhaps".into()],
            span: Span { start: 3, end: 9 },
            ..known.clone()
        };
        assert_eq!(same.fingerprint(), known.fingerprint());
        let verdicts = vec![Verdict { name: "wrong".into(), marks: Marks::ZERO }];
        for other in [
            Question { text: "What do animals need?".into(), ..known.clone() },
            Question { model_answer: None, ..known.clone() },
            Question { notes: Vec::new(), ..known.clone() },
            Question { verdicts, ..known.clone() },
            question(2000, &[2000]),
            question(3000, &[1000]),
        ] {
            assert_ne!(other.fingerprint(), known.fingerprint(), "{other:?}");
        }
    }

    #[test]
    fn numbers_that_are_not_the_marks_are_words() {
        let named = |names: [&str; 2]| {
            let verdicts = names.into_iter().zip([0, 1000]);
            let verdict = |(name, marks): (&str, i32)| Verdict {
                name: name.into(),
                marks: Marks::from_thousandths(marks),
            };
            Question { verdicts: verdicts.map(verdict).collect(), ..question(1000, &[]) }
        };
        assert!(named(["wrong", "right"]).is_judged_in_words());
        assert!(named(["1", "5"]).is_judged_in_words());
        assert!(!named(["0", "1"]).is_judged_in_words());
        assert!(!question(1000, &[]).is_judged_in_words());
    }
}
