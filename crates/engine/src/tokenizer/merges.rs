//! SentencePiece keeps a score for each piece; BPE wants merges in order. The order of the scores is the
//! order in which the pieces were made, so every way of putting a piece together from two others becomes
//! a merge at the rank of the piece.

use std::collections::HashMap;

/// Merges for pieces that may be produced (`score` is `None` for those that may not), best first.
pub(super) fn from_scores(pieces: &[(&str, Option<f32>)]) -> Vec<(String, String)> {
    let rank: HashMap<&str, usize> = pieces
        .iter()
        .enumerate()
        .filter(|(_, (_, score))| score.is_some())
        .map(|(index, (piece, _))| (*piece, index))
        .collect();
    let mut merges = Vec::new();
    for (piece, score) in pieces {
        let Some(score) = score else { continue };
        for (middle, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(middle);
            if let (Some(&first), Some(&second)) = (rank.get(left), rank.get(right)) {
                merges.push((*score, rank.get(piece).copied(), first, second, left, right));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3))));
    merges.into_iter().map(|(.., left, right)| (left.to_owned(), right.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_pieces_merge_first_and_control_pieces_never() {
        let pieces =
            [("a", Some(-9.0)), ("b", Some(-9.0)), ("ab", Some(-2.0)), ("aba", Some(-1.0)), ("bb", None)];
        let merges = from_scores(&pieces);
        let expected = [("ab", "a"), ("a", "b")].map(|(left, right)| (left.to_owned(), right.to_owned()));
        assert_eq!(merges, expected);
    }
}
