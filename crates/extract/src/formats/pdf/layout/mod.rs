//! From words with places to blocks: ruled tables, lines, running lines, aligned tables, paragraphs.
//!
//! Coordinates are points from the page's top left corner. Knows nothing of PDF itself.

mod aligned;
mod grid;
mod hyphens;
mod lines;
mod paragraphs;
mod running;

use crate::extraction::{Extracted, Warning};
use lines::Line;

/// No text column ends further left than this share of the page's width: a line that does was ended by
/// its author.
const LEAST_RIGHT_MARGIN: f64 = 0.65;

/// What a page shows.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// From 1.
    pub(super) number: u32,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) words: Vec<Word>,
    pub(super) rules: Vec<Rule>,
}

/// A word, upright.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) baseline: f64,
    /// Font size.
    pub(super) size: f64,
    /// Quarter turns by which it was turned upright.
    pub(super) turn: u8,
    pub(super) text: String,
}

/// A straight line of a table's frame, or of anything else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub(super) vertical: bool,
    /// Its place on the axis that it crosses.
    pub(super) at: f64,
    /// Its extent along the other axis.
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A piece of a page, in reading order.
#[derive(Debug)]
enum Item {
    Line(Line),
    Table(Vec<Vec<String>>),
}

impl Page {
    pub(super) fn new(number: u32) -> Self {
        Self { number, width: 0.0, height: 0.0, words: Vec::new(), rules: Vec::new() }
    }
}

impl Rule {
    /// The rule between two corners, if it is thin and long enough to be one.
    pub(super) fn new(a: (f64, f64), b: (f64, f64)) -> Option<Self> {
        const THIN: f64 = 2.5;
        const LONG: f64 = 6.0;
        let (width, height) = ((a.0 - b.0).abs(), (a.1 - b.1).abs());
        if width <= THIN && height >= LONG {
            return Some(Self {
                vertical: true,
                at: f64::midpoint(a.0, b.0),
                from: a.1.min(b.1),
                to: a.1.max(b.1),
            });
        }
        (height <= THIN && width >= LONG).then(|| Self {
            vertical: false,
            at: f64::midpoint(a.1, b.1),
            from: a.0.min(b.0),
            to: a.0.max(b.0),
        })
    }
}

/// Lays out `pages`. `warnings` are those met so far.
pub(super) fn blocks(pages: &[Page], warnings: Vec<Warning>) -> Extracted {
    let mut laid_out: Vec<(u32, Vec<Item>)> = pages.iter().map(|page| (page.number, items(page))).collect();
    let heights: Vec<f64> = pages.iter().map(|page| page.height).collect();
    let width = pages.iter().map(|page| page.width).fold(0.0, f64::max);
    let running_lines = running::remove(&mut laid_out, &heights);
    for (_, items) in &mut laid_out {
        aligned::find_tables(items);
    }
    Extracted {
        text: paragraphs::write(&laid_out, LEAST_RIGHT_MARGIN * width),
        running_lines,
        warnings,
        ..Extracted::default()
    }
}

/// The lines and ruled tables of a page, from top to bottom; text in the page's main direction first.
fn items(page: &Page) -> Vec<Item> {
    let mut turns = [0_usize; 4];
    page.words.iter().for_each(|word| turns[usize::from(word.turn % 4)] += word.text.len());
    let mut order: Vec<u8> = (0..4).collect();
    order.sort_by_key(|&turn| std::cmp::Reverse(turns[usize::from(turn)]));
    let mut all = Vec::new();
    for turn in order {
        let words: Vec<Word> = page.words.iter().filter(|word| word.turn == turn).cloned().collect();
        let (tables, words) = if turn == 0 { grid::tables(page, words) } else { (Vec::new(), words) };
        let lines = lines::build(words).into_iter().map(|line| (line.baseline, Item::Line(line)));
        let tables = tables.into_iter().map(|table| (table.top, Item::Table(table.rows)));
        let mut items: Vec<(f64, Item)> = lines.chain(tables).collect();
        items.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.extend(items.into_iter().map(|(_, item)| item));
    }
    all
}
