//! Rows of the page's tables, as finished text.

use gradus_grading::metrics::{Agreement, Estimate};

use crate::data::{DataFinding, QuestionResult, ResultSection, Results, Severity, TestReport};
use crate::numbers::{counted, decimal, interval, percent, percent_interval, signed};
use crate::shown::shortened;
use crate::verdict::comparison_sentence;

/// Longest question text beside its numbers, in characters.
const QUESTION_TEXT: usize = 140;

/// A number with its interval below it.
pub(super) struct Cell {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) interval: String,
}

/// The markers' agreement in one group of answers.
pub(super) struct GroupRows {
    pub(super) name: &'static str,
    pub(super) note: String,
    pub(super) markers: Vec<MarkerRow>,
    pub(super) comparison: String,
}

/// One marker's agreement with the teacher.
pub(super) struct MarkerRow {
    pub(super) marker: &'static str,
    pub(super) count: usize,
    pub(super) cells: Vec<Cell>,
}

/// Rows for every group that was tested.
pub(super) fn groups(results: &Results) -> Vec<GroupRows> {
    let groups = [
        ("All answers", "", &results.overall),
        (
            "Seen questions",
            "the model was trained on other students’ answers to them",
            &results.seen_questions,
        ),
        ("Unseen questions", "the model saw no marked answer to them", &results.unseen_questions),
    ];
    let rows = |(name, note, section): (&'static str, &str, &Option<ResultSection>)| {
        let section = section.as_ref()?;
        let human = section.human.as_ref().map(|human| marker("Second human marker", human));
        let models = [marker("Trained model", &section.trained), marker("Before training", &section.base)];
        Some(GroupRows {
            name,
            note: note.to_owned(),
            markers: models.into_iter().chain(human).collect(),
            comparison: comparison_sentence(&section.comparison),
        })
    };
    groups.into_iter().filter_map(rows).collect()
}

fn marker(name: &'static str, agreement: &Agreement) -> MarkerRow {
    let kappa = match &agreement.quadratic_weighted_kappa {
        Some(kappa) => number("QWK", kappa),
        None => Cell { label: "QWK", value: "undefined".into(), interval: "all marks alike".into() },
    };
    let bias = &agreement.bias;
    MarkerRow {
        marker: name,
        count: agreement.count,
        cells: vec![
            share("Same mark", &agreement.exact_agreement),
            share("Within one step", &agreement.adjacent_agreement),
            kappa,
            number("Mean error", &agreement.mean_absolute_error),
            number("RMS error", &agreement.root_mean_squared_error),
            Cell { value: signed(bias.value, 2), ..number("Lean", bias) },
        ],
    }
}

fn share(label: &'static str, estimate: &Estimate) -> Cell {
    Cell { label, value: percent(estimate.value), interval: percent_interval(estimate) }
}

fn number(label: &'static str, estimate: &Estimate) -> Cell {
    Cell { label, value: decimal(estimate.value, 2), interval: interval(estimate, 2) }
}

/// One question's numbers.
pub(super) struct QuestionRow {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) facts: String,
    pub(super) count: usize,
    pub(super) cells: Vec<Cell>,
}

/// A row for every tested question.
pub(super) fn questions(report: &TestReport) -> Vec<QuestionRow> {
    let row = |result: &QuestionResult| {
        let facts = report.question(&result.question);
        let describe = |facts: &crate::data::QuestionFacts| {
            let seen = if facts.seen { "seen" } else { "unseen" };
            let trained_on = counted(facts.training_answers, "training answer", "training answers");
            format!("out of {}; {seen}, {trained_on}", facts.max_marks)
        };
        let human = result.human.as_ref().map(|human| share("Second marker", &human.exact_agreement));
        let not_marked_twice = Cell { label: "Second marker", value: "–".into(), interval: String::new() };
        let bias = &result.trained.bias;
        QuestionRow {
            name: result.question.0.clone(),
            text: facts.map(|facts| shortened(&facts.text, QUESTION_TEXT)).unwrap_or_default(),
            facts: facts.map(describe).unwrap_or_default(),
            count: result.trained.count,
            cells: vec![
                share("Trained", &result.trained.exact_agreement),
                share("Before", &result.base.exact_agreement),
                human.unwrap_or(not_marked_twice),
                number("Mean error", &result.trained.mean_absolute_error),
                Cell { value: signed(bias.value, 2), ..number("Lean", bias) },
            ],
        }
    };
    report.by_question.iter().map(row).collect()
}

/// A finding with its severity in words.
pub(super) struct FindingRow {
    /// Class in the style sheet.
    pub(super) class: &'static str,
    pub(super) severity: &'static str,
    pub(super) message: String,
}

/// The findings, worst first.
pub(super) fn findings(findings: &[DataFinding]) -> Vec<FindingRow> {
    let mut ordered: Vec<&DataFinding> = findings.iter().collect();
    ordered.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let row = |finding: &DataFinding| {
        let (class, severity) = match finding.severity {
            Severity::Error => ("error", "Error"),
            Severity::Warning => ("warning", "Warning"),
            Severity::Information => ("information", "Note"),
        };
        FindingRow { class, severity, message: finding.message.clone() }
    };
    ordered.into_iter().map(row).collect()
}
