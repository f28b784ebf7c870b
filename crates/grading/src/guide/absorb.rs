//! What a line means in each section of a question: text, model answer, marking points, notes.

use super::award::{AwardRule, award_rule};
use super::draft::{Draft, Group};
use super::lines::Passage;
use super::marks_notation::{inline, is_level_band, leading, standalone, trailing};
use super::sections::Section;

impl Draft {
    pub(super) fn absorb_text(&mut self, passage: Passage<'_>, is_item: bool) {
        let begun = !self.text.is_empty();
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
        let mut text = String::new();
        let mut end = 0;
        for (range, marks) in found {
            let part = passage.part(range.start, range.end);
            let said = part
                .text
                .trim_start_matches([',', ';', '.', ':', '–', '-', ' '])
                .trim_end_matches([',', ';', ' ']);
            let skipped =
                part.text.len() - part.text.trim_start_matches([',', ';', '.', ':', '–', '-', ' ']).len();
            self.add_point(part.part(skipped, skipped + said.len()), Some(marks), true);
            text.push_str(passage.text[range.clone()].trim_end());
            end = range.end;
        }
        // The rest after the last mark, without the mark itself.
        let close = passage.text[end..].find([')', ']']).map_or(passage.text.len(), |at| end + at + 1);
        text.push_str(&passage.text[close..]);
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
            self.groups.push(Group {
                rule: AwardRule { max: rule.max.or(noted), ..rule },
                header: Some((passage.text.to_owned(), passage.span())),
            });
            return;
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
        if let [(range, marks)] = inline(passage.text).as_slice() {
            let after = passage.text[range.end..].find([')', ']']).map_or(range.end, |at| range.end + at + 1);
            let said = passage.part(range.start, range.end);
            self.add_point(said, Some(*marks), is_item);
            self.notes.push(passage.from(after).text.trim_start_matches([',', ';', '.', ' ']).to_owned());
            self.notes.retain(|note| !note.is_empty());
            return;
        }
        self.absorb_unmarked_point(passage, is_item);
    }

    /// A wrapped point: "offers a solution within" / "the rules [1]".
    fn go_on_with_point(&mut self, passage: Passage<'_>) -> bool {
        let open = self.points.last_mut().filter(|point| point.marks.is_none());
        let Some(point) = open.filter(|_| passage.text.starts_with(char::is_lowercase)) else {
            return false;
        };
        let (marks, end) =
            trailing(passage.text).map_or((None, passage.text.len()), |(note, at)| (note.whole(), at));
        point.text.push(' ');
        point.text.push_str(&passage.text[..end]);
        point.marks = marks;
        true
    }

    fn absorb_unmarked_point(&mut self, passage: Passage<'_>, is_item: bool) {
        let Some(last) = self.points.last_mut().filter(|_| !is_item) else {
            return self.add_point(passage, None, is_item);
        };
        if passage.text.starts_with(char::is_lowercase) {
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
