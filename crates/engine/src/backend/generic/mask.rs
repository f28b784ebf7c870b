//! Which rows see which, as a dense mask to add to attention scores: 0 where a key is seen, -∞ where it
//! is not. Pure: knows no tensors.

use gradus_kernels::attention::Segment;

use crate::batch::PackedBatch;

/// The mask of a packed batch, `[rows, rows]` row-major: a row sees the rows of the segments that its
/// own continues and its own segment's up to itself, those at most `window` positions back.
pub(super) fn of_batch(batch: &PackedBatch, window: Option<usize>) -> Vec<f64> {
    let rows = batch.tokens.len();
    let mut mask = vec![f64::NEG_INFINITY; rows * rows];
    for (segment, prefix) in batch.segments.iter().zip(batch.prefixes()) {
        for row in segment.rows.clone() {
            for key in prefix.iter().cloned().flatten().chain(segment.rows.start..=row) {
                let distance = batch.positions[row] - batch.positions[key];
                if in_window(distance as usize, window) {
                    mask[row * rows + key] = 0.0;
                }
            }
        }
    }
    mask
}

/// The mask of rows of the segments over the rows `keys` (ascending) of a cache, row-major.
pub(super) fn of_cached(segments: &[Segment], keys: &[u32], window: Option<usize>) -> Vec<f64> {
    let rows = segments.iter().map(|segment| segment.rows.end).max().unwrap_or(0);
    let mut mask = vec![f64::NEG_INFINITY; rows * keys.len()];
    for segment in segments {
        let seen: Vec<usize> =
            segment.prefix.iter().chain(std::iter::once(&segment.own)).flat_map(Clone::clone).collect();
        let read = seen.len() - segment.own.len();
        for (index, row) in segment.rows.clone().enumerate() {
            let seen = seen[..=read + index].iter().enumerate();
            for (_, key) in seen.filter(|(position, _)| in_window(read + index - position, window)) {
                mask[row * keys.len() + keys.partition_point(|row| (*row as usize) < *key)] = 0.0;
            }
        }
    }
    mask
}

/// A window counts the row itself.
fn in_window(distance: usize, window: Option<usize>) -> bool {
    window.is_none_or(|window| distance < window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::PackedSegment;

    fn picture(mask: &[f64], width: usize) -> Vec<String> {
        let line = |row: &[f64]| row.iter().map(|value| if *value == 0.0 { 'x' } else { '.' }).collect();
        mask.chunks(width).map(line).collect()
    }

    /// Two continuations of one segment of two rows, then a sequence of its own.
    fn tree() -> PackedBatch {
        let segment = |rows, parent| PackedSegment { rows, parent };
        PackedBatch {
            tokens: vec![0; 7],
            positions: vec![0, 1, 2, 3, 2, 0, 1],
            segments: vec![
                segment(0..2, None),
                segment(2..4, Some(0)),
                segment(4..5, Some(0)),
                segment(5..7, None),
            ],
            labels: Vec::new(),
        }
    }

    #[test]
    fn a_row_sees_its_ancestors_and_its_own_segment_up_to_itself() {
        let expected = ["x......", "xx.....", "xxx....", "xxxx...", "xx..x..", ".....x.", ".....xx"];
        assert_eq!(picture(&of_batch(&tree(), None), 7), expected);
    }

    #[test]
    fn a_window_counts_positions_and_includes_the_row_itself() {
        let expected = ["x......", "xx.....", ".xx....", "..xx...", ".x..x..", ".....x.", ".....xx"];
        assert_eq!(picture(&of_batch(&tree(), Some(2)), 7), expected);
    }

    #[test]
    fn reading_on_sees_what_was_read_in_order_of_position_wherever_it_is_kept() {
        let segments = [
            Segment { rows: 0..2, prefix: Vec::from_iter(std::iter::once(7..9)), own: 3..5 },
            Segment { rows: 2..3, prefix: Vec::from_iter(std::iter::once(7..8)), own: 12..13 },
        ];
        let keys = [3, 4, 7, 8, 12];
        assert_eq!(picture(&of_cached(&segments, &keys, None), 5), ["x.xx.", "xxxx.", "..x.x"]);
        assert_eq!(picture(&of_cached(&segments, &keys, Some(2)), 5), ["x..x.", "xx...", "..x.x"]);
    }
}
