//! Short Answer Feedback (Filighera et al., ACL 2022) as the XML of its repository, one file a question.

use gradus_domain::Marks;

use super::Format;
use super::collection::{Collection, FoundAnswer, FoundQuestion, SetFile, Source};
use super::part::PartKind;
use super::xml::{self, Element, QuestionElement};
use crate::import::problems::{Fault, Place};

pub(super) const FORMAT: Format = Format { recognises, read };

/// What the set is called.
pub(super) const SET_NAME: &str = "SAF";

fn recognises(text: &str) -> bool {
    text.contains("<studentAnswer") && text.contains("<response>")
}

fn read(files: &[SetFile], collection: &mut Collection) {
    collection.set_names.insert(SET_NAME.to_owned());
    for file in files {
        let questions = match xml::questions(&file.text) {
            Ok(questions) => questions,
            Err((place, fault)) => {
                collection.findings(file.index).error(place, fault);
                continue;
            }
        };
        let Some(part) = collection.part_of_path(file) else { continue };
        let alone = questions.len() == 1;
        for question in questions {
            // Version 1 has several questions of the id `2.1`: the file's name tells them apart.
            let stated = question.element.attribute("id").unwrap_or_default();
            let id = if alone { file_stem(&file.path) } else { stated }.to_owned();
            read_question(file, id, part, question, collection);
        }
    }
}

fn file_stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn read_question(
    file: &SetFile,
    id: String,
    part: PartKind,
    question: QuestionElement,
    collection: &mut Collection,
) {
    let source = Source { file: file.index, place: Place::Line(question.element.line) };
    for answer in &question.answers {
        let source = Source { place: Place::Line(answer.line), ..source };
        match read_answer(answer, &id, part, source) {
            Ok(answer) => collection.answers.push(answer),
            Err(fault) => collection.error(source, fault),
        }
    }
    let references = question.references.iter().map(Element::text).filter(|text| !text.is_empty());
    collection.add_question(FoundQuestion {
        id,
        references: references.map(str::to_owned).collect(),
        text: question.text,
        notes: Vec::new(),
        maximum: None,
        source,
    });
}

fn read_answer(
    answer: &Element,
    question: &str,
    part: PartKind,
    source: Source,
) -> Result<FoundAnswer, Fault> {
    let field = |name: &'static str| {
        answer.field(name).ok_or_else(|| {
            Fault::new(format!("the answer has no `{name}`"), "Take a fresh copy of the file.")
        })
    };
    let mark = field("score")?;
    let text = |name| answer.field(name).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(FoundAnswer {
        question: question.to_owned(),
        part,
        answer: field("response")?.to_owned(),
        mark: parse_mark(mark).map_err(|fault| fault.in_column("score"))?,
        second_mark: None,
        label: text("verification_feedback"),
        feedback: text("response_feedback"),
        source,
    })
}

/// A mark as data sets write it.
pub(super) fn parse_mark(text: &str) -> Result<Marks, Fault> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        Fault::new(format!("`{shown}` is not a number of marks"), "Write a number such as 2 or 1.5.")
    })
}
