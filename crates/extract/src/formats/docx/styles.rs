//! Paragraph styles: which are headings, which are numbered, which belong to a table of contents.

use std::collections::HashMap;

use super::xml::Element;

/// How many styles deep inheritance is followed.
const MAX_INHERITANCE: usize = 20;

/// The styles of a document by id.
#[derive(Debug, Default)]
pub(super) struct Styles {
    by_id: HashMap<String, Style>,
    default_paragraph: Option<String>,
}

#[derive(Debug, Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    outline_level: Option<u8>,
    number: Option<String>,
    number_level: Option<u8>,
    hidden: bool,
}

/// What a paragraph's style says about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParagraphStyle {
    /// 1 to 6.
    pub(super) heading: Option<u8>,
    pub(super) is_title: bool,
    pub(super) is_contents: bool,
    /// Numbering id and level.
    pub(super) number: Option<(String, u8)>,
}

impl Styles {
    pub(super) fn read(root: &Element) -> Self {
        let mut styles = Self::default();
        for element in root.children_named("style") {
            let Some(id) = element.attribute("styleId") else {
                continue;
            };
            if element.attribute("type") == Some("paragraph")
                && matches!(element.attribute("default"), Some("1" | "true"))
            {
                styles.default_paragraph = Some(id.to_owned());
            }
            styles.by_id.insert(id.to_owned(), Style::read(element));
        }
        styles
    }

    /// What style `id` says, together with the styles it is based on. `None` is the default style.
    pub(super) fn paragraph(&self, id: Option<&str>) -> ParagraphStyle {
        let Some(id) = id.or(self.default_paragraph.as_deref()) else {
            return ParagraphStyle::default();
        };
        let chain = self.chain(id);
        if chain.is_empty() {
            // A document without its style part: the id still is the name without spaces.
            return ParagraphStyle {
                heading: heading_level(id),
                is_title: id.eq_ignore_ascii_case("title"),
                is_contents: is_contents(id),
                number: None,
            };
        }
        let is_title = chain.iter().any(|style| style.name == "title");
        let number = chain.iter().find_map(|style| style.number.clone());
        let level = chain.iter().find_map(|style| style.number_level).unwrap_or(0);
        ParagraphStyle {
            heading: chain.iter().find_map(|style| heading_level(&style.name).or(style.outline_level)),
            is_title,
            is_contents: chain.iter().any(|style| is_contents(&style.name)),
            number: number.filter(|number| number != "0").map(|number| (number, level)),
        }
    }

    /// Whether text in character style `id` is hidden.
    pub(super) fn hides(&self, id: &str) -> bool {
        self.chain(id).iter().any(|style| style.hidden)
    }

    /// The numbering id that style `id` states itself, which is how list styles are referred to.
    pub(super) fn number_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id)?.number.as_deref()
    }

    fn chain(&self, id: &str) -> Vec<&Style> {
        let first = self.by_id.get(id);
        std::iter::successors(first, |style| self.by_id.get(style.based_on.as_deref()?))
            .take(MAX_INHERITANCE)
            .collect()
    }
}

impl Style {
    fn read(element: &Element) -> Self {
        let number = |path: &[&str]| element.value(path).and_then(|value| value.parse::<u8>().ok());
        Self {
            name: element.value(&["name"]).unwrap_or_default().to_lowercase(),
            based_on: element.value(&["basedOn"]).map(str::to_owned),
            outline_level: number(&["pPr", "outlineLvl"]).and_then(outline_heading),
            number: element.value(&["pPr", "numPr", "numId"]).map(str::to_owned),
            number_level: number(&["pPr", "numPr", "ilvl"]),
            hidden: element.is_on(&["rPr", "vanish"]),
        }
    }
}

/// Outline levels count from 0; 9 is body text. Levels beyond 6 read as 6.
pub(super) fn outline_heading(level: u8) -> Option<u8> {
    (level < 9).then(|| (level + 1).min(6))
}

/// The level in a built-in heading's name. Word keeps these names in English whatever its language;
/// other programs translate them.
fn heading_level(name: &str) -> Option<u8> {
    const HEADING: [&str; 16] = [
        "heading",
        "überschrift",
        "berschrift",
        "titre",
        "título",
        "titulo",
        "titolo",
        "kop",
        "rubrik",
        "overskrift",
        "otsikko",
        "nagłówek",
        "nadpis",
        "заголовок",
        "标题",
        "見出し",
    ];
    let name = name.to_lowercase();
    let word = HEADING.iter().find(|word| name.starts_with(**word))?;
    let level: u8 = name[word.len()..].trim().parse().ok()?;
    (1..=9).contains(&level).then(|| level.min(6))
}

/// `TOC 1` and `toc heading`: a table of contents repeats every heading.
fn is_contents(name: &str) -> bool {
    let name = name.to_lowercase();
    let rest = name.strip_prefix("toc").or_else(|| name.strip_prefix("contents"));
    rest.is_some_and(|rest| {
        matches!(rest.trim(), "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "heading")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_in_many_languages_and_words_that_only_start_alike_are_not() {
        for (name, level) in [
            ("heading 2", Some(2)),
            ("Heading1", Some(1)),
            ("Überschrift 3", Some(3)),
            ("berschrift1", Some(1)),
            ("Titre 2", Some(2)),
            ("标题 1", Some(1)),
            ("heading 9", Some(6)),
            ("heading", None),
            ("headings 1", None),
            ("normal", None),
        ] {
            assert_eq!(heading_level(name), level, "{name}");
        }
    }

    #[test]
    fn a_table_of_contents_is_known_by_its_style() {
        assert!(is_contents("toc 1") && is_contents("TOC Heading") && is_contents("Contents 2"));
        assert!(!is_contents("tocilizumab") && !is_contents("contents of the cell"));
    }
}
