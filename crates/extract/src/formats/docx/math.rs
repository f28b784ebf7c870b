//! Formulas (Office Math) on one line: fractions with a slash, powers raised.

use super::xml::Element;
use crate::symbols::superscript_run;

/// A formula as plain text.
pub(super) fn linear(element: &Element) -> String {
    match element.name.as_str() {
        "t" => element.text.clone(),
        "f" => format!("{}/{}", grouped(element, "num"), grouped(element, "den")),
        "sSup" => format!("{}{}", part(element, "e"), raised(&part(element, "sup"))),
        "sSubSup" => {
            format!("{}{}{}", part(element, "e"), part(element, "sub"), raised(&part(element, "sup")))
        }
        "rad" => match part(element, "deg").as_str() {
            "" => format!("√{}", grouped(element, "e")),
            degree => format!("{}√{}", raised(degree), grouped(element, "e")),
        },
        "d" => format!("({})", element.children_named("e").map(linear).collect::<Vec<_>>().join(", ")),
        "rPr" | "fPr" | "sSupPr" | "sSubPr" | "radPr" | "dPr" | "ctrlPr" | "del" => String::new(),
        _ => element.children.iter().map(linear).collect(),
    }
}

fn part(element: &Element, name: &str) -> String {
    element.child(name).map(linear).unwrap_or_default()
}

/// In parentheses where it is more than one term.
fn grouped(element: &Element, name: &str) -> String {
    let text = part(element, name);
    let compound = text.chars().any(|c| !c.is_alphanumeric() && c != '.' && c != ',');
    if compound { format!("({text})") } else { text }
}

fn raised(text: &str) -> String {
    let raised = superscript_run(text);
    if raised == text { format!("^{text}") } else { raised }
}
