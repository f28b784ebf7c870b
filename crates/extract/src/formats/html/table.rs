//! Rows of a table while its cells are being read, with spans as empty cells so that columns align.

/// A table that is being read.
pub(super) struct Table {
    number: usize,
    cells: Vec<String>,
    headers: usize,
    filled: usize,
    /// For each column, how many of the next rows a cell from above reaches into.
    reaching: Vec<usize>,
}

/// A finished row.
pub(super) struct Row {
    pub(super) table: usize,
    pub(super) cells: Vec<String>,
    /// Whether all its own cells are header cells.
    pub(super) header: bool,
}

impl Table {
    pub(super) fn new(number: usize) -> Self {
        Self { number, cells: Vec::new(), headers: 0, filled: 0, reaching: Vec::new() }
    }

    pub(super) fn open_row(&mut self) {
        self.cells.clear();
        self.headers = 0;
        self.filled = 0;
    }

    pub(super) fn open_cell(&mut self, header: bool, columns: usize, rows: usize) {
        self.skip_reached();
        self.headers += usize::from(header);
        self.filled += 1;
        let first = self.cells.len();
        self.cells.push(String::new());
        for column in first..first + columns {
            if self.reaching.len() <= column {
                self.reaching.resize(column + 1, 0);
            }
            self.reaching[column] = rows;
        }
    }

    /// Adds lines to the open cell.
    pub(super) fn push(&mut self, text: &str) {
        if let Some(cell) = self.cells.last_mut() {
            if !cell.is_empty() {
                cell.push('\n');
            }
            cell.push_str(text.trim());
        }
    }

    pub(super) fn close_row(&mut self) -> Option<Row> {
        self.skip_reached();
        for left in &mut self.reaching {
            *left = left.saturating_sub(1);
        }
        (self.filled > 0).then(|| Row {
            table: self.number,
            cells: std::mem::take(&mut self.cells),
            header: self.headers == self.filled,
        })
    }

    /// Fills the columns that the last cell's span or a cell from above covers.
    fn skip_reached(&mut self) {
        while self.reaching.get(self.cells.len()).is_some_and(|&left| left > 0) {
            self.cells.push(String::new());
        }
    }
}
