//! What to trust the model for and what not, each with the measured reason. Every rule looks at an
//! interval rather than at a value alone, and what a test cannot show counts as not shown.

mod limits;

use gradus_grading::metrics::{Agreement, Estimate, Verdict};

use crate::data::{ResultSection, TestReport, TestedAnswer};
use crate::intervals::share_interval;
use crate::numbers::{counted, decimal, interval, percent, percent_interval, signed};

pub(crate) use limits::{number_of, raised, rarely_works};

/// Marks this often within one step of the teacher's count as rarely far off.
const RARELY_FAR_OFF: f64 = 0.85;
/// How much less agreement still counts as holding up, as a share of answers. The interval must lie
/// above it.
const MARGIN: f64 = 0.10;
/// A lean that is surely below this, in marks an answer, hardly moves an average.
const SMALL_LEAN: f64 = 0.25;
/// Fewer answers than this say nothing about confidence.
const FEWEST_FOR_CONFIDENCE: usize = 20;

/// A use of the model with the reason for or against it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// Uses that the test supports and uses that it does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Advice {
    pub(crate) trust: Vec<Point>,
    pub(crate) distrust: Vec<Point>,
}

/// What the measurements allow to say; `None` where nothing was tested.
pub(crate) fn advice(report: &TestReport) -> Option<Advice> {
    let section = report.results.headline()?;
    let mut advice = Advice::default();
    if section.comparison.verdict == Verdict::Deterioration {
        advice.against(
            "Marking at all",
            "The untrained model is closer to the teacher’s marks. Look at the training data and the \
             loss curve below before training again.",
        );
        return Some(advice);
    }
    advice.on_first_pass(section);
    advice.on_far_off_marks(&section.trained);
    advice.on_totals(&section.trained.bias);
    advice.on_confidence(&report.by_confidence());
    report.automatic.iter().for_each(|automatic| advice.on_automatic(automatic));
    report.robustness.iter().for_each(|robustness| advice.on_attacks(robustness));
    advice.on_second_marker(section);
    advice.on_new_questions(report);
    advice.on_weak_questions(report, section);
    advice.against(
        "Final marks that nobody looks at",
        "Have a person see the review queue, and every mark that decides something for a student.",
    );
    Some(advice)
}

impl Advice {
    fn for_use(&mut self, what: &str, why: impl Into<String>) {
        let (what, why) = (what.to_owned(), why.into());
        self.trust.push(Point { what, why });
    }

    fn against(&mut self, what: &str, why: impl Into<String>) {
        let (what, why) = (what.to_owned(), why.into());
        self.distrust.push(Point { what, why });
    }

    fn on_first_pass(&mut self, section: &ResultSection) {
        if section.comparison.verdict == Verdict::Improvement {
            self.for_use(
                "A first mark that a person checks",
                "Its marks are measurably closer to the teacher’s than the untrained model’s.",
            );
        } else {
            self.against("Better marks than without training", "The test shows no difference beyond chance.");
        }
    }

    fn on_far_off_marks(&mut self, trained: &Agreement) {
        let adjacent = &trained.adjacent_agreement;
        let range = percent_interval(adjacent);
        if adjacent.low >= RARELY_FAR_OFF {
            let near = percent(adjacent.value);
            self.for_use(
                "Being near the teacher’s mark",
                format!("{near} of its marks lie within one mark step ({range})."),
            );
        } else {
            let far = percent(1.0 - adjacent.value);
            self.against(
                "Never being far off",
                format!("{far} of its marks are more than one mark step from the teacher’s; within one step: {range}."),
            );
        }
    }

    fn on_totals(&mut self, bias: &Estimate) {
        let range = interval(bias, 2);
        let mean = signed(bias.value, 2);
        if bias.low.max(-bias.high) > 0.0 {
            let (lean, totals) = if bias.value > 0.0 { ("generous", "high") } else { ("harsh", "low") };
            let size = decimal(bias.value.abs(), 2);
            self.against(
                "Totals and averages as they stand",
                format!("It is {lean} by {size} marks an answer ({range}), so totals come out too {totals}."),
            );
        } else if bias.low.abs().max(bias.high.abs()) <= SMALL_LEAN {
            self.for_use(
                "Averages over many answers",
                format!("It leans hardly at all to the generous or the harsh side ({mean} marks an answer; {range})."),
            );
        } else {
            self.against(
                "Totals and averages as they stand",
                format!("Too few answers to rule out that it is generous or harsh ({mean} marks an answer; {range})."),
            );
        }
    }

    fn on_confidence(&mut self, least_first: &[&TestedAnswer]) {
        if least_first.len() < FEWEST_FOR_CONFIDENCE {
            return;
        }
        let (unsure, sure) = least_first.split_at(least_first.len() / 2);
        let (low, high) = (agreement(unsure), agreement(sure));
        let numbers = format!(
            "It has the teacher’s mark on {} of the answers it is surer of, and on {} of the others.",
            percent(high),
            percent(low)
        );
        if share_interval(high, sure.len()).low > low {
            self.for_use("Telling which answers to check", numbers);
        } else {
            self.against("Its confidence as a guide to what to check", numbers);
        }
    }

    fn on_second_marker(&mut self, section: &ResultSection) {
        let Some(human) = &section.human else {
            return;
        };
        let (model, person) = (&section.trained.exact_agreement, &human.exact_agreement);
        let numbers = format!(
            "It has the teacher’s mark on {}, a second person on {}.",
            percent(model.value),
            percent(person.value)
        );
        if model.low >= person.value - MARGIN {
            self.for_use("A second opinion", numbers);
        } else {
            self.against("Standing in for a second marker", numbers);
        }
    }

    fn on_new_questions(&mut self, report: &TestReport) {
        let results = &report.results;
        let (Some(seen), unseen) = (&results.seen_questions, &results.unseen_questions) else {
            return;
        };
        let Some(unseen) = unseen else {
            self.against(
                "Questions that it was not trained on",
                "None were tested, so nothing is known about them.",
            );
            return;
        };
        let (new, known) = (&unseen.trained.exact_agreement, &seen.trained.exact_agreement);
        let numbers = format!(
            "On questions that it saw no marked answers to, it has the teacher’s mark on {} of {} ({}), \
             against {} on the others.",
            percent(new.value),
            counted(unseen.count, "answer", "answers"),
            percent_interval(new),
            percent(known.value)
        );
        let holds_up = unseen.comparison.verdict == Verdict::Improvement && new.low >= known.value - MARGIN;
        if holds_up {
            self.for_use("New questions of the same kind", numbers);
        } else {
            self.against("Questions that it was not trained on", numbers);
        }
    }

    fn on_weak_questions(&mut self, report: &TestReport, section: &ResultSection) {
        let average = section.trained.exact_agreement.value;
        let weak: Vec<String> = report
            .by_question
            .iter()
            .filter(|row| row.trained.exact_agreement.high < average)
            .map(|row| {
                let share = percent(row.trained.exact_agreement.value);
                format!("{} ({share})", row.question.0)
            })
            .collect();
        if !weak.is_empty() {
            let why = format!(
                "It has the teacher’s mark less often than on average, beyond the uncertainty: {}.",
                weak.join(", ")
            );
            self.against("Its weak questions", why);
        }
    }
}

/// Share of those answers with the teacher's mark, 0 to 1; 0 where there are none.
pub(crate) fn agreement(answers: &[&TestedAnswer]) -> f64 {
    let same = answers.iter().filter(|answer| answer.agrees());
    same.count() as f64 / answers.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate { value, low, high }
    }

    fn names(points: &[Point]) -> Vec<&str> {
        points.iter().map(|point| point.what.as_str()).collect()
    }

    #[test]
    fn a_lean_is_trusted_away_only_where_its_interval_is_small() {
        for (bias, trusted, reason) in [
            (estimate(0.05, -0.1, 0.2), true, "hardly at all"),
            (estimate(0.05, -0.4, 0.5), false, "Too few answers to rule out"),
            (estimate(0.3, 0.1, 0.5), false, "generous by 0.30"),
            (estimate(-0.3, -0.5, -0.1), false, "harsh by 0.30"),
        ] {
            let mut advice = Advice::default();
            advice.on_totals(&bias);
            let points = if trusted { &advice.trust } else { &advice.distrust };
            assert!(points.iter().any(|point| point.why.contains(reason)), "{advice:?}");
        }
    }

    #[test]
    fn confidence_is_trusted_only_where_it_tells_right_from_wrong() {
        let answer = |confidence: f64, same: bool| TestedAnswer {
            student: None,
            question: gradus_grading::guide::QuestionId("1".into()),
            answer: String::new(),
            reference_mark: gradus_domain::Marks::ONE,
            given_mark: if same { gradus_domain::Marks::ONE } else { gradus_domain::Marks::ZERO },
            expected_mark: 1.0,
            confidence,
            review_worth: None,
            is_order: false,
            automatic: false,
            reference_verdict: None,
            given_verdict: None,
            feedback: None,
        };
        let telling: Vec<TestedAnswer> = (0..40).map(|n| answer(f64::from(n), n >= 20)).collect();
        let blind: Vec<TestedAnswer> = (0..40).map(|n| answer(f64::from(n), n % 2 == 0)).collect();
        let mut advice = Advice::default();
        advice.on_confidence(&telling.iter().collect::<Vec<_>>());
        assert_eq!(names(&advice.trust), ["Telling which answers to check"]);
        advice.on_confidence(&blind.iter().collect::<Vec<_>>());
        assert_eq!(names(&advice.distrust), ["Its confidence as a guide to what to check"]);
    }
}
