//! The angles of the rotary embedding for the layers of either sight. The tables grow with what is read,
//! since one for a context of 128k positions would be larger than a small model.

use gradus_kernels::RotaryTable;

use crate::config::{ModelConfig, Sight};

pub(super) struct RotaryTables {
    main: RotaryTable,
    /// Where the model has local layers.
    local: Option<RotaryTable>,
}

impl RotaryTables {
    /// Tables of no positions.
    pub(super) fn empty(config: &ModelConfig) -> Self {
        let empty = || RotaryTable::new(&[], 0);
        Self { main: empty(), local: config.design.local_layers.map(|_| empty()) }
    }

    /// Makes them long enough for sequences of that length.
    pub(super) fn reach(&mut self, config: &ModelConfig, length: usize) {
        if length <= self.main.positions() {
            return;
        }
        let of_sight =
            |sight| RotaryTable::new(&config.rope_inverse_frequencies_of(sight), length.next_power_of_two());
        self.main = of_sight(Sight::Main);
        self.local.iter_mut().for_each(|local| *local = of_sight(Sight::Local));
    }

    pub(super) fn of(&self, sight: Sight) -> &RotaryTable {
        self.local.as_ref().filter(|_| sight == Sight::Local).unwrap_or(&self.main)
    }
}
