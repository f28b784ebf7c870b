//! A confusion matrix as a heat map: the shade is the share of the row, the number is the count.

use gradus_domain::Marks;

use super::svg::{Anchor, ChartName, Svg};
use super::{LINE_HEIGHT, text_width};
use crate::data::{ConfusionPanel, MarkScale};

/// Counts are left out of cells narrower than this; the shade remains.
const NARROWEST_CELL_WITH_COUNT: f64 = 20.0;
const WIDEST_CELL: f64 = 60.0;

/// Where the cells are.
struct Grid {
    left: f64,
    top: f64,
    cell: f64,
    /// A label stands at every so many cells.
    label_every: usize,
}

/// Draws the matrix at that width in SVG units; `None` where it has no marks.
pub(crate) fn confusion_chart(panel: &ConfusionPanel, width: f64, name: &ChartName) -> Option<String> {
    let labels: Vec<String> = panel.matrix.marks.iter().map(|mark| label(*mark, panel.scale)).collect();
    if labels.is_empty() {
        return None;
    }
    let widest = labels.iter().map(|text| text_width(text)).fold(0.0, f64::max);
    let total_width = text_width("9999");
    let left = 26.0 + widest;
    let cell = ((width - left - total_width - 6.0) / labels.len() as f64).min(WIDEST_CELL);
    let grid = Grid {
        left,
        top: LINE_HEIGHT + 8.0,
        cell,
        label_every: ((widest + 4.0) / cell).ceil().max(1.0) as usize,
    };
    let mut svg = Svg::new(width);
    for (row, counts) in panel.matrix.counts.iter().enumerate() {
        draw_row(&mut svg, &grid, row, counts);
    }
    draw_labels(&mut svg, &grid, &labels);
    let unit = match panel.scale {
        MarkScale::Marks => "marks",
        MarkScale::ShareOfMaximum => "% of the maximum",
    };
    let side = cell * labels.len() as f64;
    svg.upward_text("axis-title", (12.0, grid.top + side / 2.0), &format!("Teacher ({unit})"));
    let bottom = grid.top + side + 2.0 * LINE_HEIGHT + 4.0;
    let title = format!("{} ({unit})", panel.marker);
    svg.text("axis-title", Anchor::Middle, (grid.left + side / 2.0, bottom), &title);
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
        if index.is_multiple_of(grid.label_every) {
            svg.text("tick", Anchor::Middle, (grid.left + middle, bottom), label);
        }
    }
}

impl Grid {
    fn row_label_every(&self) -> usize {
        (LINE_HEIGHT / self.cell).ceil().max(1.0) as usize
    }
}

fn label(mark: Marks, scale: MarkScale) -> String {
    match scale {
        MarkScale::Marks => mark.to_string(),
        MarkScale::ShareOfMaximum => format!("{:.0}", mark.as_f64() * 100.0),
    }
}
