//! One question while it is being read: takes lines, knows which section it is in, collects text, model
//! answer, points and notes. What the marks come to is settled afterwards, in `finish`.

use gradus_domain::Marks;
use gradus_domain::text::Span;

use super::absorb::asks;
use super::award::AwardRule;
use super::body::Body;
use super::heads::{Style, parse_head};
use super::lines::{Line, Passage};
use super::marks_notation::{MarkNote, inline, leading, standalone, trailing};
use super::sections::{Label, Section, label};
use super::tables::marks_in_cell;

/// A question while it is being read.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Letter of the guide's section, where its sections number their questions anew.
    pub(crate) prefix: String,
    pub(crate) path: Vec<String>,
    pub(crate) text: Body,
    pub(crate) answer: Body,
    pub(crate) notes: Vec<String>,
    pub(crate) points: Vec<Point>,
    pub(crate) groups: Vec<Group>,
    pub(crate) max: Option<Marks>,
    /// "Total: 6" where the maximum is already known: the total of the question that this is a part of.
    pub(crate) outer_total: Option<Marks>,
    pub(crate) section: Section,
    pub(crate) span: Span,
    /// The head as written, for a part that turns out to be an option of its question.
    pub(crate) head: String,
    /// Set once the walk has left the question: what is added later stands elsewhere.
    pub(crate) left: bool,
    /// Whether its answer stands apart from its text.
    pub(crate) answered_apart: bool,
    /// Whether it is marked by levels of response rather than by points.
    pub(crate) banded: bool,
    pub(super) note_prefix: Option<String>,
    before_marks: Section,
}

/// A marking point, its marks perhaps not yet known.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) text: String,
    pub(crate) marks: Option<Marks>,
    pub(crate) span: Span,
    pub(crate) group: usize,
    pub(super) is_item: bool,
}

/// Points under one rule.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) rule: AwardRule,
    pub(crate) header: Option<(String, Span)>,
}

impl Draft {
    pub(crate) fn new(prefix: &str, path: Vec<String>, head: Passage<'_>) -> Self {
        Self {
            prefix: prefix.to_owned(),
            path,
            text: Body::default(),
            answer: Body::default(),
            notes: Vec::new(),
            points: Vec::new(),
            groups: Vec::new(),
            max: None,
            outer_total: None,
            section: Section::Text,
            span: head.span(),
            head: head.text.to_owned(),
            left: false,
            answered_apart: false,
            banded: false,
            note_prefix: None,
            before_marks: Section::Text,
        }
    }

    pub(crate) fn id(&self) -> String {
        format!("{}{}", self.prefix, self.path.concat())
    }

    /// Its section's letter and its path: two drafts with the same are one question.
    pub(crate) fn key(&self) -> (&str, &[String]) {
        (&self.prefix, &self.path)
    }

    pub(crate) fn is_part_of(&self, whole: &Self) -> bool {
        let longer = self.path.len() > whole.path.len();
        self.prefix == whole.prefix && longer && self.path.starts_with(&whole.path)
    }

    /// Whether nothing but its text is known.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.answer.is_empty() && self.points.is_empty()
    }

    /// Takes back an option that was taken for a part.
    pub(crate) fn take_option(&mut self, option: Self) {
        self.text.push(&option.head, true);
        self.span.end = self.span.end.max(option.span.end);
        self.answer.push(option.answer.as_str(), false);
        self.notes.extend(option.notes);
    }

    /// Takes the rest of the head's line: its text and its marks.
    pub(crate) fn absorb_head(&mut self, rest: Passage<'_>) {
        if rest.is_empty() {
            return;
        }
        if self.section != Section::Text || label(rest).is_some_and(|label| label.colon) {
            self.absorb(rest, false);
            return;
        }
        // "(20 marks) Explain …" and "Explain … (20 marks)".
        if let Some(note) = standalone(rest.text) {
            self.take_marks(note);
        } else if let Some((note, at)) = leading(rest.text).filter(|_| rest.text.starts_with(['(', '['])) {
            self.take_marks(note);
            self.text.push(rest.from(at).text, false);
        } else if let Some((note, at)) = trailing(rest.text).filter(|_| inline(rest.text).len() < 2) {
            self.take_marks(note);
            self.text.push(rest.part(0, at).text, false);
        } else if let Some(mark) = inline(rest.text).into_iter().next() {
            // "Why … stops? (3 marks) Inertia (1) …": what comes after the question's marks is its answer.
            self.max = self.max.or(Some(mark.marks));
            self.text.push(rest.part(mark.said.start, mark.said.end).text, false);
            self.absorb(rest.from(mark.end), false);
        } else {
            self.text.push(rest.text, false);
        }
    }

    /// Takes the rest of a head that names this question again, where its answer stands apart.
    pub(crate) fn absorb_again(&mut self, rest: Passage<'_>) {
        if let Some(note) = standalone(rest.text) {
            self.max = self.max.or(note.whole());
        } else {
            self.absorb(rest, false);
        }
    }

    /// Whether a second head with this text gives this question's answer: it has none yet, and the text
    /// is none of a question, or the question again.
    pub(crate) fn is_answered_by(&self, rest: Passage<'_>) -> bool {
        self.is_unanswered() && !self.text.is_empty() && (!asks(rest.text) || self.says(rest))
    }

    /// Whether a passage only repeats the question.
    fn says(&self, passage: Passage<'_>) -> bool {
        let end = trailing(passage.text).map_or(passage.text.len(), |(_, at)| at);
        let said = passage.text[..end].trim();
        !said.is_empty() && said == self.text.as_str()
    }

    /// Takes one line.
    pub(crate) fn absorb_line(&mut self, line: &Line<'_>) {
        self.extend_span(line.passage);
        self.absorb(line.passage, line.is_item());
    }

    /// Takes one line of a table's cell; in a rubric each is a point.
    pub(crate) fn absorb_cell_line(&mut self, passage: Passage<'_>) {
        self.extend_span(passage);
        self.absorb(passage, self.section == Section::Rubric);
    }

    pub(crate) fn extend_span(&mut self, passage: Passage<'_>) {
        if !self.left {
            self.span.end = self.span.end.max(passage.span().end);
        }
    }

    fn absorb(&mut self, passage: Passage<'_>, is_item: bool) {
        if passage.is_empty() || self.answered_apart && self.says(passage) {
            return;
        }
        if let Some(label) = label(passage).filter(|label| self.is_meant(label, is_item))
            && self.enter(&label, passage)
        {
            return;
        }
        if self.section == Section::Marks {
            self.section = self.before_marks;
            match marks_in_cell(passage.text) {
                Some(note) => return self.take_marks(note),
                None => self.section = Section::Rubric,
            }
        }
        if let Some(note) = standalone(passage.text) {
            if note.each.is_some() && !self.text.is_empty() {
                return self.open_rule(passage, AwardRule { each: note.each, max: note.max, any: None });
            }
            return self.take_marks(note);
        }
        match self.section {
            Section::Text | Section::Marks => self.absorb_text(passage, is_item),
            Section::Answer => self.absorb_answer(passage, is_item),
            Section::Rubric => self.absorb_rubric(passage, is_item),
            Section::Notes => self.absorb_note(passage, is_item),
        }
    }

    /// "Allow water to pass [1]" in a rubric is a point; "Accept water" is a note.
    fn is_meant(&self, label: &Label<'_>, is_item: bool) -> bool {
        let earns = trailing(label.rest.text).is_some();
        !(label.verb && !label.colon && earns && (is_item || self.section == Section::Rubric))
    }

    /// Enters the section that a label opens; false where the line is no label after all.
    fn enter(&mut self, label: &Label<'_>, line: Passage<'_>) -> bool {
        if matches!(label.section, Section::Marks | Section::Rubric)
            && let Some(mut note) = marks_in_cell(label.rest.text)
        {
            note.total |= label.words.to_lowercase().contains("total");
            self.take_marks(note);
            return true;
        }
        match label.section {
            Section::Marks if label.rest.is_empty() => {
                self.before_marks = self.section;
                self.section = Section::Marks;
            }
            Section::Marks if label.colon && label.words.to_lowercase().starts_with("mark") => {
                self.section = Section::Rubric;
                self.absorb(label.rest, false);
            }
            Section::Marks => return false,
            Section::Notes if label.verb && !label.rest.is_empty() => self.notes.push(line.text.to_owned()),
            Section::Notes => {
                self.section = Section::Notes;
                self.note_prefix = label.verb.then(|| label.words.to_owned());
                if !label.rest.is_empty() {
                    self.notes.push(label.rest.text.to_owned());
                }
            }
            Section::Rubric => {
                self.section = Section::Rubric;
                let note = label.marks.unwrap_or_default();
                self.groups.push(Group {
                    rule: AwardRule { each: note.each, max: note.max, any: None },
                    header: None,
                });
                self.take_label_marks(label.marks);
                self.absorb(label.rest, false);
            }
            Section::Text | Section::Answer => {
                self.section = label.section;
                self.take_label_marks(label.marks);
                self.absorb(label.rest, false);
            }
        }
        true
    }

    fn take_label_marks(&mut self, note: Option<MarkNote>) {
        if self.max.is_none() {
            self.max = note.and_then(|note| note.whole());
        }
    }

    /// Marks on a line of their own, or in the head.
    pub(crate) fn take_marks(&mut self, note: MarkNote) {
        let open_point = self.points.last_mut().filter(|point| point.marks.is_none());
        if let (Some(point), false, Some(marks)) = (open_point, note.total, note.marks)
            && matches!(self.section, Section::Rubric | Section::Answer)
        {
            point.marks = Some(marks);
            return;
        }
        if let Some(each) = note.each {
            self.open_group_rule().each = Some(each);
        }
        match (note.whole(), self.max) {
            (Some(marks), None) => self.max = Some(marks),
            (Some(marks), Some(max)) if note.total && marks != max => self.outer_total = Some(marks),
            _ => {}
        }
    }

    /// "Score 1 point for each:": the points follow.
    pub(super) fn open_rule(&mut self, stated: Passage<'_>, rule: AwardRule) {
        self.section = Section::Rubric;
        self.groups.push(Group { rule, header: Some((stated.text.to_owned(), stated.span())) });
    }

    fn open_group_rule(&mut self) -> &mut AwardRule {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last].rule
    }

    /// Adds a marking point to the group that is open.
    pub(crate) fn add_point(&mut self, said: Passage<'_>, marks: Option<Marks>, is_item: bool) {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        // A counter of the rubric's own list is no part of the point.
        let counted = parse_head(said.text).filter(|head| {
            head.keyword.is_none() && matches!(head.style, Style::Dot | Style::Parenthesis | Style::Brackets)
        });
        let said = counted.map(|head| said.from(head.rest)).filter(|rest| !rest.is_empty()).unwrap_or(said);
        let text = said.text.trim_end_matches([';', ',']).trim_end();
        if text.is_empty() {
            return;
        }
        self.points.push(Point {
            text: text.to_owned(),
            marks,
            span: said.span(),
            group: self.groups.len() - 1,
            is_item,
        });
    }
}
