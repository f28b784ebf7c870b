//! Footnotes and endnotes, after the body, under the numbers that the body refers to them by.

use super::body::Body;
use super::xml::Element;
use crate::blocks::tidy;

/// Appends the note of each reference, in order. `parts` are the roots of the parts that hold notes, by
/// kind.
pub(super) fn append(
    references: &[(&'static str, String)],
    parts: &[(&str, Option<Element>)],
    body: &mut Body<'_>,
) {
    for (index, (kind, id)) in references.iter().enumerate() {
        let note = parts
            .iter()
            .filter(|(part, _)| part == kind)
            .filter_map(|(_, root)| root.as_ref())
            .flat_map(|root| root.children_named(kind))
            .find(|note| note.attribute("id") == Some(id));
        if let Some(note) = note {
            let text = tidy(&body.lines_of(note).join(" "));
            if !text.is_empty() {
                body.blocks.paragraph(&format!("[{}] {text}", index + 1));
            }
        }
    }
}
