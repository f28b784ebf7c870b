//! Partial answers: some of a question's rubric points, worth what they add up to.

use gradus_domain::Marks;

use crate::guide::{Question, RubricPoint, Verdict};
use crate::metrics::random::SplitMix64;

/// Some of the points as sentences in random order, and the position of the verdict that is worth their sum
/// (at most the maximum: of "any two of four" three points earn no more than two).
///
/// `None` where points do not add up to the maximum or take marks away, so that what a few of them earn is not
/// known, and where no verdict or several are worth the sum.
pub(super) fn some_points(
    question: &Question,
    scale: &[Verdict],
    random: &mut SplitMix64,
) -> Option<(String, usize)> {
    let sum = |points: &[&RubricPoint]| points.iter().map(|point| point.marks).sum::<Marks>();
    let mut points: Vec<&RubricPoint> = question.rubric.iter().collect();
    let is_known = points.iter().all(|point| point.marks > Marks::ZERO) && sum(&points) >= question.max_marks;
    if !is_known || points.len() < 2 {
        return None;
    }
    shuffle(&mut points, random);
    points.truncate(1 + random.below(points.len() - 1));
    let marks = sum(&points).min(question.max_marks);
    let mut worth = (0..scale.len()).filter(|position| scale[*position].marks == marks);
    let verdict = worth.next().filter(|_| worth.next().is_none())?;
    let sentences: Vec<String> = points.iter().map(|point| sentence(&point.text)).collect();
    Some((sentences.join(" "), verdict))
}

/// Every order as likely (Fisher and Yates).
fn shuffle(points: &mut [&RubricPoint], random: &mut SplitMix64) {
    for last in (1..points.len()).rev() {
        points.swap(last, random.below(last + 1));
    }
}

fn sentence(point: &str) -> String {
    let text = point.trim().trim_end_matches([';', ',', ':']);
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::QuestionId;
    use gradus_domain::text::Span;

    fn question(max: i32, points: &[(&str, i32)]) -> Question {
        let marks = Marks::from_thousandths;
        let span = Span { start: 0, end: 0 };
        let rubric = points.iter().map(|(text, worth)| RubricPoint {
            text: text.to_string(),
            marks: marks(*worth),
            span,
        });
        Question {
            rubric: rubric.collect(),
            ..Question::new(QuestionId("1".into()), "Why?".into(), marks(max))
        }
    }

    fn all(question: &Question) -> Vec<(String, String)> {
        let scale = question.scale();
        let made = (0..60).filter_map(|seed| some_points(question, &scale, &mut SplitMix64::new(seed)));
        let mut made: Vec<_> = made.map(|(text, verdict)| (text, scale[verdict].name.clone())).collect();
        made.sort();
        made.dedup();
        made
    }

    #[test]
    fn a_part_of_the_points_is_worth_their_sum_in_any_order() {
        let made = all(&question(2500, &[("a;", 500), ("b", 500), ("c.", 1500)]));
        let worth = |text: &str| made.iter().find(|(made, _)| made == text).map(|(_, name)| name.as_str());
        assert_eq!(worth("a."), Some("0.5"));
        assert_eq!(worth("b. a."), Some("1"));
        assert_eq!(worth("a. c."), Some("2"));
        assert_eq!(made.len(), 9, "{made:?}");
    }

    #[test]
    fn more_points_than_count_earn_the_maximum() {
        let made = all(&question(1000, &[("a", 1000), ("b", 1000), ("c", 1000)]));
        assert!(made.contains(&("c. a.".to_owned(), "1".to_owned())), "{made:?}");
    }

    #[test]
    fn points_that_do_not_account_for_the_marks_make_nothing() {
        assert_eq!(all(&question(3000, &[("a", 1000), ("b", 1000)])), []);
        assert_eq!(all(&question(1000, &[("a", 1500), ("wrong unit", -500)])), []);
        assert_eq!(all(&question(1000, &[("a", 1000)])), []);
    }
}
