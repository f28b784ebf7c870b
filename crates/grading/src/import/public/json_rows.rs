//! One JSON object an answer, with everything about it: `dataset, split, qid, question, reference,
//! references?, rubric?, answer, score, max, label?, feedback?`.

use gradus_domain::Marks;
use serde_json::{Map, Value};

use super::collection::{Collection, FoundAnswer, FoundQuestion, SetFile, Source, unknown_part};
use super::part::PartKind;
use super::{Format, first_object, saf_xml};
use crate::import::json_lines;
use crate::import::problems::Fault;

pub(super) const FORMAT: Format = Format { recognises, read };

fn recognises(text: &str) -> bool {
    let fields = ["split", "qid", "answer", "score"];
    first_object(text).is_some_and(|object| fields.iter().all(|field| object.contains_key(*field)))
}

fn read(files: &[SetFile], collection: &mut Collection) {
    for file in files {
        for (place, object) in json_lines::objects(file.text.as_bytes(), collection.findings(file.index)) {
            let source = Source { file: file.index, place };
            match read_row(&object, source) {
                Ok(row) => {
                    collection.set_names.insert(row.dataset);
                    collection.add_question(row.question);
                    collection.answers.push(row.answer);
                }
                Err(fault) => collection.error(source, fault),
            }
        }
    }
}

struct Row {
    dataset: String,
    question: FoundQuestion,
    answer: FoundAnswer,
}

fn read_row(object: &Map<String, Value>, source: Source) -> Result<Row, Fault> {
    let split = object.required("split")?;
    let part = PartKind::named(&split)
        .ok_or_else(|| unknown_part(&format!("`{split}` does not say")).in_column("split"))?;
    let id = object.required("qid")?;
    let maximum = mark(object, "max")?;
    if maximum <= Marks::ZERO {
        let fault = Fault::new(format!("the maximum is {maximum}"), "Write the most marks that there are.");
        return Err(fault.in_column("max"));
    }
    let answer = FoundAnswer {
        question: id.clone(),
        part,
        answer: object.required("answer")?,
        mark: mark(object, "score")?,
        second_mark: None,
        label: object.optional("label")?,
        feedback: object.optional("feedback")?,
        source,
    };
    let question = FoundQuestion {
        id,
        text: object.required("question")?,
        references: references(object)?,
        notes: object.texts("rubric")?,
        maximum: Some(maximum),
        source,
    };
    Ok(Row { dataset: object.required("dataset")?, question, answer })
}

/// `reference` first, then those of `references` that say something else.
fn references(object: &Map<String, Value>) -> Result<Vec<String>, Fault> {
    let mut all: Vec<String> = object.optional("reference")?.into_iter().collect();
    for reference in object.texts("references")? {
        if !all.contains(&reference) {
            all.push(reference);
        }
    }
    Ok(all)
}

/// A field that must hold a mark, as a number or in a text.
pub(super) fn mark(object: &Map<String, Value>, field: &str) -> Result<Marks, Fault> {
    let text = object.required(field)?;
    saf_xml::parse_mark(&text).map_err(|fault| fault.in_column(field))
}

/// Texts out of an object; numbers count as texts.
pub(super) trait Fields {
    /// The trimmed text, which may be empty.
    fn required(&self, field: &str) -> Result<String, Fault>;
    /// The trimmed text; `None` where there is none.
    fn optional(&self, field: &str) -> Result<Option<String>, Fault>;
    /// A text or a list of texts, without empty ones.
    fn texts(&self, field: &str) -> Result<Vec<String>, Fault>;
}

impl Fields for Map<String, Value> {
    fn required(&self, field: &str) -> Result<String, Fault> {
        match self.get(field) {
            None | Some(Value::Null) => {
                Err(Fault::new("the field is missing", "Add it, or delete the row.").in_column(field))
            }
            Some(value) => text(value, field),
        }
    }

    fn optional(&self, field: &str) -> Result<Option<String>, Fault> {
        Ok(self.texts(field)?.into_iter().next())
    }

    fn texts(&self, field: &str) -> Result<Vec<String>, Fault> {
        let texts: Result<Vec<String>, Fault> = match self.get(field) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(|value| text(value, field)).collect(),
            Some(value) => text(value, field).map(|text| vec![text]),
        };
        texts.map(|texts| texts.into_iter().filter(|text| !text.is_empty()).collect())
    }
}

fn text(value: &Value, field: &str) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Fault::new("the value is neither text nor a number", "Write a plain text or number.")
            .in_column(field)),
    }
}
