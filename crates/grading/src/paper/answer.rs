//! From the lines under a head to an answer: the question's own text, labels and marks come off, and a
//! dash or "no answer" is a blank.

use gradus_domain::text::Span;

use super::PaperAnswer;
use super::lines::PaperLine;
use super::question_text::repeated_length;
use crate::guide::lines::Passage;
use crate::guide::marks_notation::standalone;
use crate::guide::unread::Unread;
use crate::guide::{Question, QuestionId};

/// The text under a head, one line each, with where every line stands.
#[derive(Debug)]
pub(super) struct Body<'a> {
    head: Passage<'a>,
    lines: Vec<BodyLine<'a>>,
}

#[derive(Debug)]
struct BodyLine<'a> {
    /// The counter of a list item, shown before the text.
    marker: Option<&'a str>,
    passage: Passage<'a>,
}

impl<'a> Body<'a> {
    /// The text after a head on its own line.
    pub(super) fn new(head: Passage<'a>, rest: Passage<'a>) -> Self {
        let line = BodyLine { marker: None, passage: rest };
        let lines = if rest.is_empty() { Vec::new() } else { vec![line] };
        Self { head, lines }
    }

    pub(super) fn push(&mut self, line: &PaperLine<'a>) {
        self.lines.push(BodyLine { marker: line.marker, passage: line.passage });
    }

    /// Takes the question's text off the beginning.
    pub(super) fn without(mut self, question: &str) -> Self {
        self.drop_marks();
        let joined: Vec<&str> = self.lines.iter().map(|line| line.passage.text).collect();
        let mut length = repeated_length(&joined.join("\n"), question);
        while length > 0 && !self.lines.is_empty() {
            let first = &mut self.lines[0];
            if length < first.passage.text.len() {
                first.passage = first.passage.from(length);
                first.marker = None;
                break;
            }
            length = length.saturating_sub(first.passage.text.len() + 1);
            self.lines.remove(0);
        }
        self.drop_marks();
        self
    }

    /// "(2 marks)" alone at the beginning.
    fn drop_marks(&mut self) {
        let is_note = |line: &BodyLine<'_>| {
            let text = line.passage.text;
            standalone(text).is_some_and(|note| note.certain || text.starts_with('['))
        };
        while self.lines.first().is_some_and(is_note) && self.lines.len() > 1 {
            self.lines.remove(0);
        }
    }

    /// "Answer: …" at the beginning.
    fn drop_label(&mut self) {
        let Some(first) = self.lines.first_mut() else { return };
        const LABELS: [&str; 9] = [
            "student's answer",
            "student answer",
            "your answer",
            "my answer",
            "answer",
            "ans",
            "response",
            "solution",
            "a",
        ];
        let text = first.passage.text;
        let found = LABELS.iter().find_map(|label| {
            let head = text.get(..label.len())?;
            let after = text[label.len()..].trim_start_matches(['.', ' ']);
            (head.eq_ignore_ascii_case(label) && after.starts_with(':')).then(|| text.len() - after.len() + 1)
        });
        let alone = ["answer", "ans", "response"].iter().any(|label| text.eq_ignore_ascii_case(label))
            && self.lines.len() > 1;
        if let Some(first) = self.lines.first_mut() {
            first.passage = match found {
                Some(length) => first.passage.from(length),
                None if alone => first.passage.part(0, 0),
                None => first.passage,
            };
        }
        if self.lines.first().is_some_and(|line| line.passage.is_empty()) {
            self.lines.remove(0);
        }
    }

    pub(super) fn into_answer(self, question: &Question) -> PaperAnswer {
        let mut body = self.without(&question.text);
        body.drop_label();
        let lines: Vec<String> = body
            .lines
            .iter()
            .map(|line| match line.marker {
                Some(marker) => format!("{marker} {}", line.passage.text),
                None => line.passage.text.to_owned(),
            })
            .collect();
        let text = lines.join("\n");
        let filled = !is_blank(&text);
        let first = body.lines.first().filter(|_| filled).map_or(body.head, |line| line.passage);
        let last = body.lines.last().filter(|_| filled).map_or(body.head, |line| line.passage);
        PaperAnswer {
            question: QuestionId(question.id.0.clone()),
            answer: if filled { text } else { String::new() },
            span: Span { start: first.start, end: last.span().end.max(first.start) },
            page: first.page,
        }
    }

    pub(super) fn into_unread(self, unread: &mut Unread) {
        for line in self.lines {
            unread.push(line.passage, "between a question's number and its first part");
        }
    }
}

/// Two passages that answer the same question.
pub(super) fn joined(first: PaperAnswer, second: PaperAnswer) -> PaperAnswer {
    if second.answer.is_empty() {
        return first;
    }
    if first.answer.is_empty() {
        return second;
    }
    PaperAnswer {
        answer: format!("{}\n{}", first.answer, second.answer),
        span: Span {
            start: first.span.start.min(second.span.start),
            end: first.span.end.max(second.span.end),
        },
        ..first
    }
}

/// Whether a text says that there is no answer.
fn is_blank(text: &str) -> bool {
    const BLANKS: [&str; 16] = [
        "",
        "n/a",
        "na",
        "no answer",
        "no answer given",
        "no response",
        "blank",
        "left blank",
        "not attempted",
        "not answered",
        "did not answer",
        "unanswered",
        "no attempt",
        "skipped",
        "none given",
        "nr",
    ];
    let lower = text.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let only_signs = !text
        .chars()
        .any(|c| c.is_alphanumeric() || matches!(c, '?' | '+' | '=' | '<' | '>' | '✓' | '✗' | '√' | '∞'));
    BLANKS.contains(&bare) && (only_signs || !bare.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_told_from_short_answers() {
        for text in ["", "-", "–", "n/a", "N/A.", "(no answer)", "____", "[blank]", "Not attempted", "..."]
        {
            assert!(is_blank(text), "{text}");
        }
        for text in ["no", "None", "0", "a", "-5", "no answer is right because cells differ", "?"] {
            assert!(!is_blank(text), "{text}");
        }
    }
}
