//! SemEval-2013 task 7 (Dzikovska et al. 2013): SciEntsBank and Beetle as XML, judged in two, three or five
//! classes. One file a question.

use gradus_domain::Marks;

use super::Format;
use super::collection::{Collection, FoundAnswer, FoundQuestion, SetFile, Source};
use super::part::PartKind;
use super::xml::{self, Element, QuestionElement};
use crate::import::problems::{Fault, Place, quoted_list};

pub(super) const FORMAT: Format = Format { recognises, read };

/// Every class and what it is worth.
const CLASSES: [(&str, Marks); 6] = [
    ("contradictory", Marks::ZERO),
    ("non_domain", Marks::ZERO),
    ("irrelevant", Marks::ZERO),
    ("incorrect", Marks::ZERO),
    ("partially_correct_incomplete", Marks::HALF),
    ("correct", Marks::ONE),
];

/// The sets of the task, by what their folders are called.
const SETS: [&str; 2] = ["beetle", "sciEntsBank"];
/// The folders that hold the same answers, judged in so many classes.
const WAYS: [&str; 3] = ["2way", "3way", "5way"];

/// Beetle's kinds of reference answers, the best first.
const CATEGORIES: [&str; 4] = ["BEST", "GOOD", "MINIMAL", "KEYWORD"];

fn recognises(text: &str) -> bool {
    text.contains("<studentAnswer") && text.contains("accuracy=")
}

fn read(files: &[SetFile], collection: &mut Collection) {
    let ways: Vec<&str> =
        WAYS.into_iter().filter(|way| files.iter().any(|file| file.path.contains(way))).collect();
    if ways.len() > 1 {
        let message = format!("the folders {} hold the same answers", quoted_list(ways));
        let remedy = "Give the files of one of them.";
        collection.findings(files[0].index).error(None, Fault::new(message, remedy));
        return;
    }
    for file in files {
        collection.set_names.insert(set_name(&file.path));
        match xml::questions(&file.text) {
            Ok(questions) => {
                questions.into_iter().for_each(|question| read_question(file, question, collection));
            }
            Err((place, fault)) => collection.findings(file.index).error(place, fault),
        }
    }
}

fn set_name(path: &str) -> String {
    let path = path.to_lowercase();
    let set = SETS.into_iter().find(|set| path.contains(&set.to_lowercase()));
    set.unwrap_or("SemEval-2013 task 7").to_owned()
}

fn read_question(file: &SetFile, question: QuestionElement, collection: &mut Collection) {
    let source = Source { file: file.index, place: Place::Line(question.element.line) };
    let Some(id) = question.element.attribute("id").filter(|id| !id.is_empty()) else {
        let fault = Fault::new("the question has no `id`", "Take a fresh copy of the file.");
        return collection.error(source, fault);
    };
    let stated = question.element.attribute("testSet").and_then(PartKind::named);
    let Some(part) = stated.or_else(|| collection.part_of_path(file)) else { return };
    for answer in &question.answers {
        let source = Source { place: Place::Line(answer.line), ..source };
        match class(answer) {
            Ok((label, mark)) => collection.answers.push(FoundAnswer {
                question: id.to_owned(),
                part,
                answer: answer.text().to_owned(),
                mark,
                second_mark: None,
                label: Some(label.to_owned()),
                feedback: None,
                source,
            }),
            Err(fault) => collection.error(source, fault),
        }
    }
    collection.add_question(FoundQuestion {
        id: id.to_owned(),
        references: references(&question.references),
        text: question.text,
        notes: Vec::new(),
        maximum: Some(Marks::ONE),
        source,
    });
}

fn class(answer: &Element) -> Result<(&'static str, Marks), Fault> {
    let stated = answer.attribute("accuracy").unwrap_or_default();
    // Copies differ in `non-domain` and `non_domain`.
    let folded = stated.to_lowercase().replace('-', "_");
    CLASSES.into_iter().find(|(label, _)| *label == folded).ok_or_else(|| {
        let known = quoted_list(CLASSES.into_iter().map(|(label, _)| label));
        Fault::new(format!("`{stated}` is not a class of answers"), format!("The classes are {known}."))
            .in_column("accuracy")
    })
}

/// The best first; within a category in the file's order.
fn references(elements: &[Element]) -> Vec<String> {
    let rank = |element: &&Element| {
        let category = element.attribute("category").unwrap_or_default();
        CATEGORIES.iter().position(|known| *known == category).unwrap_or(CATEGORIES.len())
    };
    let mut elements: Vec<&Element> = elements.iter().collect();
    elements.sort_by_key(rank);
    let texts = elements.into_iter().map(Element::text).filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}
