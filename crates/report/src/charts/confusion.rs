//! A confusion matrix as a heat map: the shade is the share of the row, the number is the count.

use super::svg::{Anchor, ChartName, Svg};
use super::{LINE_HEIGHT, fitted, text_width};

/// Counts are left out of cells narrower than this; the shade remains.
const NARROWEST_CELL_WITH_COUNT: f64 = 20.0;
const WIDEST_CELL: f64 = 60.0;
/// The widest label, as a share of the drawing's width.
const WIDEST_LABEL: f64 = 0.35;

/// The font size of labels beside the one that widths are reckoned for.
const TICK_SIZE: f64 = 0.85;

/// What the chart shows.
pub(crate) struct ConfusionTable<'a> {
    /// Whose marks the columns are.
    pub(crate) marker: &'a str,
    /// The marks or verdicts; rows and columns alike.
    pub(crate) labels: Vec<String>,
    /// What the labels are. Numbers have a unit, and some may be left out between others; names have none.
    pub(crate) unit: Option<&'static str>,
    /// `counts[teacher's mark][marker's mark]`.
    pub(crate) counts: &'a [Vec<u32>],
}

/// Where the cells are.
struct Grid {
    left: f64,
    top: f64,
    cell: f64,
    /// A label stands at every so many cells.
    label_every: usize,
    /// How far the columns' labels reach down; they read upwards where they do not fit side by side.
    label_height: f64,
    reads_upwards: bool,
}

impl Grid {
    fn of(table: &ConfusionTable<'_>, labels: &[String], width: f64) -> Self {
        let widest = labels.iter().map(|text| text_width(text)).fold(0.0, f64::max);
        let total_width = text_width("9999");
        let left = 26.0 + widest;
        let cell = ((width - left - total_width - 6.0) / labels.len() as f64).min(WIDEST_CELL);
        let reads_upwards = table.unit.is_none() && widest + 4.0 > cell;
        let fitting = ((widest + 4.0) / cell).ceil().max(1.0) as usize;
        Self {
            left,
            top: LINE_HEIGHT + 8.0,
            cell,
            label_every: if reads_upwards { 1 } else { fitting },
            label_height: if reads_upwards { widest * TICK_SIZE + 8.0 } else { LINE_HEIGHT },
            reads_upwards,
        }
    }

    fn row_label_every(&self) -> usize {
        (LINE_HEIGHT / self.cell).ceil().max(1.0) as usize
    }
}

/// Draws the table at that width in SVG units; `None` where it has no labels.
pub(crate) fn confusion_chart(table: &ConfusionTable<'_>, width: f64, name: &ChartName) -> Option<String> {
    let labels: Vec<String> = table.labels.iter().map(|label| fitted(label, width * WIDEST_LABEL)).collect();
    if labels.is_empty() {
        return None;
    }
    let grid = Grid::of(table, &labels, width);
    let mut svg = Svg::new(width);
    for (row, counts) in table.counts.iter().enumerate() {
        draw_row(&mut svg, &grid, row, counts);
    }
    draw_labels(&mut svg, &grid, &labels);
    let titled = |who: &str| match table.unit {
        Some(unit) => format!("{who} ({unit})"),
        None => who.to_owned(),
    };
    let side = grid.cell * labels.len() as f64;
    svg.upward_text("axis-title", Anchor::Middle, (12.0, grid.top + side / 2.0), &titled("Teacher"));
    let bottom = grid.top + side + grid.label_height + LINE_HEIGHT + 4.0;
    let middle = grid.left + side / 2.0;
    svg.text("axis-title", Anchor::Middle, (middle, bottom), &titled(table.marker));
    svg.text("tick", Anchor::Start, (grid.left + side + 8.0, grid.top - 6.0), "all");
    Some(svg.finish(bottom + 8.0, name))
}

fn draw_row(svg: &mut Svg, grid: &Grid, row: usize, counts: &[u32]) {
    let total: u32 = counts.iter().sum();
    let y = grid.top + row as f64 * grid.cell;
    for (column, count) in counts.iter().enumerate() {
        let share = f64::from(*count) / f64::from(total.max(1));
        let x = grid.left + column as f64 * grid.cell;
        svg.shaded_rectangle("cell", (x, y), (grid.cell, grid.cell), share * 0.92);
        let class = match (*count, share > 0.8) {
            (0, _) => "count none",
            (_, true) => "count on-shade",
            _ => "count",
        };
        if grid.cell >= NARROWEST_CELL_WITH_COUNT {
            let at = (x + grid.cell / 2.0, y + grid.cell / 2.0 + 4.0);
            svg.text(class, Anchor::Middle, at, &count.to_string());
        }
        if row == column {
            let inset = (grid.cell - 3.0, grid.cell - 3.0);
            svg.rectangle("same-mark", (x + 1.5, y + 1.5), inset);
        }
    }
    let right = grid.left + counts.len() as f64 * grid.cell + 8.0;
    let at = (right, y + grid.cell / 2.0 + 4.0);
    if row.is_multiple_of(grid.row_label_every()) {
        svg.text("tick", Anchor::Start, at, &total.to_string());
    }
}

fn draw_labels(svg: &mut Svg, grid: &Grid, labels: &[String]) {
    let bottom = grid.top + grid.cell * labels.len() as f64 + LINE_HEIGHT;
    for (index, label) in labels.iter().enumerate() {
        let middle = (index as f64 + 0.5) * grid.cell;
        if index.is_multiple_of(grid.row_label_every()) {
            let at = (grid.left - 6.0, grid.top + middle + 4.0);
            svg.text("tick", Anchor::End, at, label);
        }
        let x = grid.left + middle;
        if grid.reads_upwards {
            svg.upward_text("tick", Anchor::End, (x + 4.0, bottom + 6.0 - LINE_HEIGHT), label);
        } else if index.is_multiple_of(grid.label_every) {
            svg.text("tick", Anchor::Middle, (x, bottom), label);
        }
    }
}
