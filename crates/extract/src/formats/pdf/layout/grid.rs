//! Tables drawn with lines: words go to the cell that the lines around them enclose.

use super::lines::{self, Line, had_no_room};
use super::{Page, Rule, Word, hyphens};
use crate::markers::split_marker;

/// Rules closer than this, in points, are one: cells draw their edges each for themselves.
const SAME: f64 = 3.0;
/// A vertical rule of more than this share of the page is the page's frame.
const FRAME: f64 = 0.9;

/// A table found on a page.
pub(super) struct GridTable {
    pub(super) top: f64,
    pub(super) rows: Vec<Vec<String>>,
}

/// Takes the words that stand in ruled tables out of `words`.
pub(super) fn tables(page: &Page, mut words: Vec<Word>) -> (Vec<GridTable>, Vec<Word>) {
    let mut tables = Vec::new();
    for grid in grids(page) {
        let (inside, outside): (Vec<Word>, Vec<Word>) =
            words.into_iter().partition(|word| grid.contains(word));
        words = outside;
        let rows = grid.fill(inside);
        if !rows.is_empty() {
            tables.push(GridTable { top: grid.top(), rows });
        }
    }
    (tables, words)
}

/// The lines of one table.
struct Grid {
    verticals: Vec<Rule>,
    horizontals: Vec<Rule>,
    /// Edges of columns, left to right, and of rows, top to bottom.
    columns: Vec<f64>,
    rows: Vec<f64>,
}

fn grids(page: &Page) -> Vec<Grid> {
    let is_frame = |rule: &Rule| rule.to - rule.from > FRAME * page.height;
    let verticals = merged(page.rules.iter().filter(|rule| rule.vertical && !is_frame(rule)));
    let horizontals = merged(page.rules.iter().filter(|rule| !rule.vertical));
    let mut groups: Vec<(f64, f64, Vec<Rule>)> = Vec::new();
    let mut by_top = verticals;
    by_top.sort_by(|a, b| a.from.total_cmp(&b.from));
    for rule in by_top {
        match groups.last_mut().filter(|group| rule.from < group.1 - SAME) {
            Some(group) => {
                group.1 = group.1.max(rule.to);
                group.2.push(rule);
            }
            None => groups.push((rule.from, rule.to, vec![rule])),
        }
    }
    groups
        .into_iter()
        .filter_map(|(top, bottom, verticals)| Grid::new(top, bottom, verticals, &horizontals))
        .collect()
}

/// Joins rules that lie on one line and touch.
fn merged<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<Rule> {
    let mut sorted: Vec<Rule> = rules.copied().collect();
    sorted.sort_by(|a, b| a.at.total_cmp(&b.at).then(a.from.total_cmp(&b.from)));
    let mut merged: Vec<Rule> = Vec::new();
    for rule in sorted {
        let touching = merged
            .iter_mut()
            .rev()
            .take_while(|other| rule.at - other.at <= SAME)
            .find(|other| rule.from <= other.to + SAME && rule.to >= other.from - SAME);
        match touching {
            Some(other) => {
                other.from = other.from.min(rule.from);
                other.to = other.to.max(rule.to);
            }
            None => merged.push(rule),
        }
    }
    merged
}

fn distinct(mut places: Vec<f64>) -> Vec<f64> {
    places.sort_by(f64::total_cmp);
    places.dedup_by(|a, b| *a - *b <= SAME);
    places
}

impl Grid {
    /// `None` for what has fewer than two columns: a frame around text, a line in the margin.
    fn new(top: f64, bottom: f64, verticals: Vec<Rule>, horizontals: &[Rule]) -> Option<Self> {
        let columns = distinct(verticals.iter().map(|rule| rule.at).collect());
        let (&left, &right) = (columns.first()?, columns.last()?);
        let horizontals: Vec<Rule> = horizontals
            .iter()
            .filter(|rule| (top - SAME..=bottom + SAME).contains(&rule.at))
            .filter(|rule| rule.from < right - SAME && rule.to > left + SAME)
            .copied()
            .collect();
        let rows = distinct(horizontals.iter().map(|rule| rule.at).chain([top, bottom]).collect());
        (columns.len() >= 3 && rows.len() >= 2 && !horizontals.is_empty()).then_some(Self {
            verticals,
            horizontals,
            columns,
            rows,
        })
    }

    fn top(&self) -> f64 {
        self.rows[0]
    }

    fn contains(&self, word: &Word) -> bool {
        let (x, y) = middle(word);
        let within = |edges: &[f64], at: f64| edges.first() < Some(&at) && Some(&at) < edges.last();
        within(&self.columns, x) && within(&self.rows, y)
    }

    /// The cells' texts by row; rows without any text are left out.
    fn fill(&self, words: Vec<Word>) -> Vec<Vec<String>> {
        let (row_count, column_count) = (self.rows.len() - 1, self.columns.len() - 1);
        let mut cells: Vec<Vec<Vec<Word>>> = vec![vec![Vec::new(); column_count]; row_count];
        for word in words {
            let (row, column) = self.cell_of(&word);
            cells[row][column].push(word);
        }
        let text = |(column, words): (usize, Vec<Word>)| cell_text(words, self.right_edge(column));
        let rows = cells.into_iter().map(|row| row.into_iter().enumerate().map(text).collect());
        rows.filter(|row: &Vec<String>| row.iter().any(|cell| !cell.is_empty())).collect()
    }

    /// Row and column of the cell that a word stands in. A cell reaches over an edge where no line is
    /// drawn, and belongs to its top left.
    fn cell_of(&self, word: &Word) -> (usize, usize) {
        let (x, y) = middle(word);
        let mut row = index(&self.rows, y);
        let mut column = index(&self.columns, x);
        while column > 0 && !drawn(&self.verticals, self.columns[column], y) {
            column -= 1;
        }
        let x = f64::midpoint(self.columns[column], self.columns[column + 1]);
        while row > 0 && !drawn(&self.horizontals, self.rows[row], x) {
            row -= 1;
        }
        (row, column)
    }

    fn right_edge(&self, column: usize) -> f64 {
        self.columns[column + 1]
    }
}

fn index(edges: &[f64], at: f64) -> usize {
    let passed = edges.iter().filter(|&&edge| edge <= at).count();
    passed.clamp(1, edges.len() - 1) - 1
}

fn drawn(rules: &[Rule], at: f64, along: f64) -> bool {
    rules
        .iter()
        .any(|rule| (rule.at - at).abs() <= SAME && (rule.from - SAME..=rule.to + SAME).contains(&along))
}

/// The middle of a word's lower case letters.
fn middle(word: &Word) -> (f64, f64) {
    (f64::midpoint(word.left, word.right), word.baseline - 0.25 * word.size)
}

/// A cell's text: wrapped lines joined, other lines apart.
fn cell_text(words: Vec<Word>, right_edge: f64) -> String {
    let lines: Vec<Line> = lines::build(words);
    let padding = lines.iter().map(|line| right_edge - line.right).fold(6.0, f64::min).max(0.0);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let next = line.text();
        match index.checked_sub(1).map(|above| &lines[above]) {
            None => text = next,
            Some(above)
                if split_marker(&next).is_none() && had_no_room(above.right, right_edge - padding, line) =>
            {
                hyphens::join(&mut text, &next, &hyphens::Vocabulary::default());
            }
            Some(_) => {
                text.push('\n');
                text.push_str(&next);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(vertical: bool, at: f64, from: f64, to: f64) -> Rule {
        Rule { vertical, at, from, to }
    }

    fn word(left: f64, baseline: f64, text: &str) -> Word {
        Word {
            left,
            right: left + 5.0 * text.len() as f64,
            baseline,
            size: 10.0,
            turn: 0,
            text: text.to_owned(),
        }
    }

    #[test]
    fn words_go_to_the_cells_around_them_and_merged_cells_stay_whole() {
        let mut page = Page::new(1);
        page.height = 800.0;
        page.rules = vec![
            rule(true, 0.0, 0.0, 60.0),
            rule(true, 50.0, 20.0, 60.0),
            rule(true, 100.0, 0.0, 60.0),
            rule(false, 0.0, 0.0, 100.0),
            rule(false, 20.0, 0.0, 100.0),
            rule(false, 40.0, 50.0, 100.0),
            rule(false, 60.0, 0.0, 100.0),
        ];
        let words = vec![
            word(20.0, 15.0, "Over"),
            word(45.0, 15.0, "both"),
            word(5.0, 54.0, "Q1"),
            word(55.0, 34.0, "ATP"),
            word(55.0, 54.0, "2"),
            word(5.0, 80.0, "Below"),
        ];
        let (tables, rest) = tables(&page, words);
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].rows, [["Over both", ""], ["Q1", "ATP"], ["", "2"]]);
        assert_eq!(rest.len(), 1);
    }

    #[test]
    fn a_frame_around_text_is_no_table() {
        let mut page = Page::new(1);
        page.height = 800.0;
        page.rules = vec![
            rule(true, 0.0, 0.0, 60.0),
            rule(true, 100.0, 0.0, 60.0),
            rule(false, 0.0, 0.0, 100.0),
            rule(false, 60.0, 0.0, 100.0),
        ];
        let (tables, rest) = tables(&page, vec![word(20.0, 15.0, "Text")]);
        assert!(tables.is_empty());
        assert_eq!(rest.len(), 1);
    }
}
