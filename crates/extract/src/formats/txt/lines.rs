//! Lines of a plain text to blocks: re-joins hard-wrapped paragraphs, finds list items, tables and
//! underlined headings.

use crate::blocks::Blocks;
use crate::markers::{split_marker, starts_with_label};

/// Reads `text` into `blocks`.
pub(super) fn read(text: &str, blocks: &mut Blocks) {
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    let mut reader = Reader { blocks, wrap_width: wrap_width(&lines), open: None, indents: Vec::new() };
    let mut at = 0;
    while at < lines.len() {
        at += reader.table(&lines[at..]).unwrap_or_else(|| {
            reader.line(lines[at]);
            1
        });
    }
    reader.close();
}

struct Reader<'a> {
    blocks: &'a mut Blocks,
    /// The column that the text is wrapped at, if it is.
    wrap_width: Option<usize>,
    open: Option<Open>,
    /// Indents of the list levels above the current item.
    indents: Vec<usize>,
}

/// A block that may go on in the next line.
struct Open {
    /// Depth and marker of a list item.
    item: Option<(u8, Option<String>)>,
    indent: usize,
    text: String,
    /// Width of its last line, in characters.
    last_width: usize,
    lines: usize,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        let text = line.trim_start();
        let indent =
            line.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum();
        if text.is_empty() {
            self.close();
        } else if let Some(level) = self.underlines(text) {
            if let Some(open) = self.open.take() {
                self.blocks.heading(level, &open.text);
            }
            self.indents.clear();
        } else if is_rule(text) {
            self.close();
        } else if let Some(item) = split_marker(text) {
            self.close();
            let depth = self.depth(indent);
            self.open(Some((depth, item.marker.map(str::to_owned))), indent, item.text, line);
        } else if self.continues(text, indent) {
            self.append(text, line);
        } else {
            self.close();
            if indent == 0 {
                self.indents.clear();
            }
            self.open(None, indent, text, line);
        }
    }

    fn open(&mut self, item: Option<(u8, Option<String>)>, indent: usize, text: &str, line: &str) {
        self.open =
            Some(Open { item, indent, text: text.to_owned(), last_width: line.chars().count(), lines: 1 });
    }

    fn append(&mut self, text: &str, line: &str) {
        if let Some(open) = &mut self.open {
            if !open.text.ends_with('-') {
                open.text.push(' ');
            }
            open.text.push_str(text);
            open.last_width = line.chars().count();
            open.lines += 1;
        }
    }

    fn close(&mut self) {
        match self.open.take() {
            Some(Open { item: Some((depth, marker)), text, .. }) => {
                self.blocks.list_item(depth, marker.as_deref(), &text);
            }
            Some(Open { text, .. }) => self.blocks.paragraph(&text),
            None => {}
        }
    }

    /// Whether a line goes on with the open block: the text of a list item hangs below its first
    /// line, or the text is wrapped and the line's first word had no room in the line above.
    fn continues(&self, text: &str, indent: usize) -> bool {
        let Some(open) = &self.open else {
            return false;
        };
        if open.item.is_some() && indent > open.indent {
            return true;
        }
        let first_word = text.split_whitespace().next().unwrap_or_default();
        let had_no_room =
            self.wrap_width.is_some_and(|width| open.last_width + 1 + first_word.chars().count() > width);
        had_no_room && !starts_with_label(text)
    }

    fn depth(&mut self, indent: usize) -> u8 {
        while self.indents.last().is_some_and(|&above| above > indent) {
            self.indents.pop();
        }
        if self.indents.last() != Some(&indent) {
            self.indents.push(indent);
        }
        u8::try_from(self.indents.len() - 1).unwrap_or(u8::MAX)
    }

    /// The heading level, where `text` underlines the one line above it (`====`, `----`).
    fn underlines(&self, text: &str) -> Option<u8> {
        let open = self.open.as_ref()?;
        let width = text.len();
        let fits = open.last_width.abs_diff(width) <= 2 && width >= 3;
        if open.item.is_some() || open.lines > 1 || !fits {
            return None;
        }
        if text.bytes().all(|b| b == b'=') { Some(1) } else { text.bytes().all(|b| b == b'-').then_some(2) }
    }

    /// Reads the table that `lines` starts with; how many lines it takes.
    fn table(&mut self, lines: &[&str]) -> Option<usize> {
        let width = cells(lines[0])?.len();
        let rows: Vec<Vec<String>> =
            lines.iter().map_while(|line| cells(line).filter(|cells| cells.len() == width)).collect();
        if rows.len() < 2 {
            return None;
        }
        self.close();
        let table = self.blocks.start_table();
        for row in rows.iter().filter(|row| !row.iter().all(|cell| is_dashes(cell))) {
            self.blocks.table_row(table, row, false);
        }
        Some(rows.len())
    }
}

/// The cells of a line that is a table row: separated by tabs, or framed by `|`.
fn cells(line: &str) -> Option<Vec<String>> {
    let framed = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    if let Some(inside) = framed {
        return Some(inside.split('|').map(|cell| cell.trim().to_owned()).collect());
    }
    let is_row = line.trim().contains('\t') && split_marker(line.trim_start()).is_none();
    is_row.then(|| line.split('\t').map(|cell| cell.trim().to_owned()).collect())
}

fn is_dashes(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|b| b"-:=+".contains(&b))
}

/// A line of nothing but one repeated sign, which only divides.
fn is_rule(text: &str) -> bool {
    text.len() >= 3
        && ["-", "=", "_", "*", "~", "#"].iter().any(|sign| text.replace(*sign, "").trim().is_empty())
}

/// The column that `lines` are wrapped at: the longest line, if it is short enough for that and most
/// lines that are followed by another nearly reach it.
fn wrap_width(lines: &[&str]) -> Option<usize> {
    let widths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
    let longest = widths.iter().copied().max().unwrap_or(0);
    if !(50..=100).contains(&longest) {
        return None;
    }
    let followed: Vec<usize> =
        widths.windows(2).filter(|pair| pair[0] > 0 && pair[1] > 0).map(|pair| pair[0]).collect();
    let full = followed.iter().filter(|&&width| width * 10 >= longest * 8).count();
    (full >= 3 && full * 2 >= followed.len()).then_some(longest)
}

#[cfg(test)]
mod tests {
    use gradus_domain::text::BlockKind;

    use super::*;

    fn plain(text: &str) -> String {
        let mut blocks = Blocks::default();
        read(text, &mut blocks);
        blocks.finish().plain
    }

    #[test]
    fn wrapped_paragraphs_are_joined_and_short_lines_are_not() {
        let wrapped = "Cellular respiration releases the energy that is stored in glucose\n\
                       molecules. It takes place in the cytoplasm and in the mitochondria\n\
                       of the cell, where oxygen is the last acceptor of the electrons in\n\
                       the chain.\n\
                       Answer: ATP\n\
                       Student: 7\n";
        assert_eq!(
            plain(wrapped),
            "Cellular respiration releases the energy that is stored in glucose molecules. It takes \
             place in the cytoplasm and in the mitochondria of the cell, where oxygen is the last \
             acceptor of the electrons in the chain.\nAnswer: ATP\nStudent: 7\n"
        );
        let short = "Question 1: Explain how an enzyme lowers the activation energy (3 marks)\nIt binds.\nIt bends.\n";
        assert_eq!(plain(short), short);
    }

    #[test]
    fn nested_items_keep_their_markers_and_their_hanging_lines() {
        let text = "1. Osmosis\n   moves water\n   a) through a membrane\n   - passively\n2. Diffusion\n";
        assert_eq!(
            plain(text),
            "1. Osmosis moves water\n  a) through a membrane\n  - passively\n2. Diffusion\n"
        );
    }

    #[test]
    fn tabs_and_bars_make_tables_and_underlines_make_headings() {
        let mut blocks = Blocks::default();
        read("Marks\n=====\nPoint\tMarks\nNames ATP\t1\n\n| a | b |\n|---|---|\n| c |  |\n", &mut blocks);
        let kinds: Vec<BlockKind> = blocks.finish().blocks.into_iter().map(|block| block.kind).collect();
        assert_eq!(kinds.len(), 5);
        assert_eq!(kinds[0], BlockKind::Heading { level: 1 });
        assert!(
            matches!(&kinds[2], BlockKind::TableRow { table: 0, cells, .. } if cells == &["Names ATP", "1"])
        );
        assert!(matches!(&kinds[4], BlockKind::TableRow { table: 1, cells, .. } if cells == &["c", ""]));
    }
}
