//! The body of a document in reading order. Headers and footers are kept apart; comments are never read.

use super::inline::{Inline, InlineReader};
use super::notes;
use super::numbering::{Marker, Numbering};
use super::package::Package;
use super::styles::{ParagraphStyle, Styles, outline_heading};
use super::table;
use super::xml::Element;
use crate::blocks::{Blocks, tidy};
use crate::error::Failure;
use crate::extraction::{Extracted, Warning};
use crate::running_lines::is_page_number;

/// Reads a document.
pub(super) fn read(package: &mut Package<'_>) -> Result<Extracted, Failure> {
    let part = package.main_part();
    let document =
        package.xml(&part)?.ok_or_else(|| Failure::damaged(format!("its part `{part}` is missing")))?;
    let [styles, numbers, footnotes, endnotes] =
        package.related(&part, ["/styles", "/numbering", "/footnotes", "/endnotes"]);
    let mut optional = |name: Option<String>| package.optional_xml(&name?);
    let styles = optional(styles).map(|root| Styles::read(&root)).unwrap_or_default();
    let numbers = optional(numbers).map(|root| Numbering::read(&root, &styles)).unwrap_or_default();
    let notes = [("footnote", optional(footnotes)), ("endnote", optional(endnotes))];
    let stated_title = optional(Some("docProps/core.xml".to_owned()))
        .and_then(|core| core.child("title").map(|title| tidy(&title.text)))
        .filter(|title| !title.is_empty());

    let mut body = Body::new(&styles, numbers);
    if let Some(content) = document.child("body") {
        body.blocks_of(content);
    }
    let references = std::mem::take(&mut body.notes);
    notes::append(&references, &notes, &mut body);
    body.running_lines = running_lines(package, &part, &styles);
    body.finish(stated_title)
}

/// The lines of all headers and footers, each once.
fn running_lines(package: &mut Package<'_>, main_part: &str, styles: &Styles) -> Vec<String> {
    let folder = main_part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut names = package.parts_named(&format!("{folder}/header"));
    names.extend(package.parts_named(&format!("{folder}/footer")));
    let mut all = Vec::new();
    for root in names.iter().filter_map(|name| package.optional_xml(name)) {
        for line in Body::new(styles, Numbering::default()).lines_of(&root) {
            let line = tidy(&line);
            if !line.is_empty() && !is_page_number(&line, None) && !all.contains(&line) {
                all.push(line);
            }
        }
    }
    all
}

/// A document's blocks while they are read.
pub(super) struct Body<'s> {
    pub(super) blocks: Blocks,
    styles: &'s Styles,
    numbering: Numbering,
    inline: InlineReader<'s>,
    notes: Vec<(&'static str, String)>,
    /// Text of paragraphs whose ends are deleted: it runs into the next paragraph.
    carried: String,
    title: Option<String>,
    running_lines: Vec<String>,
    hidden: usize,
    deleted: usize,
}

/// A paragraph as read.
struct Paragraph<'a> {
    text: String,
    style: ParagraphStyle,
    marker: Option<Marker>,
    depth: u8,
    boxes: Vec<&'a Element>,
}

impl<'s> Body<'s> {
    fn new(styles: &'s Styles, numbering: Numbering) -> Self {
        Self {
            blocks: Blocks::default(),
            styles,
            numbering,
            inline: InlineReader { styles, next_note: 1 },
            notes: Vec::new(),
            carried: String::new(),
            title: None,
            running_lines: Vec::new(),
            hidden: 0,
            deleted: 0,
        }
    }

    /// Appends the blocks of `container`: the body, a frame, a text box.
    pub(super) fn blocks_of(&mut self, container: &Element) {
        for child in &container.children {
            match child.name.as_str() {
                "p" => self.paragraph(child),
                "tbl" => table::read(child, self),
                "sdt" if is_contents(child) => {}
                "del" | "moveFrom" | "pPr" | "tcPr" | "sectPr" | "sdtPr" | "sdtEndPr" => {}
                "AlternateContent" => {
                    if let Some(branch) = child.child("Choice").or_else(|| child.child("Fallback")) {
                        self.blocks_of(branch);
                    }
                }
                "oMathPara" => self.math_paragraph(child),
                _ => self.blocks_of(child),
            }
        }
    }

    /// The lines of `container`, which is a table cell or a note.
    pub(super) fn lines_of(&mut self, container: &Element) -> Vec<String> {
        let mut lines = Vec::new();
        for child in &container.children {
            match child.name.as_str() {
                "p" => {
                    if let Some(paragraph) = self.read_paragraph(child) {
                        lines.push(match &paragraph.marker {
                            Some(Marker::Shown(marker)) => format!("{marker} {}", paragraph.text),
                            Some(Marker::Bullet) => format!("- {}", paragraph.text),
                            Some(Marker::Nothing) | None => paragraph.text,
                        });
                        for content in paragraph.boxes {
                            lines.extend(self.lines_of(content));
                        }
                    }
                }
                "tbl" => lines.push(table::nested(child, self)),
                "del" | "moveFrom" | "pPr" | "tcPr" | "sdtPr" | "sdtEndPr" => {}
                _ => lines.extend(self.lines_of(child)),
            }
        }
        lines
    }

    fn paragraph(&mut self, element: &Element) {
        let Some(paragraph) = self.read_paragraph(element) else {
            return;
        };
        if paragraph.style.is_title && self.title.is_none() {
            self.title = Some(tidy(&paragraph.text)).filter(|title| !title.is_empty());
        }
        self.push(&paragraph);
        for content in paragraph.boxes {
            self.blocks_of(content);
        }
    }

    fn push(&mut self, paragraph: &Paragraph<'_>) {
        let text = &paragraph.text;
        match (paragraph.style.heading, &paragraph.marker) {
            (Some(level), Some(Marker::Shown(marker))) => {
                self.blocks.heading(level, &format!("{marker} {text}"))
            }
            (Some(level), _) => self.blocks.heading(level, text),
            (None, Some(Marker::Shown(marker))) => self.blocks.list_item(paragraph.depth, Some(marker), text),
            (None, Some(Marker::Bullet)) => self.blocks.list_item(paragraph.depth, None, text),
            (None, Some(Marker::Nothing) | None) => self.blocks.paragraph(text),
        }
    }

    /// `None` where the paragraph shows nothing by itself: an entry of the table of contents, or one
    /// that runs into the next.
    fn read_paragraph<'a>(&mut self, element: &'a Element) -> Option<Paragraph<'a>> {
        let mut style = self.styles.paragraph(element.value(&["pPr", "pStyle"]));
        if style.is_contents {
            return None;
        }
        let direct = element.value(&["pPr", "outlineLvl"]).and_then(|level| level.parse().ok());
        if let Some(level) = direct {
            style.heading = outline_heading(level);
        }
        if style.is_title {
            style.heading = Some(1);
        }
        let mut inline = Inline { text: std::mem::take(&mut self.carried), ..Inline::default() };
        self.inline.read(element, &mut inline);
        self.hidden += inline.hidden;
        self.deleted += inline.deleted;
        self.notes.append(&mut inline.notes);
        if element.descend(&["pPr", "rPr", "del"]).is_some() {
            self.carried = inline.text;
            return None;
        }
        let (marker, depth) = self.marker(element, &style, &inline.text);
        Some(Paragraph { text: inline.text, style, marker, depth, boxes: inline.boxes })
    }

    /// An empty paragraph shows no marker but counts, as in Word.
    fn marker(&mut self, element: &Element, style: &ParagraphStyle, text: &str) -> (Option<Marker>, u8) {
        let stated = element.descend(&["pPr", "numPr"]);
        let level = stated.and_then(|number| number.value(&["ilvl"])).and_then(|level| level.parse().ok());
        let (id, style_level) = match (stated.and_then(|number| number.value(&["numId"])), &style.number) {
            (Some("0"), _) | (None, None) => return (None, 0),
            (Some(id), _) => (id, 0),
            (None, Some((id, level))) => (id.as_str(), *level),
        };
        let level = level.unwrap_or(style_level);
        let marker = self.numbering.next(id, level);
        (marker.filter(|_| !text.trim().is_empty()), level)
    }

    fn math_paragraph(&mut self, element: &Element) {
        let mut inline = Inline::default();
        self.inline.read(element, &mut inline);
        self.blocks.paragraph(&inline.text);
    }

    fn finish(mut self, stated_title: Option<String>) -> Result<Extracted, Failure> {
        let carried = std::mem::take(&mut self.carried);
        self.blocks.paragraph(&carried);
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
        Ok(Extracted {
            text: self.blocks.finish(),
            title: self.title.or(stated_title),
            pages: None,
            running_lines: self.running_lines,
            warnings,
        })
    }
}

/// A content control that holds a table of contents.
fn is_contents(control: &Element) -> bool {
    control
        .value(&["sdtPr", "docPartObj", "docPartGallery"])
        .is_some_and(|gallery| gallery == "Table of Contents")
}
