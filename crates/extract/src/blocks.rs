//! Builds a document's blocks under the rules that all formats share.
//!
//! A line break that the author made starts a new block: the first line of a list item or heading is
//! the item or heading, further lines follow as paragraphs. White space runs become one space.

use gradus_domain::text::{BlockKind, StructuredText};

/// The blocks of a document so far.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    text: StructuredText,
    tables: usize,
    page: Option<u32>,
}

impl Blocks {
    /// Blocks from here on start on `page`, from 1.
    pub(crate) fn start_page(&mut self, page: u32) {
        self.page = Some(page);
    }

    pub(crate) fn heading(&mut self, level: u8, text: &str) {
        let level = level.clamp(1, 6);
        self.first_line_is(BlockKind::Heading { level }, text);
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        self.first_line_is(BlockKind::Paragraph, text);
    }

    /// `marker` is `None` for a bullet.
    pub(crate) fn list_item(&mut self, depth: u8, marker: Option<&str>, text: &str) {
        let marker = marker.map(str::to_owned);
        self.first_line_is(BlockKind::ListItem { depth, marker }, text);
    }

    /// The number of a new table, for its rows.
    pub(crate) fn start_table(&mut self) -> usize {
        self.tables += 1;
        self.tables - 1
    }

    /// A row; line breaks inside a cell stay in `cells` and become spaces in the row's text. A row
    /// of empty cells is left out.
    pub(crate) fn table_row(&mut self, table: usize, cells: &[String], header: bool) {
        let cells: Vec<String> = cells.iter().map(|cell| lines(cell).join("\n")).collect();
        if cells.iter().all(String::is_empty) {
            return;
        }
        let text = cells.join("\t").replace('\n', " ");
        let kind = BlockKind::TableRow { table, cells, header };
        self.text.push(kind, &text, self.page);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.blocks.is_empty()
    }

    pub(crate) fn finish(self) -> StructuredText {
        self.text
    }

    fn first_line_is(&mut self, kind: BlockKind, text: &str) {
        let mut lines = lines(text).into_iter();
        if let Some(first) = lines.next() {
            self.text.push(kind, &first, self.page);
        }
        for line in lines {
            self.text.push(BlockKind::Paragraph, &line, self.page);
        }
    }
}

/// The lines of `text` that show something, each with its white space tidied.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.split(['\n', '\u{2028}', '\u{2029}', '\u{0B}', '\u{0C}'])
        .map(tidy)
        .filter(|line| !line.is_empty())
        .collect()
}

/// One space for each run of white space; characters that show nothing are dropped.
pub(crate) fn tidy(line: &str) -> String {
    let mut tidied = String::with_capacity(line.len());
    for character in line.chars() {
        if character.is_whitespace() {
            if !tidied.is_empty() && !tidied.ends_with(' ') {
                tidied.push(' ');
            }
        } else if !is_invisible(character) {
            tidied.push(character);
        }
    }
    tidied.truncate(tidied.trim_end().len());
    tidied
}

/// Zero-width, bidirectional control and soft-hyphen characters, and controls.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_line_break_starts_a_paragraph_after_the_item() {
        let mut blocks = Blocks::default();
        blocks.list_item(0, Some("1."), "Name the\u{A0} organelle.\n\n Answer:\tmito\u{AD}chondrion");
        assert_eq!(blocks.finish().plain, "1. Name the organelle.\nAnswer: mitochondrion\n");
    }

    #[test]
    fn a_rows_text_is_one_line_while_its_cells_keep_theirs() {
        let mut blocks = Blocks::default();
        let table = blocks.start_table();
        blocks.table_row(table, &["a\nb".into(), String::new(), "2".into()], true);
        blocks.table_row(table, &[String::new(), " \n".into()], false);
        let text = blocks.finish();
        assert_eq!(text.plain, "a b\t\t2\n");
        assert!(matches!(&text.blocks[0].kind, BlockKind::TableRow { cells, .. } if cells[0] == "a\nb"));
    }
}
