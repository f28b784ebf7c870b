//! Lines to headings, paragraphs and list items.

use std::collections::HashMap;

use gradus_domain::text::StructuredText;

use super::Item;
use super::hyphens::{self, Vocabulary};
use super::lines::{Line, had_no_room};
use crate::blocks::Blocks;
use crate::markers::{split_marker, starts_with_label};

/// A line this much larger than the body text is a heading.
const HEADING: f64 = 1.12;
/// A longer text in large type is no heading.
const LONGEST_HEADING: usize = 200;

/// Writes the blocks of all pages. Lines end no further left than `least_right_margin` for want of room.
pub(super) fn write(pages: &[(u32, Vec<Item>)], least_right_margin: f64) -> StructuredText {
    let mut writer = Writer {
        measures: Measures::of(pages, least_right_margin),
        blocks: Blocks::default(),
        open: None,
        indents: Vec::new(),
    };
    for (number, items) in pages {
        writer.start_page(*number);
        for item in items {
            match item {
                Item::Line(line) => writer.line(line, *number),
                Item::Table(rows) => writer.table(rows),
            }
        }
    }
    writer.close();
    writer.blocks.finish()
}

/// What is usual in a document.
struct Measures {
    body_size: f64,
    /// Where lines of running text end at most.
    right_margin: f64,
    /// Distance of lines in a paragraph, as a multiple of the font size.
    leading: f64,
    /// Font sizes of headings, largest first.
    heading_sizes: Vec<f64>,
    vocabulary: Vocabulary,
}

impl Measures {
    fn of(pages: &[(u32, Vec<Item>)], least_right_margin: f64) -> Self {
        let mut letters: HashMap<i64, usize> = HashMap::new();
        let mut vocabulary = Vocabulary::default();
        for line in pages.iter().flat_map(|(_, items)| items).filter_map(line_of) {
            *letters.entry(half_points(line.size)).or_default() += line.text().chars().count();
            vocabulary.add(&line.text());
        }
        let body =
            letters.iter().max_by_key(|(size, count)| (**count, -**size)).map_or(20, |(size, _)| *size);
        let body_size = body as f64 / 2.0;
        let is_heading = |size: i64| size as f64 / 2.0 >= HEADING * body_size;
        let mut heading_sizes: Vec<i64> = letters.into_keys().filter(|&size| is_heading(size)).collect();
        heading_sizes.sort_by_key(|&size| std::cmp::Reverse(size));
        let right_margin = pages
            .iter()
            .flat_map(|(_, items)| items)
            .filter_map(line_of)
            .filter(|line| (line.size - body_size).abs() <= 0.5)
            .map(|line| line.right)
            .fold(least_right_margin, f64::max);
        Self {
            body_size,
            right_margin,
            leading: leading(pages, right_margin),
            heading_sizes: heading_sizes.into_iter().map(|size| size as f64 / 2.0).collect(),
            vocabulary,
        }
    }

    fn heading_level(&self, size: f64) -> Option<u8> {
        if size < HEADING * self.body_size {
            return None;
        }
        let larger = self.heading_sizes.iter().filter(|&&other| other > size + 0.3).count();
        u8::try_from(larger + 1).ok()
    }
}

fn line_of(item: &Item) -> Option<&Line> {
    match item {
        Item::Line(line) => Some(line),
        Item::Table(_) => None,
    }
}

fn half_points(size: f64) -> i64 {
    (size * 2.0).round() as i64
}

/// The usual distance from a full line to the next, as a multiple of the font size.
fn leading(pages: &[(u32, Vec<Item>)], right_margin: f64) -> f64 {
    let mut distances: Vec<f64> = pages
        .iter()
        .flat_map(|(_, items)| items.windows(2))
        .filter_map(|pair| Some((line_of(&pair[0])?, line_of(&pair[1])?)))
        .filter(|(above, line)| had_no_room(above.right, right_margin, line))
        .map(|(above, line)| (line.baseline - above.baseline) / line.size)
        .filter(|distance| (0.8..2.5).contains(distance))
        .collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 3).copied().unwrap_or(1.2)
}

struct Writer {
    measures: Measures,
    blocks: Blocks,
    open: Option<Open>,
    /// Left edges of the list levels above the current item.
    indents: Vec<f64>,
}

/// A block that may go on in the next line.
struct Open {
    kind: Kind,
    text: String,
    left: f64,
    /// Where its text starts: behind the marker, for a list item.
    text_left: Option<f64>,
    last: Line,
    page: u32,
    lines: usize,
}

enum Kind {
    Heading(u8),
    Paragraph,
    Item { depth: u8, marker: Option<String> },
}

impl Writer {
    /// A block that is open belongs to the page that it started on: it is closed under that page's
    /// number before the new one counts, unless the first line of the page continues it.
    fn start_page(&mut self, number: u32) {
        if self.open.is_none() {
            self.blocks.start_page(number);
        }
    }

    fn line(&mut self, line: &Line, page: u32) {
        let text = line.text();
        if let Some(open) =
            self.open.as_mut().filter(|open| continues(open, line, &text, page, &self.measures))
        {
            hyphens::join(&mut open.text, &text, &self.measures.vocabulary);
            open.text_left.get_or_insert(line.left);
            open.last = line.clone();
            open.page = page;
            open.lines += 1;
            return;
        }
        self.close();
        self.blocks.start_page(page);
        let kind = self.kind(line, &text);
        let text = match (&kind, split_marker(&text)) {
            (Kind::Item { .. }, Some(item)) => item.text.to_owned(),
            _ => text,
        };
        self.open =
            Some(Open { kind, text, left: line.left, text_left: None, last: line.clone(), page, lines: 1 });
    }

    fn kind(&mut self, line: &Line, text: &str) -> Kind {
        let level = self.measures.heading_level(line.size);
        if let Some(level) = level.filter(|_| text.chars().any(char::is_alphabetic)) {
            self.indents.clear();
            return Kind::Heading(level);
        }
        match split_marker(text) {
            Some(item) => Kind::Item {
                depth: self.depth(line.left, 0.5 * line.size),
                marker: item.marker.map(str::to_owned),
            },
            None => {
                // A paragraph below the items of a list may belong to one; only one at the margin ends it.
                if self.indents.first().is_some_and(|&first| line.left <= first + 0.5 * line.size) {
                    self.indents.clear();
                }
                Kind::Paragraph
            }
        }
    }

    fn depth(&mut self, left: f64, tolerance: f64) -> u8 {
        while self.indents.last().is_some_and(|&above| above > left + tolerance) {
            self.indents.pop();
        }
        if self.indents.last().is_none_or(|&above| left > above + tolerance) {
            self.indents.push(left);
        }
        u8::try_from(self.indents.len() - 1).unwrap_or(u8::MAX)
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        match open.kind {
            Kind::Heading(level) if open.text.chars().count() <= LONGEST_HEADING => {
                self.blocks.heading(level, &open.text)
            }
            Kind::Heading(_) | Kind::Paragraph => self.blocks.paragraph(&open.text),
            Kind::Item { depth, marker } => self.blocks.list_item(depth, marker.as_deref(), &open.text),
        }
    }

    fn table(&mut self, rows: &[Vec<String>]) {
        self.close();
        self.indents.clear();
        let table = self.blocks.start_table();
        for row in rows {
            self.blocks.table_row(table, row, false);
        }
    }
}

/// Whether `line` goes on with the open block.
fn continues(open: &Open, line: &Line, text: &str, page: u32, measures: &Measures) -> bool {
    let last = &open.last;
    let same_size = (line.size - last.size).abs() <= 0.08 * last.size;
    if !same_size || split_marker(text).is_some() || starts_with_label(text) {
        return false;
    }
    if page != open.page {
        let unfinished = !open.text.ends_with(['.', '?', '!', ':', ';', '”', '"']);
        return unfinished && text.starts_with(char::is_lowercase) && !matches!(open.kind, Kind::Heading(_));
    }
    let distance = (line.baseline - last.baseline) / line.size;
    let near = distance > 0.0 && distance <= measures.leading * 1.2 + 0.05;
    let margin = match open.kind {
        Kind::Heading(_) => measures.right_margin.max(last.right),
        _ => measures.right_margin,
    };
    near && is_aligned(open, line) && had_no_room(last.right, margin, line)
}

/// Whether a line starts where the lines of the open block do: at its left edge, left of an indented
/// first line, or below the text of a list item.
fn is_aligned(open: &Open, line: &Line) -> bool {
    let tolerance = 0.6 * line.size;
    let edge = open.text_left.unwrap_or(open.left);
    let at_edge = (line.left - edge).abs() <= tolerance;
    match open.kind {
        Kind::Item { .. } if open.lines == 1 => {
            line.left >= open.left - tolerance && line.left <= open.left + 5.0 * line.size
        }
        Kind::Paragraph if open.lines == 1 => {
            at_edge || (line.left < open.left && line.left > open.left - 4.0 * line.size)
        }
        Kind::Heading(_) => true,
        Kind::Item { .. } | Kind::Paragraph => at_edge,
    }
}
