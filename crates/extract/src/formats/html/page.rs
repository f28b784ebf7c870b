//! Walks a parsed page and writes what it shows as blocks. Never recurses: pages nest without bound.

use super::table::Table;
use super::tree::{Element, NodeId, Step, Tree};
use super::visibility::{is_hidden, is_navigation, visible_characters};
use crate::blocks::{Blocks, tidy};
use crate::symbols::superscript_run;

/// What a page holds besides its blocks.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) title: Option<String>,
    pub(super) hidden_characters: usize,
    pub(super) deleted_characters: usize,
}

/// Writes what `page` shows to `blocks`.
pub(super) fn read(page: &Tree, blocks: &mut Blocks) -> Found {
    let mut walk = Walk {
        blocks,
        found: Found::default(),
        text: String::new(),
        kind: Kind::Paragraph,
        lists: Vec::new(),
        table: None,
        open_tables: Vec::new(),
        preformatted: 0,
        raised: 0,
    };
    let mut skipped: Option<NodeId> = None;
    for step in page.steps(0) {
        match step {
            Step::Close(id) if skipped == Some(id) => skipped = None,
            _ if skipped.is_some() => {}
            Step::Open(id) => match page.element(id) {
                Some(element) if walk.skips(element) => skipped = Some(id),
                Some(element) => walk.open(element),
                None => walk.push_text(page.nodes[id].text.as_deref().unwrap_or_default()),
            },
            Step::Close(id) => {
                if let Some(element) = page.element(id) {
                    walk.close(element);
                }
            }
        }
    }
    walk.flush();
    walk.found
}

struct Walk<'a> {
    blocks: &'a mut Blocks,
    found: Found,
    /// Inline text of the block so far.
    text: String,
    kind: Kind,
    lists: Vec<List>,
    /// The table that is being read.
    table: Option<Table>,
    /// For each open `table` element, whether it is that table. One inside a cell is lines of the cell,
    /// one for layout is nothing.
    open_tables: Vec<bool>,
    preformatted: usize,
    raised: usize,
}

/// What the block that is being read is.
enum Kind {
    Heading(u8),
    Paragraph,
    Item(Option<String>),
}

/// An open list: how its items are numbered, if they are.
struct List {
    numbering: Option<String>,
    next: i64,
}

impl Walk<'_> {
    /// Whether a node shows nothing; keeps count of what it hides.
    fn skips(&mut self, element: Element<'_>) -> bool {
        match element.name() {
            "title" => {
                let title = tidy(&element.texts().collect::<String>());
                if !title.is_empty() && self.found.title.is_none() {
                    self.found.title = Some(title);
                }
                true
            }
            "script" | "style" | "noscript" | "template" | "nav" | "iframe" | "svg" | "canvas" | "object"
            | "select" | "button" | "audio" | "video" | "annotation" | "rp" => true,
            "del" => {
                self.found.deleted_characters += visible_characters(element);
                true
            }
            _ if is_navigation(element) => true,
            _ if is_hidden(element) => {
                self.found.hidden_characters += visible_characters(element);
                true
            }
            _ => false,
        }
    }

    fn open(&mut self, element: Element<'_>) {
        let name = element.name();
        match name {
            "br" => self.text.push('\n'),
            "sup" => self.raised += 1,
            "pre" => self.preformatted += 1,
            _ => {}
        }
        if !is_block(name) {
            return;
        }
        self.flush();
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.kind = Kind::Heading(name.as_bytes()[1] - b'0');
            }
            "ul" | "menu" | "ol" => self.lists.push(List::new(element)),
            "li" => self.kind = Kind::Item(self.next_marker(element)),
            "table" => self.open_table(element),
            "td" | "th" => {
                if let Some(table) = self.innermost_table() {
                    table.open_cell(name == "th", span(element, "colspan"), span(element, "rowspan"));
                }
            }
            "tr" => {
                if let Some(table) = self.innermost_table() {
                    table.open_row();
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, element: Element<'_>) {
        let name = element.name();
        match name {
            "sup" => self.raised -= 1,
            "pre" => self.preformatted -= 1,
            _ => {}
        }
        if !is_block(name) {
            return;
        }
        self.flush();
        self.kind = Kind::Paragraph;
        match name {
            "ul" | "menu" | "ol" => {
                self.lists.pop();
            }
            "tr" => {
                if let Some(row) = self.innermost_table().and_then(Table::close_row) {
                    self.blocks.table_row(row.table, &row.cells, row.header);
                }
            }
            "table" if self.open_tables.pop() == Some(true) => self.table = None,
            _ => {}
        }
    }

    fn open_table(&mut self, element: Element<'_>) {
        let is_read = self.table.is_none() && !is_layout(element);
        if is_read {
            self.table = Some(Table::new(self.blocks.start_table()));
        }
        self.open_tables.push(is_read);
    }

    /// The table that a row or cell belongs to, if that is the one being read.
    fn innermost_table(&mut self) -> Option<&mut Table> {
        self.table.as_mut().filter(|_| self.open_tables.last() == Some(&true))
    }

    fn push_text(&mut self, text: &str) {
        let text = if self.preformatted > 0 { text.to_owned() } else { text.replace(['\n', '\r'], " ") };
        if self.raised > 0 {
            self.text.push_str(&superscript_run(&text));
        } else {
            self.text.push_str(&text);
        }
    }

    /// Ends the block. Inside a table it becomes lines of the cell.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let kind = std::mem::replace(&mut self.kind, Kind::Paragraph);
        let depth = u8::try_from(self.lists.len().saturating_sub(1)).unwrap_or(u8::MAX);
        if let Some(table) = self.table.as_mut() {
            match kind {
                Kind::Item(marker) => table.push(&format!("{} {text}", marker.as_deref().unwrap_or("-"))),
                Kind::Heading(_) | Kind::Paragraph => table.push(&text),
            }
            return;
        }
        match kind {
            Kind::Heading(level) => self.blocks.heading(level, &text),
            Kind::Paragraph => self.blocks.paragraph(&text),
            Kind::Item(marker) => self.blocks.list_item(depth, marker.as_deref(), &text),
        }
    }

    fn next_marker(&mut self, item: Element<'_>) -> Option<String> {
        let list = self.lists.last_mut()?;
        let numbering = list.numbering.as_ref()?;
        if let Some(value) = item.attribute("value").and_then(|value| value.trim().parse().ok()) {
            list.next = value;
        }
        let number = list.next;
        list.next += 1;
        Some(format!("{}.", crate::numerals::counter(numbering, number)))
    }
}

impl List {
    fn new(element: Element<'_>) -> Self {
        let ordered = element.name() == "ol";
        let start = element.attribute("start").and_then(|start| start.trim().parse().ok());
        Self {
            numbering: ordered.then(|| element.attribute("type").unwrap_or("1").to_owned()),
            next: start.unwrap_or(1),
        }
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "legend"
            | "li"
            | "main"
            | "menu"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
            | "textarea"
    )
}

/// A table of one cell, or one that says so, only arranges the page.
fn is_layout(table: Element<'_>) -> bool {
    let cells = table.elements().filter(|element| matches!(element.name(), "td" | "th")).take(2).count();
    cells <= 1 || matches!(table.attribute("role"), Some("presentation" | "none"))
}

fn span(cell: Element<'_>, attribute: &str) -> usize {
    let span = cell.attribute(attribute).and_then(|span| span.trim().parse().ok());
    span.unwrap_or(1).clamp(1, 100)
}
