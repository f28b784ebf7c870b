//! A small XML tree with local names. Entities other than the five of XML itself are not expanded.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::encoding;
use crate::error::Failure;

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Name without its namespace prefix.
    pub(super) name: String,
    /// Names without prefixes, and values.
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// Its own text, without that of its children.
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element that a path of names leads to.
    pub(super) fn descend(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The `val` of the element that a path leads to: WordprocessingML's way to write a property.
    pub(super) fn value(&self, path: &[&str]) -> Option<&str> {
        self.descend(path)?.attribute("val")
    }

    /// Whether an on-off property is on: present and not `0`, `false` or `off`.
    pub(super) fn is_on(&self, path: &[&str]) -> bool {
        self.descend(path).is_some_and(|property| {
            !matches!(property.attribute("val"), Some("0" | "false" | "off" | "none"))
        })
    }
}

/// Parses a document into its root element.
pub(super) fn parse(bytes: &[u8], max_depth: usize) -> Result<Element, Failure> {
    let text = encoding::decode(bytes, Some("utf-8")).text;
    let mut reader = Reader::from_str(&text);
    let mut open = vec![Element::default()];
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| broken(at, &error))?;
        match event {
            Event::Start(start) => {
                open.push(element(&start).map_err(|error| broken(at, &error))?);
                if open.len() > max_depth {
                    return Err(Failure::TooDeep { limit: max_depth });
                }
            }
            Event::Empty(start) => {
                let element = element(&start).map_err(|error| broken(at, &error))?;
                if let Some(parent) = open.last_mut() {
                    parent.children.push(element);
                }
            }
            Event::End(_) => {
                if let (Some(element), Some(parent)) = (open.pop(), open.last_mut()) {
                    parent.children.push(element);
                }
            }
            Event::Text(text) => {
                push_text(&mut open, &text.xml10_content().map_err(|error| broken(at, &error))?)
            }
            Event::CData(text) => {
                push_text(&mut open, &text.xml10_content().map_err(|error| broken(at, &error))?)
            }
            Event::GeneralRef(reference) => push_text(&mut open, &resolve(&reference)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match (open.len(), open.pop().and_then(|mut document| document.children.pop())) {
        (1, Some(root)) => Ok(root),
        _ => Err(Failure::damaged("its XML ends in the middle")),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, quick_xml::Error> {
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
        attributes.push((local(attribute.key.as_ref()), value.into_owned()));
    }
    Ok(Element { name: local(start.name().as_ref()), attributes, ..Element::default() })
}

fn local(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.rsplit(':').next().unwrap_or(&name).to_owned()
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// A character reference or one of XML's own entities. A declared entity becomes nothing: expanding it
/// could read files or fill the memory.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name = String::from_utf8_lossy(reference);
    quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default().to_owned()
}

fn broken(at: u64, error: &dyn std::fmt::Display) -> Failure {
    Failure::damaged(format!("its XML is wrong near byte {at} ({error})"))
}
