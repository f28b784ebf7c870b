//! Which of many numbered lines form the document's own numbering: the best-scoring rising chain
//! (a longest-increasing-subsequence with scores and a price on gaps). Lists inside a question or an
//! answer lose, because they restart, stand close together and look unlike questions.

use std::collections::BTreeMap;

/// A numbered line that may be a head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// Which line; candidates are given in the order of their lines.
    pub(crate) line: usize,
    /// Its place in the numbering; a chain rises in it.
    pub(crate) key: Vec<u32>,
    /// How much it looks like a head; a chain's score is their sum less the price of gaps.
    pub(crate) score: f64,
}

/// Finds the chain with the highest score. `gap_price` says what it costs to go from one candidate (or
/// from the beginning) to the next, or `None` where that cannot be. Returns indices of candidates and the
/// score; several candidates of one line are alternatives.
pub(crate) fn best_chain(
    candidates: &[Candidate],
    gap_price: impl Fn(Option<usize>, usize) -> Option<f64>,
) -> (Vec<usize>, f64) {
    // By key: the best chain that ends there, as (score, candidate).
    let mut ends: BTreeMap<&[u32], (f64, usize)> = BTreeMap::new();
    let mut before: Vec<Option<usize>> = vec![None; candidates.len()];
    let mut from = 0;
    while from < candidates.len() {
        let line = candidates[from].line;
        let to = from + candidates[from..].iter().take_while(|c| c.line == line).count();
        let mut reached = Vec::new();
        for index in from..to {
            let key = candidates[index].key.as_slice();
            let starts = gap_price(None, index).map(|price| (-price, None));
            let continues = ends.range(..key).filter_map(|(_, &(score, previous))| {
                gap_price(Some(previous), index).map(|price| (score - price, Some(previous)))
            });
            let best =
                starts.into_iter().chain(continues).fold(None, |best: Option<(f64, _)>, option| match best {
                    Some(best) if best.0 > option.0 => Some(best),
                    _ => Some(option),
                });
            if let Some((score, previous)) = best {
                before[index] = previous;
                reached.push((key, score + candidates[index].score, index));
            }
        }
        for (key, score, index) in reached {
            if ends.get(key).is_none_or(|&(other, _)| score > other) {
                ends.insert(key, (score, index));
            }
        }
        from = to;
    }
    let best = ends.values().copied().max_by(|a, b| a.0.total_cmp(&b.0));
    let mut chain = Vec::new();
    let mut next = best.map(|(_, index)| index);
    while let Some(index) = next {
        chain.push(index);
        next = before[index];
    }
    chain.reverse();
    (chain, best.map_or(0.0, |(score, _)| score))
}

/// Lowers the score of candidates that belong to a list inside a question: a run of consecutive lines
/// that begins again at one. The last of a run may be the next question itself and loses less.
pub(crate) fn discount_inner_lists(candidates: &mut [Candidate]) {
    let Some(first) = candidates.first().cloned() else {
        return;
    };
    let mut at = 1;
    while at < candidates.len() {
        let restarts = candidates[at].key == [1] && candidates[at].line > first.line;
        let mut end = at + 1;
        while restarts
            && end < candidates.len()
            && candidates[end].line == candidates[end - 1].line + 1
            && candidates[end].key.len() == 1
            && candidates[end].key[0] == candidates[end - 1].key[0] + 1
        {
            end += 1;
        }
        if restarts {
            let last = end - 1;
            for candidate in &mut candidates[at..last] {
                candidate.score -= 1.2;
            }
            candidates[last].score -= if last == at { 1.2 } else { 0.4 };
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain_of(numbered_lines: &[(usize, u32)]) -> Vec<usize> {
        let mut candidates: Vec<Candidate> = numbered_lines
            .iter()
            .map(|&(line, number)| Candidate { line, key: vec![number], score: 1.0 })
            .collect();
        discount_inner_lists(&mut candidates);
        let numbers: Vec<u32> = candidates.iter().map(|c| c.key[0]).collect();
        let (chain, _) = best_chain(&candidates, |previous, next| {
            let previous = previous.map_or(0, |index| numbers[index]);
            Some(f64::from(numbers[next].saturating_sub(previous + 1)) * 0.5)
        });
        chain.into_iter().map(|index| numbered_lines[index].0).collect()
    }

    #[test]
    fn a_list_inside_a_question_is_passed_over() {
        assert_eq!(chain_of(&[(0, 1), (2, 1), (3, 2), (4, 3), (6, 2), (9, 3)]), [0, 6, 9]);
        assert_eq!(chain_of(&[(0, 1), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (8, 2)]), [0, 8]);
    }

    #[test]
    fn a_question_right_after_a_list_is_kept() {
        assert_eq!(chain_of(&[(0, 1), (2, 1), (4, 2), (5, 1), (6, 2), (7, 3), (9, 4)]), [0, 4, 7, 9]);
    }

    #[test]
    fn no_candidates_give_no_chain() {
        assert_eq!(best_chain(&[], |_, _| Some(0.0)), (vec![], 0.0));
    }
}
