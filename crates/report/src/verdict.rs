//! The headline: what the test found, in plain words with numbers and their uncertainty.

use gradus_grading::metrics::{Agreement, Estimate, PairedComparison, Verdict};

use crate::data::{ResultSection, TestReport};
use crate::numbers::{counted, decimal, interval, p_value, percent, percent_interval, signed};

/// Below this many answers the page warns that the numbers are rough.
const FEW_ANSWERS: usize = 100;
/// Below this many students a bootstrap over students gives intervals that are too narrow.
const FEW_STUDENTS: usize = 12;

/// The top of the page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Headline {
    /// Class in the style sheet: `better`, `unclear`, `worse` or `untested`.
    pub(crate) tone: &'static str,
    /// One line.
    pub(crate) title: &'static str,
    /// The main finding.
    pub(crate) lead: String,
    /// What follows from it, a sentence each.
    pub(crate) sentences: Vec<String>,
    /// Why to be careful with it, each with its short name.
    pub(crate) cautions: Vec<(&'static str, String)>,
    /// The key numbers.
    pub(crate) tiles: Vec<Tile>,
}

/// One key number of the trained model beside those of the others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tile {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) interval: String,
    /// Who else, and their value.
    pub(crate) beside: Vec<(&'static str, String)>,
}

/// What the report's main group of answers comes to.
pub(crate) fn headline(report: &TestReport) -> Headline {
    match report.results.headline() {
        Some(section) => tested_headline(section, report),
        None => Headline {
            tone: "untested",
            title: "Nothing was tested",
            lead: "No held-out answer with a known mark was found, so this report cannot say how well \
                   the model marks. Test it on marked answers that it was not trained on."
                .to_owned(),
            sentences: Vec::new(),
            cautions: Vec::new(),
            tiles: Vec::new(),
        },
    }
}

fn tested_headline(section: &ResultSection, report: &TestReport) -> Headline {
    let (tone, title) = match section.comparison.verdict {
        Verdict::Improvement => ("better", "Training helped: it now marks closer to the teacher"),
        Verdict::NoMeasurableImprovement => ("unclear", "No measurable improvement over the untrained model"),
        Verdict::Deterioration => ("worse", "The trained model marks worse than the untrained one"),
    };
    let mut sentences = vec![
        format!(
            "Before training it did so on {} ({}).",
            percent(section.base.exact_agreement.value),
            percent_interval(&section.base.exact_agreement)
        ),
        comparison_sentence(&section.comparison),
    ];
    let human = section.human.as_ref();
    sentences.extend(human.map(|human| beside_second_marker(&section.trained, human)));
    sentences.extend(most_common_mark_share(report).map(|share| constant_sentence(share, &section.trained)));
    Headline {
        tone,
        title,
        lead: lead(section),
        sentences,
        cautions: few_answers(section).into_iter().chain(few_students(report)).collect(),
        tiles: tiles(section),
    }
}

fn lead(section: &ResultSection) -> String {
    let exact = &section.trained.exact_agreement;
    let model = format!(
        "The trained model’s mark equals the teacher’s on {} of {} (95\u{a0}% interval {})",
        percent(exact.value),
        counted(section.count, "answer", "answers"),
        percent_interval(exact),
    );
    let Some(human) = &section.human else {
        return format!("{model}.");
    };
    let which = if human.count == section.count {
        String::new()
    } else {
        format!(" of the {} marked twice", counted(human.count, "answer", "answers"))
    };
    let share = percent(human.exact_agreement.value);
    let range = percent_interval(&human.exact_agreement);
    format!("{model}; a second human marker’s does on {share}{which} ({range}).")
}

/// The paired comparison as a sentence: size, interval, p-value and what they allow to say.
pub(crate) fn comparison_sentence(comparison: &PairedComparison) -> String {
    let reduction = &comparison.error_reduction;
    let p = p_value(comparison.p_value);
    match comparison.verdict {
        Verdict::Improvement => format!(
            "Training brought its marks {} marks closer to the teacher’s on average \
             (95\u{a0}% interval {}; {p}).",
            decimal(reduction.value, 2),
            interval(reduction, 2),
        ),
        Verdict::NoMeasurableImprovement => {
            let direction = if reduction.value < 0.0 { "further from" } else { "closer to" };
            format!(
                "On average its marks moved {} marks {direction} the teacher’s (95\u{a0}% interval of the \
                 gain {}; {p}), which may well be chance: either training changed little, or these answers \
                 are too few to show it.",
                decimal(reduction.value.abs(), 2),
                interval(reduction, 2),
            )
        }
        Verdict::Deterioration => {
            let increase = Estimate { value: -reduction.value, low: -reduction.high, high: -reduction.low };
            format!(
                "Training moved its marks {} marks further from the teacher’s on average \
                 (95\u{a0}% interval {}; {p}).",
                decimal(increase.value, 2),
                interval(&increase, 2),
            )
        }
    }
}

fn beside_second_marker(trained: &Agreement, human: &Agreement) -> String {
    let (model, person) = (&trained.exact_agreement, &human.exact_agreement);
    let finding = if model.high < person.low {
        "It agrees with the teacher less often than a second person does"
    } else if model.low > person.high {
        "It agrees with the teacher more often than a second person does"
    } else {
        return "Its interval and the second marker’s overlap: this test does not settle which of \
                the two agrees with the teacher more often."
            .to_owned();
    };
    format!("{finding}, beyond the uncertainty of this test.")
}

fn constant_sentence(share: f64, trained: &Agreement) -> String {
    let always = format!(
        "Giving every answer its question’s most common mark would match {} without reading any",
        percent(share)
    );
    let exact = &trained.exact_agreement;
    if exact.low > share {
        format!("{always}; the model does better than that.")
    } else if exact.value > share {
        format!(
            "{always}; that lies within the model’s interval, so equal marks alone do not show that it reads them."
        )
    } else {
        format!("{always}; the model does no better than that.")
    }
}

/// The share of answers that have their question's most common teacher's mark. It is chosen with
/// hindsight on the tested answers, so it flatters that rule a little.
fn most_common_mark_share(report: &TestReport) -> Option<f64> {
    let mut counts = std::collections::BTreeMap::new();
    for answer in &report.answers {
        let marks: &mut std::collections::BTreeMap<_, usize> = counts.entry(&answer.question).or_default();
        *marks.entry(answer.reference_mark).or_default() += 1;
    }
    let matched: usize = counts.values().filter_map(|marks| marks.values().max()).sum();
    (!report.answers.is_empty()).then(|| matched as f64 / report.answers.len() as f64)
}

fn few_answers(section: &ResultSection) -> Option<(&'static str, String)> {
    let exact = &section.trained.exact_agreement;
    (section.count < FEW_ANSWERS).then(|| {
        let text = format!(
            "Only {} tested, so every number here is rough: the true agreement may be as low as {} or \
             as high as {}. Test on {FEW_ANSWERS} answers or more before you rely on it.",
            counted(section.count, "answer was", "answers were"),
            percent(exact.low),
            percent(exact.high),
        );
        ("Few answers.", text)
    })
}

fn few_students(report: &TestReport) -> Option<(&'static str, String)> {
    let named = report.answers.iter().filter_map(|answer| answer.student.as_deref());
    let students = named.collect::<std::collections::BTreeSet<_>>().len();
    (1..FEW_STUDENTS).contains(&students).then(|| {
        let text = format!(
            "The answers come from {} only. Answers of one student resemble each other, so the \
             intervals here are narrower than they should be.",
            counted(students, "student", "students"),
        );
        ("Few students.", text)
    })
}

fn tiles(section: &ResultSection) -> Vec<Tile> {
    let tile = |name, show: &dyn Fn(&Agreement) -> Option<(String, String)>| {
        let (value, interval) = show(&section.trained)?;
        let human = section.human.as_ref().and_then(show);
        let base = show(&section.base);
        let beside = [("second marker", human), ("untrained", base)];
        let named = |(who, shown): (_, Option<(String, String)>)| Some((who, shown?.0));
        Some(Tile { name, value, interval, beside: beside.into_iter().filter_map(named).collect() })
    };
    let share = |e: &Estimate| Some((percent(e.value), percent_interval(e)));
    let tiles = [
        tile("Same mark", &|a| share(&a.exact_agreement)),
        tile("Within one step", &|a| share(&a.adjacent_agreement)),
        tile("Mean error, marks", &|a| {
            let error = &a.mean_absolute_error;
            Some((decimal(error.value, 2), interval(error, 2)))
        }),
        tile("Lean, marks", &|a| Some((signed(a.bias.value, 2), interval(&a.bias, 2)))),
        tile("QWK", &|a| {
            let kappa = a.quadratic_weighted_kappa.as_ref()?;
            Some((decimal(kappa.value, 2), interval(kappa, 2)))
        }),
    ];
    tiles.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(low: f64, high: f64, verdict: Verdict) -> PairedComparison {
        PairedComparison {
            kappa_difference: None,
            error_reduction: Estimate { value: f64::midpoint(low, high), low, high },
            p_value: 0.0004,
            verdict,
        }
    }

    #[test]
    fn a_deterioration_is_told_as_a_distance_from_the_teacher() {
        let sentence = comparison_sentence(&comparison(-0.5, -0.1, Verdict::Deterioration));
        assert!(sentence.contains("0.30 marks further"), "{sentence}");
        assert!(sentence.contains("0.10\u{2060}–\u{2060}0.50"), "{sentence}");
    }

    #[test]
    fn an_interval_with_zero_in_it_is_not_told_as_an_improvement() {
        let sentence = comparison_sentence(&comparison(-0.1, 0.3, Verdict::NoMeasurableImprovement));
        assert!(sentence.contains("0.10 marks closer to"), "{sentence}");
        assert!(sentence.contains("may well be chance"), "{sentence}");
        assert!(sentence.contains("−0.10 to 0.30"), "{sentence}");
    }
}
