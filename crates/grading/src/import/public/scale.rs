//! The scale that a set's answers are marked on: words where the set judges in words, else steps of marks.

use std::collections::BTreeMap;

use gradus_domain::Marks;

use crate::guide::{MOST_VERDICTS, Question, Verdict, is_short};

/// Labels that are worth the same, the worst first (the order of SemEval-2013 task 7's five classes,
/// with what says the opposite before what says nothing to the point).
const WORST_FIRST: [&str; 4] = ["contradictory", "non_domain", "irrelevant", "incorrect"];

/// Millionths of the maximum.
type Share = i64;

/// Labels as a scale.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LabelScale {
    /// The worst first.
    labels: Vec<(String, Share)>,
}

impl LabelScale {
    /// The labels of `(label, mark, maximum)`, where each answer has one of several and each label is always
    /// worth the same share of the maximum. `None` where the marks say more than the labels, and where a label is
    /// a number (it could be taken for marks, and the marks are there) or labels are too many to choose from.
    pub(super) fn of<'a>(judged: impl Iterator<Item = (Option<&'a str>, Marks, Marks)>) -> Option<Self> {
        let mut shares: BTreeMap<String, Share> = BTreeMap::new();
        for (label, mark, maximum) in judged {
            let (label, share) = (label?, share(mark, maximum));
            let is_number = label.parse::<Marks>().is_ok();
            if is_number || *shares.entry(label.to_owned()).or_insert(share) != share {
                return None;
            }
        }
        let rank = |label: &str| WORST_FIRST.iter().position(|known| *known == label).unwrap_or(usize::MAX);
        let mut labels: Vec<(String, Share)> = shares.into_iter().collect();
        // Stable: what has no rank stays in alphabetical order.
        labels.sort_by_key(|(label, share)| (*share, rank(label)));
        (2..=MOST_VERDICTS).contains(&labels.len()).then_some(Self { labels })
    }

    /// The scale of a question with this maximum.
    pub(super) fn verdicts(&self, maximum: Marks) -> Vec<Verdict> {
        let worth = |share: Share| (share * i64::from(maximum.thousandths()) + 500_000) / 1_000_000;
        let verdict = |(label, share): &(String, Share)| Verdict {
            name: label.clone(),
            marks: Marks::from_thousandths(worth(*share) as i32),
        };
        self.labels.iter().map(verdict).collect()
    }
}

fn share(mark: Marks, maximum: Marks) -> Share {
    i64::from(mark.thousandths()) * 1_000_000 / i64::from(maximum.thousandths()).max(1)
}

/// Steps finer than a question's own, the coarsest first: halves, quarters and eighths of a mark. They are for
/// scales that stay short.
const FINER_STEPS: [Marks; 3] = [Marks::HALF, Marks::from_thousandths(250), Marks::from_thousandths(125)];
/// Share of the training marks, in percent, that a step must hold to be fine enough.
const NEARLY_ALL: usize = 97;
/// Marks written to two decimals (`.88` for seven eighths) are this near their step, in thousandths.
const ROUNDING: i32 = 5;

/// The step between marks for each maximum, chosen on training marks alone: the coarsest that holds nearly
/// all of them, or else the finest.
#[derive(Debug)]
pub(super) struct MarkSteps {
    by_maximum: BTreeMap<Marks, Marks>,
}

impl MarkSteps {
    /// Chooses by the training marks of each question.
    pub(super) fn of<'a>(training: impl Iterator<Item = (&'a Question, Marks)>) -> Self {
        let mut marks: BTreeMap<Marks, (Marks, Vec<Marks>)> = BTreeMap::new();
        for (question, mark) in training {
            let regular = question.mark_step();
            let (coarsest, marks) = marks.entry(question.max_marks).or_insert((regular, Vec::new()));
            *coarsest = regular.min(*coarsest);
            marks.push(mark);
        }
        let step = |(maximum, (coarsest, marks)): (Marks, (Marks, Vec<Marks>))| {
            (maximum, coarsest_step(maximum, coarsest, &marks))
        };
        Self { by_maximum: marks.into_iter().map(step).collect() }
    }

    /// The question's verdicts; none where its own steps will do. A maximum without training marks takes the
    /// step of the nearest one that has some, of two the higher.
    pub(super) fn verdicts(&self, question: &Question) -> Vec<Verdict> {
        let distance = |maximum: Marks| (maximum - question.max_marks).thousandths().abs();
        let nearest = self.by_maximum.iter().rev().min_by_key(|(maximum, _)| distance(**maximum));
        match nearest {
            Some((_, step)) if *step < question.mark_step() && is_short(question.max_marks, *step) => {
                question.max_marks.steps(*step).into_iter().map(Verdict::of_marks).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn coarsest_step(maximum: Marks, regular: Marks, marks: &[Marks]) -> Marks {
    let finer = FINER_STEPS.into_iter().filter(|step| *step < regular && is_short(maximum, *step));
    let holds_nearly_all = |step: &Marks| {
        let scale = maximum.steps(*step);
        let held = marks.iter().filter(|mark| is_on(&scale, **mark)).count();
        held * 100 >= marks.len() * NEARLY_ALL
    };
    let finest = finer.clone().next_back().unwrap_or(regular);
    std::iter::once(regular).chain(finer).find(holds_nearly_all).unwrap_or(finest)
}

/// Whether a mark is one of the scale's, but for rounding to two decimals.
pub(super) fn is_on(scale: &[Marks], mark: Marks) -> bool {
    scale.iter().any(|step| (*step - mark).thousandths().abs() <= ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::QuestionId;

    fn marks(thousandths: i32) -> Marks {
        Marks::from_thousandths(thousandths)
    }

    fn question(maximum: i32) -> Question {
        Question::new(QuestionId("1".into()), "q".into(), marks(maximum))
    }

    fn names(verdicts: &[Verdict]) -> Vec<&str> {
        verdicts.iter().map(|verdict| verdict.name.as_str()).collect()
    }

    #[test]
    fn labels_of_constant_worth_are_a_scale_with_the_worst_first() {
        let judged = [("correct", 2000), ("partly", 1000), ("incorrect", 0), ("contradictory", 0)];
        let judged = judged.map(|(label, mark)| (Some(label), marks(mark), marks(2000)));
        let scale = LabelScale::of(judged.into_iter()).unwrap();
        let verdicts = scale.verdicts(marks(500));
        assert_eq!(names(&verdicts), ["contradictory", "incorrect", "partly", "correct"]);
        assert_eq!(verdicts[2].marks, marks(250));
    }

    #[test]
    fn labels_that_say_less_than_the_marks_or_are_missing_are_no_scale() {
        let partly = |mark| (Some("partly"), marks(mark), marks(1000));
        assert_eq!(LabelScale::of([partly(250), partly(500)].into_iter()), None);
        assert_eq!(LabelScale::of([partly(250), (None, marks(0), marks(1000))].into_iter()), None);
        assert_eq!(LabelScale::of([partly(250)].into_iter()), None);
        let grades = [("1", 0), ("5", 1000)].map(|(label, mark)| (Some(label), marks(mark), marks(1000)));
        assert_eq!(LabelScale::of(grades.into_iter()), None);
    }

    #[test]
    fn the_coarsest_step_that_holds_nearly_all_training_marks_is_chosen_for_each_maximum() {
        let (one, three) = (question(1000), question(3000));
        // Of 100 marks two are tenths and one seven eighths, which two decimals write as .88.
        let eighths = [880, 625, 375, 375, 100, 600].into_iter().chain((0..94).map(|n| n % 5 * 250));
        let training = eighths.map(|mark| (&one, marks(mark)));
        let training = training.chain([0, 1000, 3000].map(|mark| (&three, marks(mark))));
        let steps = MarkSteps::of(training);
        assert_eq!(names(&steps.verdicts(&one)).len(), 9);
        assert_eq!(steps.verdicts(&three), []);
        // A maximum that training lacks: 2.5 is nearer to 3, 1.5 nearer to 1.
        assert_eq!(steps.verdicts(&question(2500)), []);
        assert_eq!(names(&steps.verdicts(&question(1500))).len(), 13);
    }

    #[test]
    fn no_scale_grows_beyond_a_hundred_steps() {
        let (one, many) = (question(1000), question(100_000_000));
        let steps = MarkSteps::of([(&one, marks(125)), (&many, marks(125))].into_iter());
        for maximum in [1000, 12_000, 30_000, 100_000_000] {
            let question = question(maximum);
            let question = Question { verdicts: steps.verdicts(&question), ..question };
            assert!(question.scale().len() <= MOST_VERDICTS, "{maximum}");
        }
        let labels: Vec<String> = (0..200).map(|number| format!("label {number}")).collect();
        let judged = labels.iter().map(|label| (Some(label.as_str()), marks(0), marks(1000)));
        assert_eq!(LabelScale::of(judged), None);
    }

    #[test]
    fn marks_that_fit_no_step_get_the_finest() {
        let one = question(1000);
        let steps = MarkSteps::of([100, 200, 300].into_iter().map(|mark| (&one, marks(mark))));
        assert_eq!(steps.verdicts(&one).len(), 9);
    }
}
