//! Short Answer Feedback as Hugging Face exports it: one JSON object an answer, a file for each part
//! (`train.jsonl`, `test_unseen_answers.jsonl`, …). Questions have no names there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::collection::{Collection, FoundAnswer, FoundQuestion, SetFile, Source};
use super::json_rows::{Fields, mark};
use super::part::PartKind;
use super::{Format, first_object, saf_xml};
use crate::import::json_lines;
use crate::import::problems::Fault;

pub(super) const FORMAT: Format = Format { recognises, read };

fn recognises(text: &str) -> bool {
    first_object(text).is_some_and(|object| object.contains_key("provided_answer"))
}

fn read(files: &[SetFile], collection: &mut Collection) {
    collection.set_names.insert(saf_xml::SET_NAME.to_owned());
    // Training first, so that its questions have the same numbers with and without the tests.
    let mut files: Vec<&SetFile> = files.iter().collect();
    files.sort_by_key(|file| PartKind::of_path(&file.path));
    let mut numbers = BTreeMap::new();
    for file in files {
        let Some(part) = collection.part_of_path(file) else { continue };
        for (place, object) in json_lines::objects(file.text.as_bytes(), collection.findings(file.index)) {
            let source = Source { file: file.index, place };
            match read_row(&object, part, source, &mut numbers) {
                Ok((question, answer)) => {
                    collection.add_question(question);
                    collection.answers.push(answer);
                }
                Err(fault) => collection.error(source, fault),
            }
        }
    }
}

/// `numbers` holds the questions so far: they are numbered as they first occur.
fn read_row(
    object: &Map<String, Value>,
    part: PartKind,
    source: Source,
    numbers: &mut BTreeMap<String, usize>,
) -> Result<(FoundQuestion, FoundAnswer), Fault> {
    let text = object.required("question")?;
    let answer = object.required("provided_answer")?;
    let mark = mark(object, "score")?;
    let next = numbers.len() + 1;
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = numbers.entry(folded).or_insert(next).to_string();
    let answer = FoundAnswer {
        question: id.clone(),
        part,
        answer,
        mark,
        second_mark: None,
        label: object.optional("verification_feedback")?,
        feedback: object.optional("answer_feedback")?,
        source,
    };
    let references = object.optional("reference_answer")?.into_iter().collect();
    let question = FoundQuestion { id, text, references, notes: Vec::new(), maximum: None, source };
    Ok((question, answer))
}
