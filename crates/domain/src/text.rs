//! Text with structure: what extraction produces and what grading reads.

use serde::{Deserialize, Serialize};

/// A half-open range of bytes in [`StructuredText::plain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// What a block of text is in its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; level 1 is the most important.
    Heading {
        /// 1 to 6.
        level: u8,
    },
    /// Running text.
    Paragraph,
    /// One item of a list, without its marker.
    ListItem {
        /// Nesting, from 0.
        depth: u8,
        /// The marker as shown (`1.`, `a)`); `None` for a bullet.
        marker: Option<String>,
    },
    /// One row of a table. The block's text is the cells joined by tabs.
    TableRow {
        /// Which table of the document, from 0.
        table: usize,
        /// The cells' texts, left to right.
        cells: Vec<String>,
        /// Whether the document marks it as a header row.
        header: bool,
    },
}

/// One block of a document: a heading, a paragraph, a list item, a table row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub kind: BlockKind,
    /// Its text, without list markers and without line breaks of the layout.
    pub text: String,
    /// Page it starts on, from 1, where the format has pages.
    pub page: Option<u32>,
    /// Where it stands in the plain rendition.
    pub span: Span,
}

/// A document's text: its blocks in reading order and one plain rendition that spans point into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructuredText {
    /// Blocks in reading order.
    pub blocks: Vec<Block>,
    /// All blocks as plain text, one a line (list markers included).
    pub plain: String,
}

impl StructuredText {
    /// Appends a block and gives it its span. A block without visible text is left out.
    pub fn push(&mut self, kind: BlockKind, text: &str, page: Option<u32>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if let BlockKind::ListItem { depth, marker } = &kind {
            self.plain.push_str(&"  ".repeat(usize::from(*depth)));
            self.plain.push_str(marker.as_deref().unwrap_or("-"));
            self.plain.push(' ');
        }
        let start = self.plain.len();
        self.plain.push_str(text);
        let span = Span { start, end: self.plain.len() };
        self.plain.push('\n');
        self.blocks.push(Block { kind, text: text.to_owned(), page, span });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_points_at_the_blocks_text_in_the_plain_rendition() {
        let mut text = StructuredText::default();
        text.push(BlockKind::Heading { level: 1 }, " Question 1 ", Some(1));
        text.push(BlockKind::Paragraph, "\n", None);
        let item = BlockKind::ListItem { depth: 1, marker: Some("a)".into()) };
        text.push(item, "Names ATP", None);
        assert_eq!(text.plain, "Question 1\n  a) Names ATP\n");
        for block in &text.blocks {
            assert_eq!(text.plain[block.span.start..block.span.end], block.text);
        }
        assert_eq!(text.blocks.len(), 2);
    }
}
