//! Markdown events to blocks.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::blocks::Blocks;
use crate::extraction::Extracted;
use crate::formats::html;

/// Reads a Markdown text.
pub(super) fn read(source: &str) -> Extracted {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        reader.event(event, &source[range]);
    }
    reader.flush();
    Extracted {
        title: reader.stated_title.or(reader.first_heading),
        text: reader.blocks.finish(),
        ..Extracted::default()
    }
}

#[derive(Default)]
struct Reader {
    blocks: Blocks,
    /// Inline text of the block so far.
    text: String,
    /// Number of lists that are open.
    lists: u8,
    /// The item whose first block is still to come, with its marker.
    item: Option<Option<String>>,
    footnote: Option<String>,
    table: Table,
    html: String,
    in_metadata: bool,
    stated_title: Option<String>,
    first_heading: Option<String>,
}

#[derive(Default)]
struct Table {
    number: usize,
    cells: Vec<String>,
    header: bool,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, source: &str) {
        match event {
            Event::Start(tag) => self.start(&tag, source),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_metadata => self.metadata(&text),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text.push_str(&text);
            }
            Event::Html(html) => self.html.push_str(&html),
            Event::InlineHtml(html) => self.inline_html(&html),
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::FootnoteReference(label) => self.text.push_str(&format!("[{label}]")),
            Event::TaskListMarker(done) => self.text.push_str(if done { "[x] " } else { "[ ] " }),
            Event::Rule => self.flush(),
        }
    }

    fn start(&mut self, tag: &Tag<'_>, source: &str) {
        match tag {
            Tag::List(_) => {
                self.flush();
                self.lists = self.lists.saturating_add(1);
            }
            Tag::Item => {
                self.flush();
                self.item = Some(marker(source));
            }
            Tag::FootnoteDefinition(label) => {
                self.flush();
                self.footnote = Some(format!("[{label}] "));
            }
            Tag::Table(_) => {
                self.flush();
                self.table.number = self.blocks.start_table();
            }
            Tag::TableHead => self.table.header = true,
            Tag::MetadataBlock(_) => self.in_metadata = true,
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::CodeBlock(_)
            | Tag::BlockQuote(_)
            | Tag::HtmlBlock => self.flush(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::List(_) => {
                self.flush();
                self.lists = self.lists.saturating_sub(1);
            }
            TagEnd::TableCell => self.table.cells.push(std::mem::take(&mut self.text)),
            TagEnd::TableHead | TagEnd::TableRow => {
                let cells = std::mem::take(&mut self.table.cells);
                self.blocks.table_row(self.table.number, &cells, self.table.header);
                self.table.header = false;
            }
            TagEnd::HtmlBlock => html::read_fragment(&std::mem::take(&mut self.html), &mut self.blocks),
            TagEnd::MetadataBlock(_) => self.in_metadata = false,
            TagEnd::Paragraph
            | TagEnd::Item
            | TagEnd::CodeBlock
            | TagEnd::BlockQuote(_)
            | TagEnd::FootnoteDefinition => self.flush(),
            _ => {}
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        let text = std::mem::take(&mut self.text);
        self.item = None;
        if level == HeadingLevel::H1 && self.first_heading.is_none() {
            self.first_heading = Some(text.clone());
        }
        self.blocks.heading(level as u8, &text);
    }

    /// Ends the block: the first one of a list item is the item.
    fn flush(&mut self) {
        if self.text.trim().is_empty() {
            self.text.clear();
            return;
        }
        let mut text = self.footnote.take().unwrap_or_default();
        text.push_str(&std::mem::take(&mut self.text));
        match self.item.take() {
            Some(marker) => self.blocks.list_item(self.lists.saturating_sub(1), marker.as_deref(), &text),
            None => self.blocks.paragraph(&text),
        }
    }

    fn inline_html(&mut self, html: &str) {
        let tag = html.to_ascii_lowercase();
        if tag.starts_with("<br") {
            self.text.push('\n');
        }
    }

    fn metadata(&mut self, yaml: &str) {
        let title = yaml.lines().find_map(|line| line.strip_prefix("title:"));
        if let Some(title) = title {
            self.stated_title = Some(title.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
}

/// The marker of an ordered item as the source has it; `None` for a bullet.
fn marker(source: &str) -> Option<String> {
    let source = source.trim_start();
    let digits = source.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| source.chars().take(digits + 1).collect())
}

#[cfg(test)]
mod tests {
    use gradus_domain::text::BlockKind;

    use super::*;

    #[test]
    fn structure_survives_and_mark_up_does_not() {
        let source = "---\ntitle: \"Cell biology\"\n---\n# Question 1 (2 marks)\n\nWhat is *osmosis*?\nBe brief.  \nNow.\n\n\
                      1) Water\n   moves\n\n   Second paragraph\n   - through a `membrane`\n\n\
                      | Point | Marks |\n|---|---|\n| Names **water** | 1 |\n\n<!-- note --><div>Shown</div>\n\nSee[^a].\n\n[^a]: Note\n";
        let extracted = read(source);
        assert_eq!(extracted.title.as_deref(), Some("Cell biology"));
        assert_eq!(
            extracted.text.plain,
            "Question 1 (2 marks)\nWhat is osmosis? Be brief.\nNow.\n1) Water moves\nSecond paragraph\n  - through a membrane\n\
             Point\tMarks\nNames water\t1\nShown\nSee[a].\n[a] Note\n"
        );
        assert!(matches!(extracted.text.blocks[6].kind, BlockKind::TableRow { header: true, table: 0, .. }));
        assert_eq!(extracted.text.blocks[0].kind, BlockKind::Heading { level: 1 });
    }
}
