//! A student's whole paper: who wrote it and what it answers to each question of the guide.

mod answer;
mod error;
mod heads;
mod index;
mod lines;
mod question_text;
mod student;

use gradus_domain::text::{Span, StructuredText};
use serde::{Deserialize, Serialize};

pub use error::PaperError;
pub use student::student_in_line;

use crate::guide::lines::is_page_furniture;
use crate::guide::numbering::section_name;
use crate::guide::unread::{Unread, UnreadPassage};
use crate::guide::{Guide, QuestionId};
use answer::Body;
use heads::{Place, chosen_heads};
use index::GuideIndex;
use lines::{PaperLine, paper_lines};

/// One answer of a paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperAnswer {
    /// Which question it answers.
    pub question: QuestionId,
    /// What the student wrote, paragraphs and list items a line each; empty where it was left blank.
    pub answer: String,
    /// Where it stands in the paper's plain text; its head where it is blank.
    pub span: Span,
    /// Page it starts on, from 1, where the format has pages.
    pub page: Option<u32>,
}

/// A paper as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperReading {
    /// Who wrote it, where the paper says: a number or code before a name.
    pub student: Option<String>,
    /// In the guide's order, blank ones included.
    pub answers: Vec<PaperAnswer>,
    /// Questions of the guide that the paper does not mention.
    pub missing: Vec<QuestionId>,
    /// Passages that belong to no answer.
    pub unread: Vec<UnreadPassage>,
}

/// Splits a paper into its answers to the guide's questions.
///
/// Answers begin with "Question 1", "1.", "Q1:", "1)", "Answer 1" or the question's own text, which is
/// taken off. Numbered lists inside an answer stay in it.
///
/// # Errors
/// [`PaperError`] where the paper has no text or no answer could be told.
pub fn parse_paper(text: &StructuredText, guide: &Guide) -> Result<PaperReading, PaperError> {
    let lines = paper_lines(text);
    if lines.is_empty() {
        return Err(PaperError::Empty);
    }
    let index = GuideIndex::new(guide);
    let mut heads = chosen_heads(&lines, &index);
    let student_lines = student::student_lines(&lines, heads.first().map(|head| head.line));
    if heads.is_empty() && guide.questions.len() == 1 {
        heads = vec![Place::whole_paper(&lines, &student_lines)];
    }
    let mut unread = Unread::default();
    let paper = Paper { lines: &lines, heads: &heads, has_sections: index.has_sections };
    let answers = answers(&paper, &student_lines, guide, &mut unread);
    if answers.is_empty() {
        return Err(PaperError::NoAnswers {
            expected: guide.questions.iter().map(|question| question.id.clone()).collect(),
        });
    }
    let missing = guide
        .questions
        .iter()
        .map(|question| question.id.clone())
        .filter(|id| !answers.iter().any(|answer| answer.question == *id))
        .collect();
    Ok(PaperReading {
        student: student::student(&lines, &student_lines),
        answers,
        missing,
        unread: unread.passages,
    })
}

fn answers(
    paper: &Paper<'_, '_>,
    student_lines: &[usize],
    guide: &Guide,
    unread: &mut Unread,
) -> Vec<PaperAnswer> {
    let first = paper.heads.first().map_or(paper.lines.len(), |head| head.line);
    for (at, line) in paper.lines[..first].iter().enumerate() {
        if !student_lines.contains(&at) {
            unread.push(line.passage, "before the first answer");
        }
    }
    let mut found: Vec<Option<PaperAnswer>> = vec![None; guide.questions.len()];
    for (at, head) in paper.heads.iter().enumerate() {
        let Some(question) = guide.questions.get(head.leaf) else {
            continue;
        };
        unread.interrupt();
        let body = paper.body(at, unread);
        if !head.is_leaf {
            body.without(&question.text).into_unread(unread);
            continue;
        }
        let answer = body.into_answer(question);
        found[head.leaf] = Some(match found[head.leaf].take() {
            Some(before) => answer::joined(before, answer),
            None => answer,
        });
    }
    found.into_iter().flatten().collect()
}

/// A paper's lines and the heads among them.
struct Paper<'l, 'a> {
    lines: &'l [PaperLine<'a>],
    heads: &'l [Place<'a>],
    has_sections: bool,
}

impl<'a> Paper<'_, 'a> {
    /// The lines under a head; page numbers and titles of sections go to `unread`.
    fn body(&self, at: usize, unread: &mut Unread) -> Body<'a> {
        let head = &self.heads[at];
        let end = self.heads.get(at + 1).map_or(self.lines.len(), |next| next.line);
        let mut body = Body::new(self.lines[head.line].passage, head.rest);
        for line in self.lines.get(head.line + 1..end).unwrap_or(&[]) {
            if is_page_furniture(line.passage.text) {
                unread.push(line.passage, "page number or the like");
            } else if self.has_sections && section_name(line.passage.text).is_some() {
                unread.push(line.passage, "title of a section");
            } else {
                body.push(line);
            }
        }
        body
    }
}
