//! One row of a table or one JSON object, checked against the guide.

use gradus_domain::Marks;

use super::columns::Field;
use super::problems::{Fault, Findings, Place, quoted_list};
use super::question_name;
use crate::guide::{Guide, Question};
use crate::marked_answer::{MarkedAnswer, RowSource};

/// A row of a table or an object: what it holds, as text, and how the file names its columns.
pub(super) trait Row {
    /// The field's trimmed text; `None` where the row has no such field.
    fn value(&self, field: Field) -> Option<&str>;
    /// The file's own name of the column that holds the field.
    fn column(&self, field: Field) -> &str;
    /// Where the row stands.
    fn place(&self) -> Place;
}

/// Reads one row. `None` where something is wrong, all of which is then noted.
pub(super) fn read(row: &dyn Row, guide: &Guide, findings: &mut Findings) -> Option<MarkedAnswer> {
    let mut note = |field, fault: Fault| {
        findings.error(row.place(), fault.in_column(row.column(field)));
    };
    let question = question(row, guide).map_err(|fault| note(Field::Question, fault));
    let known = question.as_ref().ok().copied();
    let marks = |field| match row.value(field) {
        None | Some("") => Ok(None),
        Some(text) => mark(text, known).map(Some),
    };
    let mark = marks(Field::Mark).and_then(|mark| mark.ok_or_else(no_mark));
    let mark = mark.map_err(|fault| note(Field::Mark, fault));
    let second = marks(Field::SecondMark).map_err(|fault| note(Field::SecondMark, fault));
    let maximum = same_maximum(row, known).map_err(|fault| note(Field::Maximum, fault));
    let (question, mark, second) = (question.ok()?, mark.ok()?, second.ok()?);
    maximum.ok()?;
    for (field, mark) in [(Field::Mark, Some(mark)), (Field::SecondMark, second)] {
        if let Some(fault) = mark.and_then(|mark| off_step(mark, question)) {
            findings.warning(row.place(), fault.in_column(row.column(field)));
        }
    }
    let text = |field| row.value(field).filter(|text| !text.is_empty());
    Some(MarkedAnswer {
        student: text(Field::Student).map(str::to_owned),
        question: question.id.clone(),
        answer: text(Field::Answer).unwrap_or_default().to_owned(),
        mark,
        second_mark: second,
        verdict: None,
        feedback: text(Field::Feedback).map(str::to_owned),
        source: RowSource { file: findings.file().to_owned(), row: row.place().number() },
    })
}

/// A guide with one question needs no question column.
fn question<'a>(row: &dyn Row, guide: &'a Guide) -> Result<&'a Question, Fault> {
    let name = match (row.value(Field::Question), guide.questions.as_slice()) {
        (None, [only]) => return Ok(only),
        (name, _) => name.unwrap_or_default(),
    };
    let known = quoted_list(guide.questions.iter().map(|question| question.id.0.as_str()));
    if name.is_empty() {
        let remedy = format!("Enter one of the guide's questions: {known}.");
        return Err(Fault::new("the question is missing", remedy));
    }
    question_name::find(guide, name).ok_or_else(|| {
        Fault::new(
            format!("`{}` is not a question of the guide", excerpt(name)),
            format!("The guide's questions are {known}: use one of these."),
        )
    })
}

fn mark(text: &str, question: Option<&Question>) -> Result<Marks, Fault> {
    let mark: Marks = text.parse().map_err(|_| {
        Fault::new(
            format!("`{}` is not a number of marks", excerpt(text)),
            "Enter a number such as 2, 1.5 or ½.",
        )
    })?;
    if mark < Marks::ZERO {
        let message = format!("{mark} is below 0");
        return Err(Fault::new(message, "Enter a mark of 0 or more."));
    }
    let Some(question) = question else {
        return Ok(mark);
    };
    let (name, maximum) = (&question.id.0, question.max_marks);
    let denominator = text.split_once('/').map(|(_, denominator)| denominator);
    if denominator.and_then(|text| text.parse().ok()) == Some(maximum) {
        return Err(Fault::new(
            format!("`{text}` could mean {mark} or a share of the maximum of {maximum}"),
            "Enter the number of marks alone, such as 2 or 0.5.",
        ));
    }
    if mark > maximum {
        return Err(Fault::new(
            format!("{mark} is above {maximum}, the maximum of question {name}"),
            "Correct the mark here, or the maximum in the guide.",
        ));
    }
    Ok(mark)
}

fn no_mark() -> Fault {
    Fault::new("the mark is missing", "Enter it, or delete the row.")
}

fn same_maximum(row: &dyn Row, question: Option<&Question>) -> Result<(), Fault> {
    let stated = row.value(Field::Maximum).filter(|text| !text.is_empty());
    let (Some(stated), Some(question)) = (stated, question) else {
        return Ok(());
    };
    if stated.parse() == Ok(question.max_marks) {
        return Ok(());
    }
    Err(Fault::new(
        format!(
            "the maximum is given as `{}`, but question {} has {} in the guide",
            excerpt(stated),
            question.id.0,
            question.max_marks
        ),
        "Correct the one that is wrong; marks on another scale must be converted first.",
    ))
}

fn off_step(mark: Marks, question: &Question) -> Option<Fault> {
    let step = question.mark_step();
    let on_step = mark.thousandths() % step.thousandths() == 0 || mark == question.max_marks;
    (!on_step).then(|| {
        Fault::new(
            format!("{mark} is not a multiple of {step}, the mark step of question {}", question.id.0),
            "Check it; the model will only ever give marks on that step.",
        )
    })
}

/// Enough of a cell to recognise it.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
