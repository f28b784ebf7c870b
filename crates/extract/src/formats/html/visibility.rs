//! What a page does not show, and what is there to move around in it.

use super::tree::Element;

/// Whether an element says that it only navigates.
pub(super) fn is_navigation(element: Element<'_>) -> bool {
    element.attribute("role") == Some("navigation")
}

/// Hidden by attribute or inline style. Style sheets are not evaluated.
pub(super) fn is_hidden(element: Element<'_>) -> bool {
    let style: String =
        element.attribute("style").unwrap_or_default().to_ascii_lowercase().split_whitespace().collect();
    element.attribute("hidden").is_some()
        || element.attribute("aria-hidden") == Some("true")
        || [
            "display:none",
            "visibility:hidden",
            "mso-hide:all",
            "font-size:0;",
            "font-size:0px",
            "opacity:0;",
        ]
        .iter()
        .any(|hiding| style.contains(hiding))
        || ["font-size:0", "opacity:0"].iter().any(|hiding| style.ends_with(hiding))
}

/// How many characters an element would show.
pub(super) fn visible_characters(element: Element<'_>) -> usize {
    element.texts().map(|text| text.chars().filter(|c| !c.is_whitespace()).count()).sum()
}
