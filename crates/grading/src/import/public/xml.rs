//! The XML that SAF and SemEval-2013 task 7 share: questions with reference answers and students' answers.
//! Knows nothing of marks. Entities are not expanded: only those of XML itself are read.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::import::problems::{Fault, Place};

/// Deeper nesting than this is no set of answers.
const MAX_DEPTH: usize = 32;
/// What a student's answer is made of in SAF.
const FIELDS: [&str; 4] = ["response", "score", "response_feedback", "verification_feedback"];

/// An element with what it holds.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    /// Its text with that of unknown elements in it (markup), trimmed where it is read.
    text: String,
    /// The known elements within a student's answer, and their texts.
    fields: Vec<(String, String)>,
    /// Its line, from 1.
    pub(super) line: usize,
}

impl Element {
    /// The value of the attribute, trimmed.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// The text of the element within it, trimmed.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, text)| text.trim())
    }

    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }
}

/// A `<question>`.
#[derive(Debug, Default)]
pub(super) struct QuestionElement {
    /// The element itself, for its attributes and its line.
    pub(super) element: Element,
    /// What is asked, trimmed.
    pub(super) text: String,
    pub(super) references: Vec<Element>,
    pub(super) answers: Vec<Element>,
}

/// Every question of a document. A fault has the line where reading stopped.
pub(super) fn questions(text: &str) -> Result<Vec<QuestionElement>, (Place, Fault)> {
    let mut lines = LineCounter { text, position: 0, line: 1 };
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    loop {
        let line = lines.line_at(reader.buffer_position() as usize);
        let at = |fault| (Place::Line(line), fault);
        let event = reader.read_event().map_err(|error| at(broken(&error)))?;
        match event {
            Event::Start(start) => document.open(element(&start, line).map_err(at)?).map_err(at)?,
            Event::Empty(start) => document.close(element(&start, line).map_err(at)?),
            Event::End(_) => document.close_last(),
            Event::Text(text) => {
                document.push_text(&text.xml10_content().map_err(|error| at(broken(&error)))?);
            }
            Event::CData(text) => {
                document.push_text(&text.xml10_content().map_err(|error| at(broken(&error)))?);
            }
            Event::GeneralRef(reference) => document.push_text(&resolve(&reference).map_err(at)?),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof if document.open.is_empty() => return Ok(document.questions),
            Event::Eof => return Err(at(broken(&"the file ends in the middle"))),
        }
    }
}

#[derive(Default)]
struct Document {
    open: Vec<Element>,
    /// The question that is being read.
    question: QuestionElement,
    questions: Vec<QuestionElement>,
}

impl Document {
    fn open(&mut self, element: Element) -> Result<(), Fault> {
        self.open.push(element);
        if self.open.len() > MAX_DEPTH {
            return Err(broken(&format!("elements are nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn close_last(&mut self) {
        if let Some(element) = self.open.pop() {
            self.close(element);
        }
    }

    fn push_text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    /// Puts an element that has ended where it belongs.
    fn close(&mut self, element: Element) {
        match (element.name.as_str(), self.open.last_mut()) {
            ("question", _) => {
                let question = std::mem::take(&mut self.question);
                self.questions.push(QuestionElement { element, ..question });
            }
            ("questionText", _) => self.question.text = element.text().to_owned(),
            ("referenceAnswer", _) => self.question.references.push(element),
            ("studentAnswer", _) => self.question.answers.push(element),
            (name, Some(parent)) if parent.name == "studentAnswer" && FIELDS.contains(&name) => {
                parent.fields.push((element.name, element.text));
            }
            (_, Some(parent)) => parent.text.push_str(&element.text),
            (_, None) => {}
        }
    }
}

fn element(start: &BytesStart<'_>, line: usize) -> Result<Element, Fault> {
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| broken(&error))?;
        let value =
            attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| broken(&error))?;
        attributes.push((name(attribute.key.as_ref()), value.into_owned()));
    }
    Ok(Element { name: name(start.name().as_ref()), attributes, line, ..Element::default() })
}

fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A character reference or one of XML's own entities; a declared one could read files or fill the memory.
fn resolve(reference: &BytesRef<'_>) -> Result<String, Fault> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    let name = name(reference);
    match resolve_predefined_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Fault::new(
            format!("`&{name};` is not one of XML's own entities, and others are not expanded"),
            "Write the character itself, or its number as in `&#233;`.",
        )),
    }
}

fn broken(reason: &dyn std::fmt::Display) -> Fault {
    Fault::new(format!("the XML cannot be read ({reason})"), "Take a fresh copy of the file.")
}

/// Lines of growing positions.
struct LineCounter<'a> {
    text: &'a str,
    position: usize,
    line: usize,
}

impl LineCounter<'_> {
    fn line_at(&mut self, position: usize) -> usize {
        let position = position.clamp(self.position, self.text.len());
        let passed = &self.text.as_bytes()[self.position..position];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.position = position;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let (place, fault) = questions(text).unwrap_err();
        format!("{place}: {}", fault.message)
    }

    #[test]
    fn markup_in_a_text_leaves_the_words() {
        let text = "<question id='a&amp;b'><questionText>\n x <i>y</i> &lt;&#233; <![CDATA[<z>]]>\
                    </questionText>\n<studentAnswers><studentAnswer/></studentAnswers></question>";
        let found = questions(text).unwrap();
        assert_eq!(found[0].text, "x y <é <z>");
        assert_eq!(found[0].element.attribute("id"), Some("a&b"));
        assert_eq!(found[0].answers[0].line, 3);
    }

    #[test]
    fn declared_entities_are_refused_instead_of_expanded() {
        let bomb =
            "<!DOCTYPE q [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\"><!ENTITY f SYSTEM \"/etc/passwd\">]>\n";
        for entity in ["b", "f"] {
            let text = format!("{bomb}<question><questionText>\n&{entity};</questionText></question>");
            assert!(
                fault(&text).starts_with(&format!("line 3: `&{entity};` is not one")),
                "{}",
                fault(&text)
            );
        }
        assert!(fault(&format!("{bomb}<question id='&b;'/>")).starts_with("line 2"));
    }

    #[test]
    fn broken_or_endlessly_nested_xml_is_refused_with_its_line() {
        assert!(fault("<question>\n<questionText>").starts_with("line 2: "));
        assert!(fault("<question>\n\n</questions>").starts_with("line 3: "));
        assert!(fault(&"<a>".repeat(100_000)).contains("more than 32 deep"));
    }
}
