//! The markers of numbered paragraphs, counted as Word counts them.

use std::collections::HashMap;

use super::styles::Styles;
use super::xml::Element;
use crate::numerals::{repeated_letter, roman};

const LEVELS: usize = 9;

/// A document's numbering definitions and where their counters stand.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    instances: HashMap<String, Instance>,
    abstracts: HashMap<String, Vec<Level>>,
    /// Counters by abstract numbering: instances of one continue each other.
    counters: HashMap<String, [Option<i64>; LEVELS]>,
    /// Instances whose start overrides have taken effect.
    started: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Instance {
    abstract_id: String,
    overrides: HashMap<usize, i64>,
    levels: HashMap<usize, Level>,
}

#[derive(Debug, Clone)]
struct Level {
    start: i64,
    format: String,
    /// `%1.%2)`: each `%n` stands for the counter of level n.
    text: String,
    /// Numbers of upper levels are shown in digits.
    legal: bool,
    /// The level after which it starts again; `Some(0)` never does.
    restart: Option<usize>,
}

/// What stands before a numbered paragraph.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Bullet,
    Shown(String),
    /// The level is defined to show nothing.
    Nothing,
}

impl Numbering {
    pub(super) fn read(root: &Element, styles: &Styles) -> Self {
        let mut numbering = Self::default();
        for element in root.children_named("num") {
            if let Some(id) = element.attribute("numId") {
                numbering.instances.insert(id.to_owned(), Instance::read(element));
            }
        }
        for element in root.children_named("abstractNum") {
            if let Some(id) = element.attribute("abstractNumId") {
                let levels = element.children_named("lvl").map(Level::read).collect();
                numbering.abstracts.insert(id.to_owned(), levels);
            }
        }
        numbering.follow_style_links(root, styles);
        numbering
    }

    /// A definition may only name the list style that has the levels.
    fn follow_style_links(&mut self, root: &Element, styles: &Styles) {
        for element in root.children_named("abstractNum") {
            let id = element.attribute("abstractNumId");
            let linked = element
                .value(&["numStyleLink"])
                .and_then(|style| styles.number_of(style))
                .and_then(|number| self.instances.get(number))
                .and_then(|instance| self.abstracts.get(&instance.abstract_id))
                .cloned();
            if let (Some(id), Some(levels)) = (id, linked) {
                self.abstracts.insert(id.to_owned(), levels);
            }
        }
    }

    /// The marker of the next paragraph of numbering `id` at `level`, from 0. `None` where there is no
    /// such numbering.
    pub(super) fn next(&mut self, id: &str, level: u8) -> Option<Marker> {
        let at = usize::from(level).min(LEVELS - 1);
        let instance = self.instances.get(id)?.clone();
        let levels = self.levels(&instance)?;
        let this = levels.get(at)?;
        if this.format == "bullet" {
            return Some(Marker::Bullet);
        }
        let counters = self.counters.entry(instance.abstract_id.clone()).or_default();
        if !self.started.iter().any(|started| started == id) {
            self.started.push(id.to_owned());
            // An instance with overrides starts afresh, from its first paragraph on.
            instance.overrides.keys().for_each(|&level| counters[level.min(LEVELS - 1)] = None);
        }
        let start = |level: usize| {
            let defined = levels.get(level).map_or(1, |level| level.start);
            instance.overrides.get(&level).copied().unwrap_or(defined)
        };
        counters[at] = Some(counters[at].map_or_else(|| start(at), |count| count + 1));
        for (upper, counter) in counters.iter_mut().enumerate().take(at) {
            counter.get_or_insert_with(|| start(upper));
        }
        for (lower, counter) in counters.iter_mut().enumerate().skip(at + 1) {
            let restarts = levels.get(lower).and_then(|level| level.restart);
            if restarts.is_none_or(|after| at < after) {
                *counter = None;
            }
        }
        Some(shown(this, &levels, counters))
    }

    fn levels(&self, instance: &Instance) -> Option<Vec<Level>> {
        let mut levels = self.abstracts.get(&instance.abstract_id)?.clone();
        for (&at, level) in &instance.levels {
            if let Some(replaced) = levels.get_mut(at) {
                *replaced = level.clone();
            }
        }
        Some(levels)
    }
}

fn shown(level: &Level, levels: &[Level], counters: &[Option<i64>; LEVELS]) -> Marker {
    if level.format == "none" {
        return Marker::Nothing;
    }
    let mut text = level.text.clone();
    for (at, counter) in counters.iter().enumerate() {
        let (Some(count), Some(definition)) = (counter, levels.get(at)) else {
            continue;
        };
        let format = if level.legal { "decimal" } else { &definition.format };
        text = text.replace(&format!("%{}", at + 1), &count_as(format, *count));
    }
    let text = text.trim();
    if text.is_empty() { Marker::Nothing } else { Marker::Shown(text.to_owned()) }
}

/// A count in one of WordprocessingML's number formats; digits for those of other scripts.
fn count_as(format: &str, count: i64) -> String {
    match format {
        "lowerLetter" => repeated_letter(count).to_lowercase(),
        "upperLetter" => repeated_letter(count),
        "lowerRoman" => roman(count).to_lowercase(),
        "upperRoman" => roman(count),
        "decimalZero" => format!("{count:02}"),
        "ordinal" => format!("{count}{}", ordinal_ending(count)),
        "none" => String::new(),
        _ => count.to_string(),
    }
}

fn ordinal_ending(count: i64) -> &'static str {
    match (count % 10, count % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

impl Instance {
    fn read(element: &Element) -> Self {
        let mut instance = Self {
            abstract_id: element.value(&["abstractNumId"]).unwrap_or_default().to_owned(),
            ..Self::default()
        };
        for change in element.children_named("lvlOverride") {
            let Some(at) = change.attribute("ilvl").and_then(|level| level.parse().ok()) else {
                continue;
            };
            if let Some(start) = change.value(&["startOverride"]).and_then(|start| start.parse().ok()) {
                instance.overrides.insert(at, start);
            }
            if let Some(level) = change.child("lvl") {
                instance.levels.insert(at, Level::read(level));
            }
        }
        instance
    }
}

impl Level {
    fn read(element: &Element) -> Self {
        Self {
            start: element.value(&["start"]).and_then(|start| start.parse().ok()).unwrap_or(1),
            format: element.value(&["numFmt"]).unwrap_or("decimal").to_owned(),
            text: element.value(&["lvlText"]).unwrap_or_default().to_owned(),
            legal: element.is_on(&["isLgl"]),
            restart: element.value(&["lvlRestart"]).and_then(|level| level.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    fn numbering(xml: &str) -> Numbering {
        let root = xml::parse(format!("<w:numbering>{xml}</w:numbering>").as_bytes(), 20).unwrap();
        Numbering::read(&root, &Styles::default())
    }

    fn level(at: u8, format: &str, text: &str) -> String {
        format!(
            "<w:lvl w:ilvl='{at}'><w:start w:val='1'/><w:numFmt w:val='{format}'/><w:lvlText w:val='{text}'/></w:lvl>"
        )
    }

    fn shown(text: &str) -> Option<Marker> {
        Some(Marker::Shown(text.to_owned()))
    }

    #[test]
    fn lower_levels_start_again_and_instances_of_one_definition_continue_each_other() {
        let definition =
            [level(0, "decimal", "Question %1:"), level(1, "lowerLetter", "%1%2)"), level(2, "bullet", "o")]
                .concat();
        let mut numbering = numbering(&format!(
            "<w:abstractNum w:abstractNumId='7'>{definition}</w:abstractNum>\
             <w:num w:numId='1'><w:abstractNumId w:val='7'/></w:num>\
             <w:num w:numId='2'><w:abstractNumId w:val='7'/></w:num>\
             <w:num w:numId='3'><w:abstractNumId w:val='7'/>\
             <w:lvlOverride w:ilvl='0'><w:startOverride w:val='1'/></w:lvlOverride></w:num>"
        ));
        assert_eq!(numbering.next("1", 0), shown("Question 1:"));
        assert_eq!(numbering.next("1", 1), shown("1a)"));
        assert_eq!(numbering.next("1", 1), shown("1b)"));
        assert_eq!(numbering.next("2", 0), shown("Question 2:"));
        assert_eq!(numbering.next("2", 1), shown("2a)"));
        assert_eq!(numbering.next("1", 2), Some(Marker::Bullet));
        assert_eq!(numbering.next("3", 0), shown("Question 1:"));
        assert_eq!(numbering.next("3", 0), shown("Question 2:"));
        assert_eq!(numbering.next("9", 0), None);
    }

    #[test]
    fn counts_follow_their_format() {
        assert_eq!(count_as("upperRoman", 4), "IV");
        assert_eq!(count_as("lowerLetter", 27), "aa");
        assert_eq!(count_as("ordinal", 12), "12th");
        assert_eq!(count_as("decimalZero", 3), "03");
    }
}
