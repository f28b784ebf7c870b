//! Tables of single answers: the review queue and all of them.

use askama::Template;

use crate::advice::agreement;
use crate::data::{TestReport, TestedAnswer};
use crate::numbers::{counted, decimal, percent, small_percent};
use crate::shown::{shortened, shown};

/// Longest answer text in the review queue, in characters; the full table has all of it.
const REVIEW_TEXT: usize = 280;

/// A table of single answers.
#[derive(Template)]
#[template(path = "answers.html")]
pub(super) struct AnswerTable {
    caption: &'static str,
    /// Whether a column says what a person's look is worth.
    pub(super) has_worth: bool,
    pub(super) rows: Vec<AnswerRow>,
}

/// One answer with its marks, or with its verdicts where the scale is words.
pub(super) struct AnswerRow {
    student: String,
    question: String,
    /// The maximum mark.
    out_of: String,
    in_words: bool,
    answer: String,
    is_order: bool,
    feedback: String,
    reference: String,
    given: String,
    /// `=`, or the model's mark minus the teacher's with its sign, or that the verdicts differ.
    difference: String,
    differs: bool,
    expected: String,
    confidence: String,
    worth: String,
}

/// The answers for a person to look at, those first where it is worth most, long ones shortened.
pub(super) fn review(report: &TestReport) -> AnswerTable {
    let queue = report.review_queue();
    let has_worth = queue.iter().any(|answer| answer.review_worth.is_some());
    let mut rows: Vec<AnswerRow> = queue.into_iter().map(|a| answer_row(report, a)).collect();
    for row in &mut rows {
        row.answer = shortened(&row.answer, REVIEW_TEXT);
    }
    AnswerTable { caption: "Answers to review", has_worth, rows }
}

/// Every answer in full.
pub(super) fn all_answers(report: &TestReport) -> AnswerTable {
    AnswerTable {
        caption: "All tested answers",
        has_worth: false,
        rows: report.answers.iter().map(|a| answer_row(report, a)).collect(),
    }
}

fn answer_row(report: &TestReport, answer: &TestedAnswer) -> AnswerRow {
    let facts = report.question(&answer.question);
    let student = answer.student.as_deref().map(shown);
    let said = |verdict: &Option<String>, mark: gradus_domain::Marks| {
        verdict.clone().unwrap_or_else(|| mark.to_string())
    };
    AnswerRow {
        student: student.unwrap_or_else(|| "unknown".to_owned()),
        question: answer.question.0.clone(),
        out_of: facts.map(|facts| facts.max_marks.to_string()).unwrap_or_default(),
        in_words: answer.reference_verdict.is_some(),
        answer: shown(&answer.answer),
        is_order: answer.is_order,
        feedback: answer.feedback.as_deref().map(shown).unwrap_or_default(),
        reference: said(&answer.reference_verdict, answer.reference_mark),
        given: said(&answer.given_verdict, answer.given_mark),
        difference: difference(answer),
        differs: !answer.agrees(),
        expected: decimal(answer.expected_mark, 2),
        confidence: percent(answer.confidence),
        worth: answer.review_worth.map(small_percent).unwrap_or_default(),
    }
}

fn difference(answer: &TestedAnswer) -> String {
    let by = answer.given_mark.as_f64() - answer.reference_mark.as_f64();
    if answer.agrees() {
        "=".to_owned()
    } else if answer.reference_verdict.is_some() || by == 0.0 {
        "differs".to_owned()
    } else {
        let sign = if by > 0.0 { "+" } else { "−" };
        format!("{sign}{}", by.abs())
    }
}

/// How the queue is ordered and what reviewing it is worth.
pub(super) struct ReviewNote {
    /// What stands first, and why.
    pub(super) order: String,
    /// How many of the listed answers differ, and what agreement the others have.
    pub(super) effect: String,
}

/// Describes the queue, counts the differences in it and the agreement outside it.
pub(super) fn review_note(report: &TestReport) -> ReviewNote {
    let (queue, rest) = report.split_by_review();
    let differ = queue.iter().filter(|answer| !answer.agrees()).count();
    let listed = counted(queue.len(), "answer", "answers");
    let mut effect = format!("Of these {listed}, the model’s mark differs from the teacher’s on {differ}.");
    if !rest.is_empty() {
        let same = rest.iter().filter(|answer| answer.agrees()).count();
        let all: Vec<&TestedAnswer> = queue.iter().chain(&rest).copied().collect();
        effect.push_str(&format!(
            " If a person marks these, the model’s marks remain on {}, where it agrees with the teacher \
             on {same} ({}; {} without review).",
            counted(rest.len(), "answer", "answers"),
            percent(agreement(&rest)),
            percent(agreement(&all)),
        ));
    }
    ReviewNote { order: review_order(report, queue.len()), effect }
}

fn review_order(report: &TestReport, listed: usize) -> String {
    let waiting = report.answers.iter().filter(|answer| answer.needs_review()).count();
    let settled = report.answers.len() - waiting;
    let mut order = if report.answers.iter().any(|answer| answer.review_worth.is_some()) {
        "The answers first where a person’s look is worth most: where the mark is expected to be furthest \
         from the right one, going by the probabilities that the model gives to the other marks, in parts of \
         the question’s maximum."
            .to_owned()
    } else {
        "The answers whose mark the model is least sure of, least sure first.".to_owned()
    };
    let supposed = report.answers.iter().filter(|answer| answer.is_order).count();
    if supposed > 0 {
        order = format!(
            "First {} to speak to the marker. {order}",
            if supposed == 1 {
                "the answer that seems".to_owned()
            } else {
                format!("the {supposed} that seem")
            },
        );
    }
    if settled > 0 {
        let are = if settled == 1 { "is" } else { "are" };
        let not_in_it = counted(settled, "answer", "answers");
        order.push_str(&format!(
            " {not_in_it} {are} sure enough to stand without a look and {are} not in it."
        ));
    }
    if listed < waiting {
        order.push_str(&format!(" The first {listed} of {waiting} are listed."));
    }
    order
}
