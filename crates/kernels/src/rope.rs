//! Rotary position embedding (Su et al. 2021) in the rotate-half layout of Hugging Face models.

use rayon::prelude::*;

use crate::simd::vectorised;

/// Cosines and sines for every position and frequency.
#[derive(Debug, Clone)]
pub struct RotaryTable {
    half: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

/// Rows that one task handles.
const ROWS: usize = 32;

impl RotaryTable {
    /// A table of positions `0..positions` for the given angular frequencies (one for each pair of a
    /// head's dimensions, in radians a position).
    pub fn new(frequencies: &[f32], positions: usize) -> Self {
        let angles = (0..positions).flat_map(|position| frequencies.iter().map(move |f| position as f32 * f));
        let (cosines, sines) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        Self { half: frequencies.len(), cosines, sines }
    }

    /// Number of positions it covers.
    pub fn positions(&self) -> usize {
        self.cosines.len().checked_div(self.half).unwrap_or(0)
    }

    /// Rotates every head of every row (`positions.len()` rows of `width`) in place.
    pub fn rotate(&self, rows: &mut [f32], width: usize, positions: &[u32]) {
        self.apply(rows, width, positions, 1.0);
    }

    /// The inverse rotation, which is also the gradient of [`Self::rotate`].
    pub fn rotate_back(&self, rows: &mut [f32], width: usize, positions: &[u32]) {
        self.apply(rows, width, positions, -1.0);
    }

    fn apply(&self, rows: &mut [f32], width: usize, positions: &[u32], direction: f32) {
        assert_eq!(rows.len(), width * positions.len(), "one position a row");
        rows.par_chunks_mut(ROWS * width).zip(positions.par_chunks(ROWS)).for_each(|(rows, positions)| {
            for (row, position) in rows.chunks_mut(width).zip(positions) {
                let at = *position as usize * self.half..(*position as usize + 1) * self.half;
                let (cosines, sines) = (&self.cosines[at.clone()], &self.sines[at]);
                for head in row.chunks_mut(2 * self.half) {
                    rotate_head(head, cosines, sines, direction);
                }
            }
        });
    }
}

vectorised! {
    fn rotate_head(head: &mut [f32], cosines: &[f32], sines: &[f32], direction: f32) {
        let (first, second) = head.split_at_mut(cosines.len());
        for (((a, b), cosine), sine) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
            let sine = sine * direction;
            (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotating_back_undoes_rotating() {
        let table = RotaryTable::new(&[1.0, 0.1, 0.01], 50);
        let original: Vec<f32> = (0..24).map(|i| i as f32 / 7.0).collect();
        let mut rows = original.clone();
        table.rotate(&mut rows, 12, &[3, 49]);
        assert!((rows[3] - original[3]).abs() > 0.1);
        table.rotate_back(&mut rows, 12, &[3, 49]);
        assert!(rows.iter().zip(&original).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn a_quarter_turn_maps_the_first_half_onto_the_second() {
        let table = RotaryTable::new(&[std::f32::consts::FRAC_PI_2], 2);
        let mut row = [1.0, 0.0];
        table.rotate(&mut row, 2, &[1]);
        assert!(row[0].abs() < 1e-6 && (row[1] - 1.0).abs() < 1e-6);
    }
}
