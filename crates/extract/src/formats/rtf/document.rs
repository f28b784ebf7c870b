//! RTF tokens to blocks: a stack of group states, paragraphs, table rows, notes.

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::tokens::{Token, Tokens};
use super::{controls, fonts};
use crate::blocks::{Blocks, lines, tidy};
use crate::error::Failure;
use crate::extraction::{Extracted, Warning};
use crate::limits::Limits;
use crate::running_lines::is_page_number;
use crate::symbols::superscript;

/// Reads a document.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
    let mut document = Document::default();
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        if let Token::Word("bin", Some(length)) = token {
            tokens.skip_bytes(usize::try_from(length).unwrap_or(0));
        } else {
            document.token(token);
        }
        if document.groups.len() > limits.max_depth {
            return Err(Failure::TooDeep { limit: limits.max_depth });
        }
    }
    document.finish()
}

/// Where the text of a group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Destination {
    #[default]
    Body,
    Dropped,
    FontTable,
    StyleSheet,
    Title,
    /// A page header or footer.
    Running,
    /// The marker of a list item, as shown.
    Marker,
    Note,
}

/// What a group inherits from the one around it.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    destination: Destination,
    /// How many fallback characters follow a `\u`.
    fallback: usize,
    font: i32,
    raised: bool,
    hidden: bool,
    deleted: bool,
}

#[derive(Default)]
struct Document {
    blocks: Blocks,
    group: Group,
    groups: Vec<Group>,
    /// A `\*` came: the next control word names an ignorable destination.
    ignorable: bool,
    /// Fallback characters still to be skipped.
    skipping: usize,
    /// Bytes that are not decoded yet, because characters may take several.
    bytes: Vec<u8>,
    high_surrogate: Option<u16>,
    code_page: Option<&'static Encoding>,
    fonts: HashMap<i32, &'static Encoding>,
    style_levels: HashMap<i32, u8>,
    style: i32,
    paragraph: Paragraph,
    row: Row,
    title: String,
    running: String,
    notes: Vec<String>,
    hidden: usize,
    deleted: usize,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    marker: String,
    depth: u8,
    level: Option<u8>,
    in_table: bool,
}

#[derive(Default)]
struct Row {
    table: Option<usize>,
    cells: Vec<String>,
    header: bool,
}

impl Document {
    fn token(&mut self, token: Token<'_>) {
        if let Token::Byte(byte) = token {
            if self.skipping > 0 {
                self.skipping -= 1;
            } else {
                self.bytes.push(byte);
            }
            return;
        }
        self.decode_bytes();
        match token {
            Token::Open => {
                self.skipping = 0;
                self.groups.push(self.group);
            }
            Token::Close => self.close_group(),
            Token::Word(word, number) => self.word(word, number),
            Token::Symbol(sign) => self.symbol(sign),
            Token::Byte(_) => {}
        }
    }

    fn close_group(&mut self) {
        self.skipping = 0;
        self.ignorable = false;
        if let Some(outer) = self.groups.pop() {
            self.group = outer;
        }
    }

    fn symbol(&mut self, sign: u8) {
        match sign {
            b'*' => self.ignorable = true,
            b'~' => self.push('\u{A0}'),
            b'_' => self.push('-'),
            b'\\' | b'{' | b'}' if self.skipping > 0 => self.skipping -= 1,
            b'\\' | b'{' | b'}' => self.push(char::from(sign)),
            b'\t' => self.push('\t'),
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        let ignorable = std::mem::take(&mut self.ignorable);
        if controls::is_dropped(word) || (ignorable && !controls::is_kept(word)) {
            if !(ignorable && word == "pn") {
                self.group.destination = Destination::Dropped;
            }
            return;
        }
        if let Some(character) = controls::character(word) {
            return self.push(character);
        }
        match word {
            "fonttbl" => self.group.destination = Destination::FontTable,
            "stylesheet" => self.group.destination = Destination::StyleSheet,
            "info" => self.group.destination = Destination::Dropped,
            _ if controls::is_running(word) => self.group.destination = Destination::Running,
            "title" => self.group.destination = Destination::Title,
            "listtext" | "pntext" => {
                self.group.destination = Destination::Marker;
                self.paragraph.marker.clear();
            }
            "footnote" => {
                self.push_text(&format!("[{}]", self.notes.len() + 1));
                self.notes.push(String::new());
                self.group.destination = Destination::Note;
            }
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => self.group.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(1),
            _ => {
                self.character_property(word, number);
                self.paragraph_property(word, number);
            }
        }
    }

    fn character_property(&mut self, word: &str, number: Option<i32>) {
        let on = number != Some(0);
        match word {
            "ansicpg" => self.code_page = number.and_then(fonts::of_code_page),
            "mac" => self.code_page = Some(encoding_rs::MACINTOSH),
            "f" => self.group.font = number.unwrap_or(0),
            "fcharset" if self.group.destination == Destination::FontTable => {
                if let Some(encoding) = number.and_then(fonts::of_character_set) {
                    self.fonts.insert(self.group.font, encoding);
                }
            }
            "super" => self.group.raised = on,
            "nosupersub" | "sub" => self.group.raised = false,
            "v" => self.group.hidden = on,
            "deleted" => self.group.deleted = on,
            "rtf" => self.group.fallback = 1,
            "plain" => {
                self.group.raised = false;
                self.group.hidden = false;
                self.group.deleted = false;
            }
            _ => {}
        }
    }

    fn paragraph_property(&mut self, word: &str, number: Option<i32>) {
        if self.group.destination == Destination::StyleSheet {
            match word {
                "s" => self.style = number.unwrap_or(0),
                "outlinelevel" => self.set_style_level(number),
                _ => {}
            }
            return;
        }
        if self.group.destination != Destination::Body {
            if word == "par" {
                self.push('\n');
            }
            return;
        }
        match word {
            "par" | "sect" | "page" => self.end_paragraph(),
            "pard" => {
                let text = std::mem::take(&mut self.paragraph.text);
                self.paragraph = Paragraph {
                    text,
                    marker: std::mem::take(&mut self.paragraph.marker),
                    ..Paragraph::default()
                };
            }
            "s" => self.paragraph.level = self.style_levels.get(&number.unwrap_or(0)).copied(),
            "outlinelevel" => self.paragraph.level = heading_level(number),
            "ilvl" => self.paragraph.depth = u8::try_from(number.unwrap_or(0)).unwrap_or(0),
            "intbl" => self.paragraph.in_table = true,
            "trowd" => self.row.header = false,
            "trhdr" => self.row.header = true,
            "nestcell" | "nestrow" => self.push('\n'),
            "cell" => self.end_cell(),
            "row" => self.end_row(),
            _ => {}
        }
    }

    fn set_style_level(&mut self, number: Option<i32>) {
        if let Some(level) = heading_level(number) {
            self.style_levels.insert(self.style, level);
        }
    }

    fn unicode(&mut self, number: i32) {
        self.skipping = self.group.fallback;
        let unit = number as u16;
        match (self.high_surrogate.take(), unit) {
            (_, 0xD800..=0xDBFF) => self.high_surrogate = Some(unit),
            (Some(high), 0xDC00..=0xDFFF) => {
                let pair = char::decode_utf16([high, unit]).next();
                self.push(pair.and_then(Result::ok).unwrap_or('\u{FFFD}'));
            }
            // Symbol fonts are addressed through the private-use area.
            (_, 0xF020..=0xF0FF) => {
                let symbol = crate::symbols::symbol_font_character("Symbol", u32::from(unit));
                self.push(symbol.unwrap_or('\u{FFFD}'));
            }
            _ => self.push(char::from_u32(u32::from(unit)).unwrap_or('\u{FFFD}')),
        }
    }

    fn decode_bytes(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let encoding = self.fonts.get(&self.group.font).copied().or(self.code_page).unwrap_or(WINDOWS_1252);
        let bytes = std::mem::take(&mut self.bytes);
        let (text, _) = encoding.decode_without_bom_handling(&bytes);
        self.push_text(&text);
    }

    fn push_text(&mut self, text: &str) {
        if self.group.destination == Destination::StyleSheet {
            let name = text.trim().trim_end_matches(';').to_lowercase();
            let level = name.strip_prefix("heading ").and_then(|level| level.parse().ok());
            if let Some(level) = level {
                self.style_levels.insert(self.style, level);
            } else if name == "title" {
                self.style_levels.insert(self.style, 1);
            }
            return;
        }
        text.chars().for_each(|character| self.push(character));
    }

    fn push(&mut self, character: char) {
        let visible = usize::from(!character.is_whitespace());
        if self.group.destination == Destination::Body && self.group.deleted {
            self.deleted += visible;
            return;
        }
        if self.group.destination == Destination::Body && self.group.hidden {
            self.hidden += visible;
            return;
        }
        let character = if self.group.raised { superscript(character) } else { character };
        match self.group.destination {
            Destination::Body => self.paragraph.text.push(character),
            Destination::Title => self.title.push(character),
            Destination::Running => self.running.push(character),
            Destination::Marker => self.paragraph.marker.push(character),
            Destination::Note => {
                if let Some(note) = self.notes.last_mut() {
                    note.push(character);
                }
            }
            Destination::Dropped | Destination::FontTable | Destination::StyleSheet => {}
        }
    }

    fn end_paragraph(&mut self) {
        if self.paragraph.in_table {
            return self.end_cell_line();
        }
        self.row.table = None;
        let text = std::mem::take(&mut self.paragraph.text);
        let marker = tidy(&std::mem::take(&mut self.paragraph.marker));
        match self.paragraph.level {
            Some(level) if marker.is_empty() => self.blocks.heading(level, &text),
            Some(level) => self.blocks.heading(level, &format!("{marker} {text}")),
            None if marker.is_empty() => self.blocks.paragraph(&text),
            None => self.blocks.list_item(self.paragraph.depth, shown_marker(&marker), &text),
        }
    }

    fn end_cell_line(&mut self) {
        let marker = tidy(&std::mem::take(&mut self.paragraph.marker));
        if !marker.is_empty() {
            let text = std::mem::take(&mut self.paragraph.text);
            let start = text.rfind('\n').map_or(0, |at| at + 1);
            let marker = shown_marker(&marker).unwrap_or("-");
            self.paragraph.text = format!("{}{marker} {}", &text[..start], &text[start..]);
        }
        self.paragraph.text.push('\n');
    }

    fn end_cell(&mut self) {
        self.end_cell_line();
        self.row.cells.push(std::mem::take(&mut self.paragraph.text));
    }

    fn end_row(&mut self) {
        let cells = std::mem::take(&mut self.row.cells);
        let table = self.row.table.unwrap_or_else(|| self.blocks.start_table());
        self.row.table = Some(table);
        self.blocks.table_row(table, &cells, self.row.header);
        self.paragraph.in_table = false;
    }

    fn finish(mut self) -> Result<Extracted, Failure> {
        self.decode_bytes();
        if !self.groups.is_empty() {
            return Err(Failure::damaged(format!(
                "it ends in the middle: {} of its groups are never closed",
                self.groups.len()
            )));
        }
        self.paragraph.in_table = false;
        self.end_paragraph();
        for (index, note) in self.notes.iter().enumerate() {
            self.blocks.paragraph(&format!("[{}] {}", index + 1, tidy(note)));
        }
        if self.blocks.is_empty() {
            return Err(Failure::NoText {
                detail: "It may consist of pictures: those must be typed or run through OCR.".to_owned(),
            });
        }
        let mut warnings = Vec::new();
        if self.hidden > 0 {
            warnings.push(Warning::HiddenText { characters: self.hidden });
        }
        if self.deleted > 0 {
            warnings.push(Warning::DeletedText { characters: self.deleted });
        }
        let title = tidy(&self.title);
        Ok(Extracted {
            running_lines: running_lines(&self.running),
            text: self.blocks.finish(),
            title: (!title.is_empty()).then_some(title),
            pages: None,
            warnings,
        })
    }
}

/// The lines of headers and footers, each once, without page numbers.
fn running_lines(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in lines(text) {
        if !is_page_number(&line, None) && !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

/// `\outlinelevel` counts from 0; 9 is body text.
fn heading_level(number: Option<i32>) -> Option<u8> {
    let level = u8::try_from(number?).ok()?;
    (level < 9).then_some(level + 1)
}

/// `None` for a bullet.
fn shown_marker(marker: &str) -> Option<&str> {
    marker.chars().any(char::is_alphanumeric).then_some(marker)
}
