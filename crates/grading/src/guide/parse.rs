//! Reads a marking guide: lines, then elements, then a walk that fills drafts, then questions.

use gradus_domain::text::StructuredText;
use serde::{Deserialize, Serialize};

use super::Guide;
use super::elements::{Element, elements};
use super::error::GuideError;
use super::finish::finish;
use super::lines::{Passage, Shape, lines};
use super::numbering::{question_heads, section_name, stretches};
use super::sections::{Section, label};
use super::unread::UnreadPassage;
use super::walk::Walk;

/// A guide as read, with what was not used of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuideReading {
    /// The guide.
    pub guide: Guide,
    /// Passages that belong to no question, in the document's order.
    pub unread: Vec<UnreadPassage>,
}

/// Reads a marking guide from a document's text.
///
/// Questions begin with "Question 1", "Q1:", "1." and the like or are the rows of a table. What is not
/// certain lowers a question's confidence and is said in its doubts.
///
/// # Errors
/// [`GuideError`] where there is no text, no question, or a question without any marks.
pub fn parse_guide(text: &StructuredText) -> Result<GuideReading, GuideError> {
    let elements = elements(lines(text));
    if elements.is_empty() {
        return Err(GuideError::Empty);
    }
    let title = title(&elements);
    let mut walk = Walk::new(&elements, title);
    for stretch in stretches(&elements) {
        walk.stretch(&stretch);
    }
    if walk.drafts.is_empty() {
        return Err(GuideError::NoQuestions { beginning: beginning(&text.plain) });
    }
    let unread = walk.unread.passages;
    let questions = finish(walk.drafts)?;
    let title = title.and_then(|at| elements[at].line()).map(|line| line.passage.text.to_owned());
    Ok(GuideReading { guide: Guide { title, questions }, unread })
}

/// The line that is the document's title: its first heading before any question, or a short first line.
fn title(elements: &[Element<'_>]) -> Option<usize> {
    let heads = question_heads(elements, 0..elements.len());
    let first_row = elements.iter().position(|element| matches!(element, Element::QuestionRow(_)));
    let first_head = heads.keys().next().copied();
    let end = first_head.into_iter().chain(first_row).min()?;
    let before = elements[..end].iter().enumerate().filter_map(|(at, element)| Some((at, element.line()?)));
    // "Marking guide: Plants" is a title here, though a label inside a question.
    let usable = |text: &str| {
        let found = label(Passage { text, start: 0, page: None });
        found.is_none_or(|found| found.section == Section::Rubric) && section_name(text).is_none()
    };
    let heading =
        before.clone().find(|(_, line)| matches!(line.shape, Shape::Heading(_)) && usable(line.passage.text));
    let short = before.take(1).find(|(_, line)| {
        let text = line.passage.text;
        matches!(line.shape, Shape::Paragraph)
            && text.len() <= 100
            && !text.ends_with(['.', ':', ';'])
            && usable(text)
    });
    heading.or(short).map(|(at, _)| at)
}

fn beginning(plain: &str) -> String {
    let mut words: Vec<&str> = plain.split_whitespace().take(9).collect();
    let more = words.len() > 8;
    words.truncate(8);
    let mut text: String = words.join(" ").chars().take(80).collect();
    if more {
        text.push_str(" …");
    }
    text
}
