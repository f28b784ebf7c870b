//! The walk over a guide's elements: opens questions at their heads and hands each line to the question
//! that it belongs to; what belongs to none is kept as unread.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::elements::{Element, TableRow};
use super::heads::{Head, Keyword, Style, head_of, number_value};
use super::lines::{Line, Passage, Shape, is_page_furniture};
use super::numbering::{Heads, Stretch, path_key, question_heads, section_name};
use super::sections::{Section, label};
use super::subparts::{PartTracker, part_after};
use super::tables::{Column, cells_of, is_total, marks_in_cell, question_number};
use super::unread::Unread;

/// The walk's state.
pub(crate) struct Walk<'a> {
    pub(crate) drafts: Vec<Draft>,
    /// The first draft with each prefix and path.
    positions: BTreeMap<(String, Vec<String>), usize>,
    /// The highest number of a question so far.
    highest: u32,
    pub(crate) unread: Unread,
    current: Option<usize>,
    parts: PartTracker,
    /// Letter of the guide's section and what its lines begin as.
    prefix: String,
    opens_as: Section,
    /// Whether heads carry the word "Question", so that `1a)` below one can only be its part.
    named: bool,
    /// Level of the questions' headings, where they are headings.
    head_level: Option<u8>,
    elements: &'a [Element<'a>],
    title: Option<usize>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(elements: &'a [Element<'a>], title: Option<usize>) -> Self {
        Self {
            drafts: Vec::new(),
            positions: BTreeMap::new(),
            highest: 0,
            unread: Unread::default(),
            current: None,
            parts: PartTracker::default(),
            prefix: String::new(),
            opens_as: Section::Text,
            named: false,
            head_level: None,
            elements,
            title,
        }
    }

    /// Walks over one stretch of the guide.
    pub(crate) fn stretch(&mut self, stretch: &Stretch) {
        let heads = question_heads(self.elements, stretch.range.clone());
        self.named = heads.values().any(|(head, _)| head.style == Style::Keyword);
        self.head_level = heads.keys().find_map(|&at| heading_level(self.elements[at].line()?));
        self.prefix.clone_from(&stretch.prefix);
        self.opens_as = if stretch.answers { Section::Answer } else { Section::Text };
        self.leave();
        let mut at = stretch.range.start;
        while at < stretch.range.end {
            at += self.step(at, &heads);
        }
    }

    /// Takes the element at `at`, and those after it that belong to it; returns how many.
    fn step(&mut self, at: usize, heads: &Heads<'a>) -> usize {
        match &self.elements[at] {
            Element::Line(line) => {
                if self.title != Some(at) {
                    self.line(at, line, heads);
                }
                1
            }
            Element::Unread(passage, reason) => {
                self.unread.push(*passage, reason);
                1
            }
            Element::PointRow(row) => {
                self.point_row(row);
                1
            }
            Element::QuestionRow(row) => self.question_rows(at, row),
        }
    }

    fn line(&mut self, at: usize, line: &Line<'a>, heads: &Heads<'a>) {
        let text = line.passage.text;
        if is_page_furniture(text) {
            return self.unread.push(line.passage, "page number or the like");
        }
        if let Some((head, rest)) = heads.get(&at) {
            let section = match head.keyword {
                Some(Keyword::Answer) => Section::Answer,
                _ => self.opens_as,
            };
            self.parts.new_question(&head.path);
            self.open(head.path.clone(), section, line.passage, *rest);
            return;
        }
        if section_name(text).is_some() && !self.is_part_head(line) {
            self.leave();
            return self.unread.push(line.passage, "title of a section");
        }
        if let Some((path, rest)) = self.part_head(at, line) {
            let section = match self.current.map(|current| self.drafts[current].section) {
                // The parts' texts came first; now, under "Mark scheme", come their answers.
                Some(section) if self.position(&path).is_some() => section,
                _ => self.opens_as,
            };
            return self.open(path, section, line.passage, rest);
        }
        if self.closes(line) {
            self.leave();
        }
        match self.current {
            Some(current) => self.drafts[current].absorb_line(line),
            None => self.unread.push(line.passage, "general guidance"),
        }
    }

    fn is_part_head(&self, line: &Line<'a>) -> bool {
        self.current.is_some() && head_of(line).is_some_and(|(head, _)| !head.is_absolute())
    }

    /// The part of the current question that a line begins.
    fn part_head(&mut self, at: usize, line: &Line<'a>) -> Option<(Vec<String>, Passage<'a>)> {
        let current = &self.drafts[self.current?];
        let (head, rest) = head_of(line)?;
        if head.is_absolute() {
            let goes_on = self.named
                && head.path.len() > 1
                && head.path[0] == current.path[0]
                && path_key(&head.path) > path_key(&current.path);
            return goes_on.then_some((head.path, rest));
        }
        if let Some(path) = self.answered_later(&head, current) {
            return Some((path, rest));
        }
        let path = self.parts.part(&head, at, current)?;
        Some((path, rest))
    }

    /// `(a)` again, after all the parts' texts and a label such as "Mark scheme": the path of the part
    /// that is answered here.
    fn answered_later(&self, head: &Head, current: &Draft) -> Option<Vec<String>> {
        if current.section == Section::Text || current.path.len() < 2 {
            return None;
        }
        let path: Vec<String> = current.path.iter().take(1).chain(&head.path).cloned().collect();
        let draft = &self.drafts[self.position(&path)?];
        if !draft.is_unanswered() || draft.text.is_empty() {
            return None;
        }
        let first = draft.path[1..].iter().all(|part| part == "a" || part == "i");
        let begun_now = std::ptr::eq(draft, current);
        (!begun_now && (first || current.answered_apart)).then_some(path)
    }

    /// A heading that is no label and as high as the questions' headings ends the question before it.
    fn closes(&self, line: &Line<'a>) -> bool {
        let Some(level) = heading_level(line) else {
            return false;
        };
        label(line.passage).is_none() && self.head_level.is_some_and(|questions| level <= questions)
    }

    fn position(&self, path: &[String]) -> Option<usize> {
        self.positions.get(&(self.prefix.clone(), path.to_vec())).copied()
    }

    /// Opens a question, or goes on with one whose answer stands apart from its text.
    fn open(&mut self, path: Vec<String>, section: Section, head: Passage<'a>, rest: Passage<'a>) {
        self.leave();
        self.unread.interrupt();
        let known = self
            .position(&path)
            .filter(|&at| section != Section::Text || self.drafts[at].is_answered_by(rest));
        let at = known.unwrap_or_else(|| self.add(path, head));
        self.current = Some(at);
        let draft = &mut self.drafts[at];
        if known.is_some() {
            draft.answered_apart = true;
            draft.section = if section == Section::Text { Section::Answer } else { section };
            draft.absorb_again(rest);
        } else {
            draft.section = section;
            draft.absorb_head(rest);
        }
    }

    fn add(&mut self, path: Vec<String>, head: Passage<'a>) -> usize {
        let at = self.drafts.len();
        self.highest = self.highest.max(number_value(&path[0]).unwrap_or(0));
        self.positions.entry((self.prefix.clone(), path.clone())).or_insert(at);
        self.drafts.push(Draft::new(&self.prefix, path, head));
        at
    }

    fn leave(&mut self) {
        if let Some(current) = self.current.take() {
            self.drafts[current].left = true;
        }
    }

    fn point_row(&mut self, table: &TableRow<'a>) {
        let Some(current) = self.current else {
            return self.unread.push(table.passage, "a table outside any question");
        };
        let draft = &mut self.drafts[current];
        draft.extend_span(table.passage);
        take_point_row(draft, table);
    }

    /// A row that is a question, with the rows below that go on with it; returns how many.
    fn question_rows(&mut self, at: usize, first: &TableRow<'a>) -> usize {
        let Some((path, rest)) = self.row_path(first) else {
            self.unread.push(first.passage, "a table row that belongs to no question");
            return 1;
        };
        let further = self.elements[at + 1..].iter().map_while(|element| match element {
            Element::QuestionRow(row) if continues(row, first) => Some(row),
            _ => None,
        });
        let rows: Vec<&TableRow<'a>> = [first].into_iter().chain(further).collect();
        self.open(path, self.opens_as, first.passage, rest);
        if let Some(current) = self.current {
            take_question_rows(&mut self.drafts[current], &rows);
        }
        rows.len()
    }

    /// The path of a row's question and its text in the number's cell.
    fn row_path(&self, table: &TableRow<'a>) -> Option<(Vec<String>, Passage<'a>)> {
        let first = table.row.cells.iter().find(|cell| !cell.lines.is_empty())?;
        if is_total(first.whole.text) {
            return None;
        }
        if let Some(cell) = cells_of(&table.row, &table.columns, Column::Number).first() {
            let (path, rest) = question_number(cell.whole.text)?;
            let rest = cell.whole.from(rest);
            let path = match self.current.or(self.drafts.len().checked_sub(1)) {
                Some(current) if number_value(&path[0]).is_none() => {
                    part_after(&self.drafts[current].path, &path)
                }
                _ => path,
            };
            return number_value(&path[0]).map(|_| (path, rest));
        }
        let question = *cells_of(&table.row, &table.columns, Column::Question).first()?;
        let next = self.highest + 1;
        Some((vec![next.to_string()], question.whole.part(0, 0)))
    }
}

fn heading_level(line: &Line<'_>) -> Option<u8> {
    match line.shape {
        Shape::Heading(level) => Some(level),
        _ => None,
    }
}

/// Whether a row goes on with the question of `first`: no number or the same (a merged cell), no text.
fn continues(row: &TableRow<'_>, first: &TableRow<'_>) -> bool {
    if row.row.table != first.row.table {
        return false;
    }
    let text = |table: &TableRow<'_>, column| {
        cells_of(&table.row, &table.columns, column).first().map(|cell| cell.whole.text.to_owned())
    };
    [Column::Number, Column::Question].into_iter().all(|column| {
        let own = text(row, column);
        own.is_none() || own == text(first, column)
    })
}

/// The rows of one question. With one row its marks are the question's; with several, each row's marks
/// belong to what the row says.
fn take_question_rows(draft: &mut Draft, rows: &[&TableRow<'_>]) {
    let (first, further) = match rows {
        [first, further @ ..] => (*first, further),
        [] => return,
    };
    for line in
        cells_of(&first.row, &first.columns, Column::Question).into_iter().flat_map(|cell| &cell.lines)
    {
        draft.absorb_cell_line(*line);
    }
    let marks_below = further
        .iter()
        .any(|row| !cells_of(&row.row, &row.columns, Column::Marks).is_empty() && row_total(row).is_none());
    for row in rows {
        draft.extend_span(row.passage);
        if marks_below {
            take_point_row(draft, row);
            continue;
        }
        if let Some(total) = row_total(row) {
            draft.take_marks(total);
            continue;
        }
        take_whole_row(draft, row);
    }
}

/// Marks of a row that sums up the rows above it.
fn row_total(row: &TableRow<'_>) -> Option<super::marks_notation::MarkNote> {
    let first = row.row.cells.iter().find(|cell| !cell.lines.is_empty())?;
    let last = row.row.cells.iter().rev().find(|cell| !cell.lines.is_empty())?;
    let mut note = is_total(first.whole.text).then(|| marks_in_cell(last.whole.text)).flatten()?;
    note.total = true;
    Some(note)
}

fn take_whole_row(draft: &mut Draft, row: &TableRow<'_>) {
    let marks: Vec<_> = cells_of(&row.row, &row.columns, Column::Marks)
        .into_iter()
        .flat_map(|cell| &cell.lines)
        .filter_map(|line| marks_in_cell(line.text))
        .collect();
    let said: Vec<(Section, Passage<'_>)> =
        [(Column::Answer, Section::Answer), (Column::Points, Section::Rubric)]
            .into_iter()
            .flat_map(|(column, section)| {
                let cells = cells_of(&row.row, &row.columns, column);
                cells.into_iter().flat_map(|cell| &cell.lines).map(move |line| (section, *line))
            })
            .collect();
    // As many marks as lines: each line has its own.
    if marks.len() > 1 && marks.len() == said.len() {
        for ((_, line), note) in said.iter().zip(&marks) {
            draft.add_point(*line, note.whole(), true);
        }
    } else {
        if let Some(sum) = marks.iter().map(|note| note.whole()).sum::<Option<gradus_domain::Marks>>()
            && !marks.is_empty()
        {
            draft.max = draft.max.or(Some(sum));
        }
        let mut column = None;
        for (section, line) in said {
            if column.replace(section) != Some(section) {
                draft.section = section;
            }
            draft.absorb_cell_line(without_bullet(line));
        }
    }
    take_notes(draft, row);
}

/// "• names ATP" in a cell: cells have no list items.
fn without_bullet(line: Passage<'_>) -> Passage<'_> {
    let text = line.text.trim_start_matches(['•', '·', '●', '▪']);
    let text = text.strip_prefix("- ").or_else(|| text.strip_prefix("– ")).unwrap_or(text);
    line.from(line.text.len() - text.len())
}

/// A row that is one point: what it says and its marks.
fn take_point_row(draft: &mut Draft, row: &TableRow<'_>) {
    if let Some(total) = row_total(row) {
        return draft.take_marks(total);
    }
    let note = cells_of(&row.row, &row.columns, Column::Marks)
        .first()
        .and_then(|cell| marks_in_cell(cell.whole.text));
    let said: Vec<Passage<'_>> = [Column::Points, Column::Answer]
        .into_iter()
        .flat_map(|column| cells_of(&row.row, &row.columns, column))
        .map(|cell| without_bullet(cell.whole))
        .collect();
    draft.section = Section::Rubric;
    match (note.and_then(|note| note.whole().or(note.each)), said.as_slice()) {
        (Some(marks), [said, ..]) => draft.add_point(*said, Some(marks), true),
        (None, lines) => lines.iter().for_each(|line| draft.absorb_cell_line(*line)),
        (Some(_), []) => {}
    }
    take_notes(draft, row);
}

fn take_notes(draft: &mut Draft, row: &TableRow<'_>) {
    for cell in cells_of(&row.row, &row.columns, Column::Notes) {
        draft.notes.extend(cell.lines.iter().map(|line| without_bullet(*line).text.to_owned()));
    }
}
