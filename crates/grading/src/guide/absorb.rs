//! What a line means in each section of a question: text, model answer, marking points, notes.

use super::award::{AwardRule, award_rule};
use super::draft::Draft;
use super::lines::Passage;
use super::marks_notation::{InlineMark, inline, is_level_band, leading, standalone, trailing};
use super::sections::Section;

impl Draft {
    pub(super) fn absorb_text(&mut self, passage: Passage<'_>, is_item: bool) {
        let begun = !self.text.is_empty();
        if begun && !asks(passage.text) && self.split_inline(passage) {
            self.section = Section::Rubric;
            return;
        }
        let is_rule = begun && award_rule(passage.text).is_some();
        if is_rule || begun && leading(passage.text).is_some() {
            self.section = Section::Rubric;
            return self.absorb_rubric(passage, is_item);
        }
        let Some((note, at)) = trailing(passage.text) else {
            let text = if is_item { format!("- {}", passage.text) } else { passage.text.to_owned() };
            return self.text.push(&text, is_item);
        };
        let repeats = self.max.is_some() && note.whole() == self.max && asks(passage.text);
        let statement = !asks(passage.text)
            && (!note.certain || asks(self.text.as_str()) && passage.text.starts_with(char::is_lowercase));
        let earns = is_item || self.max.is_some() || statement;
        if begun && earns && !repeats {
            self.section = Section::Rubric;
            return self.absorb_rubric(passage, is_item);
        }
        self.take_marks(note);
        self.text.push(passage.part(0, at).text, is_item);
    }

    pub(super) fn absorb_answer(&mut self, passage: Passage<'_>, is_item: bool) {
        if is_level_band(passage.text) || leading(passage.text).is_some() || states_rule(passage.text) {
            self.section = Section::Rubric;
            return self.absorb_rubric(passage, is_item);
        }
        if self.split_inline(passage) {
            return;
        }
        let Some((note, at)) = trailing(passage.text) else {
            return self.answer.push(passage.text, is_item);
        };
        let said = passage.part(0, at);
        let is_whole = !is_item && note.certain && (self.max.is_none() || note.whole() == self.max);
        self.answer.push(said.text, is_item || !is_whole);
        match note.marks {
            Some(marks) if !is_whole => self.add_point(said, Some(marks), is_item),
            _ => self.take_marks(note),
        }
    }

    /// "Water moves (1) down the gradient (1)" as points, and its text as part of the model answer.
    fn split_inline(&mut self, passage: Passage<'_>) -> bool {
        let found = inline(passage.text);
        if found.len() < 2 {
            return false;
        }
        const JOINS: [char; 7] = [',', ';', '.', ':', '–', '-', ' '];
        let mut text = String::new();
        let mut end = 0;
        for InlineMark { said, end: after, marks } in found {
            text.push_str(passage.text[said.clone()].trim_end());
            let part = passage.part(said.start, said.end);
            let from = part.text.len() - part.text.trim_start_matches(JOINS).len();
            let to = part.text.trim_end_matches([',', ';', ' ']).len();
            self.add_point(part.part(from, to.max(from)), Some(marks), true);
            end = after;
        }
        text.push_str(&passage.text[end..]);
        if self.section == Section::Answer {
            self.answer.push(text.trim(), false);
        }
        true
    }

    pub(super) fn absorb_rubric(&mut self, passage: Passage<'_>, is_item: bool) {
        if is_level_band(passage.text) {
            self.banded = true;
            return self.notes.push(passage.text.to_owned());
        }
        if states_rule(passage.text) {
            let rule = award_rule(passage.text).unwrap_or_default();
            let noted = trailing(passage.text).and_then(|(note, _)| note.whole());
            return self.open_rule(passage, AwardRule { max: rule.max.or(noted), ..rule });
        }
        if self.split_inline(passage) || !is_item && self.go_on_with_point(passage) {
            return;
        }
        if let Some((note, at)) = leading(passage.text) {
            return self.add_point(passage.from(at), note.whole().or(note.each), is_item);
        }
        if let Some((note, at)) = trailing(passage.text).filter(|&(_, at)| at > 0) {
            // "… [1] each" under no rule of its own.
            return self.add_point(passage.part(0, at), note.whole().or(note.each), is_item);
        }
        if let [InlineMark { said, end, marks }] = inline(passage.text).as_slice() {
            self.add_point(passage.part(said.start, said.end), Some(*marks), is_item);
            let note = passage.from(*end).text.trim_start_matches([',', ';', '.', ' ']);
            if !note.is_empty() {
                self.notes.push(note.to_owned());
            }
            return;
        }
        self.absorb_unmarked_point(passage, is_item);
    }

    /// A wrapped point: "offers a solution within" / "the rules [1]".
    fn go_on_with_point(&mut self, passage: Passage<'_>) -> bool {
        let wraps = self.is_wrapped(passage);
        let Some(point) = self.points.last_mut().filter(|point| wraps && point.marks.is_none()) else {
            return false;
        };
        let (marks, end) =
            trailing(passage.text).map_or((None, passage.text.len()), |(note, at)| (note.whole(), at));
        point.text.push(' ');
        point.text.push_str(&passage.text[..end]);
        point.marks = marks;
        true
    }

    /// Whether a line goes on with the one before. Under "one mark for each" every line is a point.
    fn is_wrapped(&self, passage: Passage<'_>) -> bool {
        let rule = self.points.last().and_then(|point| self.groups.get(point.group)).map(|group| group.rule);
        let listed = rule.is_some_and(|rule| rule.each.is_some() || rule.any.is_some());
        passage.text.starts_with(char::is_lowercase) && !listed
    }

    fn absorb_unmarked_point(&mut self, passage: Passage<'_>, is_item: bool) {
        let wraps = self.is_wrapped(passage);
        let Some(last) = self.points.last_mut().filter(|_| !is_item) else {
            return self.add_point(passage, None, is_item);
        };
        if wraps {
            last.text.push(' ');
            last.text.push_str(passage.text);
        } else if last.is_item && last.marks.is_some() {
            self.notes.push(passage.text.to_owned());
        } else {
            self.add_point(passage, None, is_item);
        }
    }

    pub(super) fn absorb_note(&mut self, passage: Passage<'_>, is_item: bool) {
        let earns = trailing(passage.text).is_some() || leading(passage.text).is_some();
        if earns && is_item && self.note_prefix.is_none() {
            self.section = Section::Rubric;
            return self.absorb_rubric(passage, is_item);
        }
        let note = match &self.note_prefix {
            Some(prefix) => format!("{}: {}", prefix, passage.text),
            None => passage.text.to_owned(),
        };
        self.notes.push(note);
    }
}

/// A line that states a rule over the points that follow, rather than a point.
fn states_rule(text: &str) -> bool {
    award_rule(text).is_some()
        && text
            .split_once(':')
            .is_none_or(|(_, after)| after.trim().is_empty() || standalone(after).is_some())
}

/// Whether a text reads like a question or a task.
pub(crate) fn asks(text: &str) -> bool {
    const COMMANDS: &[&str] = &[
        "explain",
        "describe",
        "state",
        "define",
        "list",
        "name",
        "give",
        "outline",
        "discuss",
        "compare",
        "calculate",
        "identify",
        "suggest",
        "evaluate",
        "justify",
        "write",
        "draw",
        "distinguish",
        "differentiate",
        "mention",
        "analyse",
        "analyze",
        "why",
        "what",
        "how",
        "which",
        "when",
        "who",
        "where",
        "using",
        "complete",
        "label",
        "sketch",
        "prove",
        "show",
        "find",
        "solve",
        "determine",
        "estimate",
        "assess",
        "summarise",
        "summarize",
        "predict",
        "contrast",
        "is",
        "are",
        "does",
        "do",
        "can",
        "use",
        "in",
    ];
    let first: String = text
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .chars()
        .take_while(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect();
    text.contains('?') || COMMANDS.contains(&first.as_str())
}
