//! A document as trimmed lines that remember where they stand. Every text that the parsers handle is a
//! slice of the plain rendition, so that a span is always right by construction.

use gradus_domain::text::{Block, BlockKind, Span, StructuredText};

/// A slice of the plain rendition and where it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage<'a> {
    pub(crate) text: &'a str,
    pub(crate) start: usize,
    pub(crate) page: Option<u32>,
}

impl<'a> Passage<'a> {
    pub(crate) fn span(&self) -> Span {
        Span { start: self.start, end: self.start + self.text.len() }
    }

    /// The trimmed part from `from` to `to`, in bytes of this passage; empty where that is no part of it.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let text = self.text.get(from..to).unwrap_or("");
        let lead = text.len() - text.trim_start().len();
        Self {
            text: text.trim(),
            start: self.start + from.min(self.text.len()) + if text.is_empty() { 0 } else { lead },
            page: self.page,
        }
    }

    pub(crate) fn from(&self, from: usize) -> Self {
        self.part(from, self.text.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The passage's visible lines.
    pub(crate) fn lines(self) -> impl Iterator<Item = Passage<'a>> {
        let mut from = 0;
        self.text
            .split('\n')
            .map(move |line| {
                let part = self.part(from, from + line.len());
                from += line.len() + 1;
                part
            })
            .filter(|line| !line.is_empty())
    }
}

/// What a line is in the document.
#[derive(Debug, Clone)]
pub(crate) enum Shape<'a> {
    Heading(u8),
    Paragraph,
    Item { marker: Option<&'a str> },
    Row(Row<'a>),
}

/// One row of a table.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) table: usize,
    pub(crate) header: bool,
    pub(crate) cells: Vec<Cell<'a>>,
}

/// One cell: its whole text and its lines (which the row's text joins with spaces).
#[derive(Debug, Clone)]
pub(crate) struct Cell<'a> {
    pub(crate) whole: Passage<'a>,
    pub(crate) lines: Vec<Passage<'a>>,
}

/// One line: a heading, a paragraph's line, a list item or a table row.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    pub(crate) shape: Shape<'a>,
    pub(crate) passage: Passage<'a>,
}

impl Line<'_> {
    pub(crate) fn is_item(&self) -> bool {
        matches!(self.shape, Shape::Item { .. })
    }
}

/// The document's lines in reading order.
pub(crate) fn lines(text: &StructuredText) -> Vec<Line<'_>> {
    let mut all = Vec::with_capacity(text.blocks.len());
    for block in &text.blocks {
        let Some(slice) = text.plain.get(block.span.start..block.span.end) else {
            continue;
        };
        let passage = Passage { text: slice, start: block.span.start, page: block.page };
        push_block(&mut all, block, passage);
    }
    all
}

fn push_block<'a>(all: &mut Vec<Line<'a>>, block: &'a Block, passage: Passage<'a>) {
    if let BlockKind::TableRow { table, cells, header } = &block.kind {
        let row = Row { table: *table, header: *header, cells: locate_cells(passage, cells) };
        all.push(Line { shape: Shape::Row(row), passage });
        return;
    }
    for (index, line) in passage.lines().enumerate() {
        let shape = match &block.kind {
            BlockKind::Heading { level } => Shape::Heading(*level),
            BlockKind::ListItem { marker, .. } if index == 0 => Shape::Item { marker: marker.as_deref() },
            _ => Shape::Paragraph,
        };
        all.push(plain_marks_removed(Line { shape, passage: line }));
    }
}

/// Cells in the row's text, each found after the one before it; what is not there is left out.
fn locate_cells<'a>(row: Passage<'a>, cells: &[String]) -> Vec<Cell<'a>> {
    let mut from = 0;
    let mut found = Vec::with_capacity(cells.len());
    for cell in cells {
        let start = from;
        let mut lines = Vec::new();
        for line in cell.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let rest = row.text.get(from..).unwrap_or("");
            if let Some(at) = rest.find(line) {
                lines.push(row.part(from + at, from + at + line.len()));
                from += at + line.len();
            }
        }
        let first = lines.first().map_or(start, |line| line.start - row.start);
        found.push(Cell { whole: row.part(first, from), lines });
    }
    found
}

/// Plain text shows headings and bullets with characters: `# Title`, `**Title**`, `• point`, `- point`.
fn plain_marks_removed(line: Line<'_>) -> Line<'_> {
    let text = line.passage.text;
    let hashes = text.len() - text.trim_start_matches('#').len();
    if (1..=6).contains(&hashes) && text[hashes..].starts_with(' ') {
        return Line { shape: Shape::Heading(hashes as u8), passage: line.passage.from(hashes) };
    }
    if let Some(inner) = text.strip_prefix("**") {
        let closing = inner.strip_suffix("**").map_or(inner.len(), str::len);
        if closing > 0 {
            return Line { passage: line.passage.part(2, 2 + closing), ..line };
        }
    }
    match bullet_length(text) {
        Some(length) if matches!(line.shape, Shape::Paragraph) => {
            Line { shape: Shape::Item { marker: None }, passage: line.passage.from(length) }
        }
        _ => line,
    }
}

/// Length of a bullet with the space after it, where a text begins with one and goes on.
fn bullet_length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let rest = &text[first.len_utf8()..];
    let is_bullet = match first {
        '•' | '●' | '▪' | '◦' | '‣' | '·' | '\u{f0b7}' => true,
        '-' | '–' | '—' | '*' | '+' => rest.starts_with(char::is_whitespace),
        'o' => rest.starts_with("  ") || rest.starts_with('\t'),
        _ => false,
    };
    (is_bullet && !rest.trim().is_empty()).then(|| text.len() - rest.trim_start().len())
}

/// Page numbers, "turn over" and their like: nothing that a marker needs.
pub(crate) fn is_page_furniture(text: &str) -> bool {
    let lower = text.to_lowercase();
    let lower = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let is_count = |rest: &str| {
        !rest.is_empty()
            && rest
                .split_whitespace()
                .all(|word| word == "of" || word == "/" || word.bytes().all(|b| b.is_ascii_digit()))
    };
    let ends = |what: &str| {
        let rest = lower.strip_prefix("end of ").and_then(|rest| rest.strip_prefix("the ").or(Some(rest)));
        rest.and_then(|rest| rest.strip_prefix(what))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '!']))
    };
    const WHOLES: [&str; 11] = [
        "paper",
        "questions",
        "guide",
        "mark scheme",
        "marking scheme",
        "marking guide",
        "test",
        "exam",
        "examination",
        "question paper",
        "document",
    ];
    lower.strip_prefix("page ").is_some_and(is_count)
        || matches!(lower, "turn over" | "please turn over" | "end" | "blank page")
        || WHOLES.into_iter().any(ends)
        || (lower.ends_with("continued") || lower.ends_with("cont'd")) && lower.len() < 30
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_the_slice_that_its_span_points_at() {
        let mut text = StructuredText::default();
        text.push(BlockKind::Paragraph, "one\n\n  • two \n# three", None);
        let row = BlockKind::TableRow {
            table: 0,
            cells: vec!["".into(), "a\nb".into(), "1".into()],
            header: false,
        };
        text.push(row, "\ta b\t1", Some(2));
        for line in lines(&text) {
            let mut passages = vec![line.passage];
            if let Shape::Row(row) = line.shape {
                assert_eq!(row.cells.iter().map(|c| c.whole.text).collect::<Vec<_>>(), ["", "a b", "1"]);
                passages = row.cells.into_iter().flat_map(|cell| cell.lines).collect();
                assert_eq!(passages.iter().map(|p| p.text).collect::<Vec<_>>(), ["a", "b", "1"]);
            }
            for passage in passages {
                let span = passage.span();
                assert_eq!(&text.plain[span.start..span.end], passage.text);
            }
        }
    }

    #[test]
    fn a_dash_alone_is_not_a_bullet() {
        assert_eq!(bullet_length("-"), None);
        assert_eq!(bullet_length("- x"), Some(2));
        assert_eq!(bullet_length("-5"), None);
    }
}
