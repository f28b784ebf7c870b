//! Rows of the page's tables, as finished text.

use askama::Template;
use gradus_grading::metrics::{Agreement, Estimate};

use crate::advice::agreement;
use crate::data::{DataFinding, QuestionResult, ResultSection, Results, Severity, TestReport, TestedAnswer};
use crate::numbers::{counted, decimal, interval, percent, percent_interval, signed};
use crate::verdict::comparison_sentence;

/// Longest answer text in the review queue, in characters; the full table has all of it.
const REVIEW_TEXT: usize = 280;
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

/// A table of single answers.
#[derive(Template)]
#[template(path = "answers.html")]
pub(super) struct AnswerTable {
    caption: &'static str,
    pub(super) rows: Vec<AnswerRow>,
}

/// One answer with its marks.
pub(super) struct AnswerRow {
    student: String,
    question: String,
    out_of: String,
    answer: String,
    feedback: String,
    reference: String,
    given: String,
    /// `=`, or the model's mark minus the teacher's with its sign.
    difference: String,
    differs: bool,
    expected: String,
    confidence: String,
}

/// The answers for a person to look at, least confident first, long ones shortened.
pub(super) fn review(report: &TestReport) -> AnswerTable {
    let queue = report.review_queue();
    let mut rows: Vec<AnswerRow> = queue.into_iter().map(|a| answer_row(report, a)).collect();
    for row in &mut rows {
        row.answer = shortened(&row.answer, REVIEW_TEXT);
    }
    AnswerTable { caption: "Answers to review, least sure first", rows }
}

/// Every answer in full.
pub(super) fn all_answers(report: &TestReport) -> AnswerTable {
    AnswerTable {
        caption: "All tested answers",
        rows: report.answers.iter().map(|a| answer_row(report, a)).collect(),
    }
}

fn answer_row(report: &TestReport, answer: &TestedAnswer) -> AnswerRow {
    let difference = answer.given_mark.as_f64() - answer.reference_mark.as_f64();
    let differs = answer.given_mark != answer.reference_mark;
    let sign = if difference > 0.0 { "+" } else { "−" };
    let facts = report.question(&answer.question);
    AnswerRow {
        student: answer.student.clone().unwrap_or_else(|| "unknown".to_owned()),
        question: answer.question.0.clone(),
        out_of: facts.map(|facts| facts.max_marks.to_string()).unwrap_or_default(),
        answer: answer.answer.clone(),
        feedback: answer.feedback.clone().unwrap_or_default(),
        reference: answer.reference_mark.to_string(),
        given: answer.given_mark.to_string(),
        difference: if differs { format!("{sign}{}", difference.abs()) } else { "=".to_owned() },
        differs,
        expected: decimal(answer.expected_mark, 2),
        confidence: percent(answer.confidence),
    }
}

/// What reviewing the queue is worth.
pub(super) struct ReviewNote {
    /// How many of the listed answers differ, and what agreement the others have.
    pub(super) effect: String,
}

/// Counts the differences in the queue and the agreement outside it.
pub(super) fn review_note(report: &TestReport) -> ReviewNote {
    let ordered = report.by_confidence();
    let (queue, rest) = ordered.split_at(report.review_limit.min(ordered.len()));
    let differ = queue.iter().filter(|a| a.given_mark != a.reference_mark).count();
    let listed = counted(queue.len(), "answer", "answers");
    let mut effect = format!("Of these {listed}, the model’s mark differs from the teacher’s on {differ}.");
    if !rest.is_empty() {
        let same = rest.iter().filter(|a| a.given_mark == a.reference_mark).count();
        effect.push_str(&format!(
            " If a person marks these, the model’s marks remain on {}, where it agrees with the teacher \
             on {same} ({}; {} without review).",
            counted(rest.len(), "answer", "answers"),
            percent(agreement(rest)),
            percent(agreement(&ordered)),
        ));
    }
    ReviewNote { effect }
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

/// The text up to its last whole word within `most` characters, with an ellipsis where it was cut.
fn shortened(text: &str, most: usize) -> String {
    let Some((cut, _)) = text.char_indices().nth(most) else {
        return text.to_owned();
    };
    let head = &text[..cut];
    let at_word = head.rfind(char::is_whitespace).filter(|at| *at > cut / 2);
    format!("{}\u{a0}…", head[..at_word.unwrap_or(cut)].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_word_and_never_inside_a_character() {
        assert_eq!(shortened("short", 10), "short");
        assert_eq!(shortened("chloroplasts make sugar", 20), "chloroplasts make\u{a0}…");
        assert_eq!(shortened("ééééééééé", 4), "éééé\u{a0}…");
    }
}
