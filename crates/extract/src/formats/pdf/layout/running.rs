//! Page headers and footers: lines at the edge of pages that repeat, and page numbers.

use std::collections::HashMap;

use super::Item;
use super::lines::Line;
use crate::running_lines::{is_page_number, without_page_number};

/// Share of the page's height, at the top and at the bottom, where running lines stand. The text of a
/// page with the usual margins of an inch or 2.5 cm begins below it.
const EDGE: f64 = 0.085;

/// Removes running lines from `pages`; returns their texts, each once, without those that only number
/// the pages.
pub(super) fn remove(pages: &mut [(u32, Vec<Item>)], heights: &[f64]) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for ((number, items), &height) in pages.iter().zip(heights) {
        for line in items.iter().filter_map(|item| edge_line(item, height)) {
            *counts.entry(without_page_number(&line.text(), *number)).or_default() += 1;
        }
    }
    let needed = (pages.len() / 2).max(2);
    counts.retain(|_, count| *count >= needed);
    let mut removed = Vec::new();
    for ((number, items), &height) in pages.iter_mut().zip(heights) {
        items.retain(|item| {
            let Some(text) = edge_line(item, height).map(Line::text) else {
                return true;
            };
            let key = without_page_number(&text, *number);
            let numbers = is_page_number(&text, Some(*number));
            let repeats = counts.remove(&key).is_some();
            if repeats && !numbers {
                removed.push((key.clone(), text));
            }
            !numbers && !removed.iter().any(|(other, _)| *other == key)
        });
    }
    removed.into_iter().map(|(_, text)| text).collect()
}

fn edge_line(item: &Item, height: f64) -> Option<&Line> {
    match item {
        Item::Line(line) if line.baseline < EDGE * height || line.baseline > (1.0 - EDGE) * height => {
            Some(line)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Word;
    use super::super::lines::build;
    use super::*;

    fn page(number: u32, lines: &[(f64, &str)]) -> (u32, Vec<Item>) {
        let words = lines.iter().map(|&(baseline, text)| Word {
            left: 50.0,
            right: 150.0,
            baseline,
            size: 10.0,
            turn: 0,
            text: text.to_owned(),
        });
        (number, build(words.collect()).into_iter().map(Item::Line).collect())
    }

    #[test]
    fn repeated_edges_and_page_numbers_go_but_questions_at_the_top_stay() {
        let mut pages = vec![
            page(1, &[(40.0, "Biology"), (60.0, "Question 1"), (400.0, "Text"), (800.0, "Paper A, page 1")]),
            page(
                2,
                &[
                    (40.0, "Biology"),
                    (60.0, "Question 2"),
                    (400.0, "Text"),
                    (800.0, "Paper A, page 2"),
                    (820.0, "2"),
                ],
            ),
        ];
        assert_eq!(remove(&mut pages, &[842.0, 842.0]), ["Biology", "Paper A, page 1"]);
        let left: Vec<String> = pages
            .iter()
            .flat_map(|(_, items)| items)
            .filter_map(|item| if let Item::Line(line) = item { Some(line.text()) } else { None })
            .collect();
        assert_eq!(left, ["Question 1", "Text", "Question 2", "Text"]);
    }
}
