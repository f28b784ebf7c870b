//! The text of a paragraph: runs, links, fields, symbols, tracked changes, references to notes.

use super::math;
use super::styles::Styles;
use super::xml::Element;
use crate::symbols::{superscript_run, symbol_font_character};

/// What the inline content of a paragraph yields.
#[derive(Debug, Default)]
pub(super) struct Inline<'a> {
    /// Its text; `\n` where the author broke the line.
    pub(super) text: String,
    /// Contents of text boxes anchored in it, in order.
    pub(super) boxes: Vec<&'a Element>,
    /// Kind (`footnote`, `endnote`) and id of each note referred to, in order.
    pub(super) notes: Vec<(&'static str, String)>,
    /// Characters of hidden text that were left out.
    pub(super) hidden: usize,
    /// Characters of deleted text that were left out.
    pub(super) deleted: usize,
}

/// Reads inline content.
pub(super) struct InlineReader<'s> {
    pub(super) styles: &'s Styles,
    /// Number that the next note gets in the text.
    pub(super) next_note: usize,
}

impl InlineReader<'_> {
    /// Appends the content of `element`, which holds runs or what wraps runs.
    pub(super) fn read<'a>(&mut self, element: &'a Element, inline: &mut Inline<'a>) {
        for child in &element.children {
            match child.name.as_str() {
                "r" => self.run(child, inline),
                "del" | "moveFrom" => inline.deleted += characters(child),
                "oMath" => inline.text.push_str(&math::linear(child)),
                "pPr" | "rPr" | "sdtPr" | "sdtEndPr" | "instrText" => {}
                "AlternateContent" => self.alternative(child, inline),
                // Links, insertions, fields, content controls, smart tags: what they wrap counts.
                _ => self.read(child, inline),
            }
        }
    }

    fn run<'a>(&mut self, run: &'a Element, inline: &mut Inline<'a>) {
        let style_hides = run.value(&["rPr", "rStyle"]).is_some_and(|style| self.styles.hides(style));
        if run.is_on(&["rPr", "vanish"]) || (style_hides && run.descend(&["rPr", "vanish"]).is_none()) {
            inline.hidden += characters(run);
            return;
        }
        let start = inline.text.len();
        for child in &run.children {
            self.run_content(child, inline);
        }
        let raised = run.value(&["rPr", "vertAlign"]) == Some("superscript");
        if raised && run.child("footnoteReference").or(run.child("endnoteReference")).is_none() {
            let text = superscript_run(&inline.text[start..]);
            inline.text.truncate(start);
            inline.text.push_str(&text);
        }
    }

    fn run_content<'a>(&mut self, child: &'a Element, inline: &mut Inline<'a>) {
        match child.name.as_str() {
            "t" => inline.text.push_str(&child.text),
            "tab" | "ptab" => inline.text.push('\t'),
            "br" | "cr" => inline.text.push('\n'),
            "noBreakHyphen" => inline.text.push('-'),
            "sym" => inline.text.extend(symbol(child)),
            "footnoteReference" => self.note("footnote", child, inline),
            "endnoteReference" => self.note("endnote", child, inline),
            "AlternateContent" => self.alternative(child, inline),
            "drawing" | "pict" | "object" => find_boxes(child, &mut inline.boxes),
            "ruby" => {
                if let Some(base) = child.child("rubyBase") {
                    self.read(base, inline);
                }
            }
            _ => {}
        }
    }

    /// A note's number in brackets: its text follows at the end of the document.
    fn note<'a>(&mut self, kind: &'static str, reference: &'a Element, inline: &mut Inline<'a>) {
        if let Some(id) = reference.attribute("id") {
            inline.text.push_str(&format!("[{}]", self.next_note));
            inline.notes.push((kind, id.to_owned()));
            self.next_note += 1;
        }
    }

    /// One content written twice, for new and for old readers: the new one counts, unless it has none.
    fn alternative<'a>(&mut self, element: &'a Element, inline: &mut Inline<'a>) {
        for branch in ["Choice", "Fallback"] {
            let Some(branch) = element.child(branch) else {
                continue;
            };
            let (length, boxes) = (inline.text.len(), inline.boxes.len());
            for child in &branch.children {
                match child.name.as_str() {
                    "r" => self.run(child, inline),
                    _ => self.run_content(child, inline),
                }
            }
            if inline.text.len() > length || inline.boxes.len() > boxes {
                return;
            }
        }
    }
}

/// Text boxes inside a drawing.
fn find_boxes<'a>(element: &'a Element, boxes: &mut Vec<&'a Element>) {
    for child in &element.children {
        match child.name.as_str() {
            "txbxContent" => boxes.push(child),
            "Fallback" => {}
            _ => find_boxes(child, boxes),
        }
    }
}

fn symbol(element: &Element) -> Option<char> {
    let code = u32::from_str_radix(element.attribute("char")?, 16).ok()?;
    symbol_font_character(element.attribute("font").unwrap_or_default(), code)
}

/// Visible characters in all the text of an element, deleted or not.
fn characters(element: &Element) -> usize {
    let own = match element.name.as_str() {
        "t" | "delText" => element.text.chars().filter(|c| !c.is_whitespace()).count(),
        _ => 0,
    };
    own + element.children.iter().map(characters).sum::<usize>()
}
