//! Answers that say nearly the same on both sides of a split, by the Jaccard similarity of their word
//! shingles (Broder 1997).

use std::collections::{BTreeSet, HashMap};

use super::findings::{Finding, FindingKind, Severity, describe_rows};
use super::texts::Text;
use crate::marked_answer::RowSource;

/// Words in a shingle. Shorter texts have none and are not compared.
const SHINGLE_WORDS: usize = 3;

/// The similarity from which two texts count as nearly the same, in hundredths.
const LEAST_SIMILARITY_PERCENT: usize = 85;

/// One finding for each held-out answer that has a near twin in training. Equal texts are left to the
/// exact comparison.
pub(super) fn findings(train: &[Text], held_out: &[Text]) -> Vec<Finding> {
    let pairs = similar_pairs(train, held_out);
    let by_held_out = pairs.chunk_by(|a, b| a.0 == b.0);
    by_held_out
        .map(|pairs| {
            let text = &held_out[pairs[0].0];
            let twins: Vec<RowSource> = pairs.iter().map(|(_, twin)| train[*twin].source.clone()).collect();
            let message = format!(
                "The held-out answer {}, to question {} ({}), is nearly the same as a training answer \
                 ({}). Check whether one was copied.",
                text.quote(),
                text.question,
                describe_rows([&text.source]),
                describe_rows(&twins)
            );
            let mut rows = vec![text.source.clone()];
            rows.extend(twins);
            Finding { kind: FindingKind::NearlyLeakedAnswer, severity: Severity::Warning, message, rows }
        })
        .collect()
}

/// Positions of similar, not equal, answers to the same question: (held out, train), ascending.
///
/// Two sets with a Jaccard similarity of at least `t` share one of the first `n - ⌈t·n⌉ + 1` elements of
/// either set in any fixed order (Bayardo, Ma and Srikant, WWW 2007), so only those are looked up.
fn similar_pairs(train: &[Text], held_out: &[Text]) -> Vec<(usize, usize)> {
    let train_shingles: Vec<_> = train.iter().map(shingles).collect();
    let mut index: HashMap<(&str, u64), Vec<usize>> = HashMap::new();
    for (position, shingles) in train_shingles.iter().enumerate() {
        let question = train[position].identity.0.as_str();
        for shingle in prefix(shingles) {
            index.entry((question, *shingle)).or_default().push(position);
        }
    }
    let mut pairs = BTreeSet::new();
    for (position, text) in held_out.iter().enumerate() {
        let own = shingles(text);
        let question = text.identity.0.as_str();
        let met = prefix(&own).iter();
        let candidates = met.filter_map(|shingle| index.get(&(question, *shingle)));
        for &candidate in candidates.flatten() {
            let is_equal = train[candidate].identity == text.identity;
            if !is_equal && are_similar(&own, &train_shingles[candidate]) {
                pairs.insert((position, candidate));
            }
        }
    }
    pairs.into_iter().collect()
}

/// Hashes of all runs of three words, ascending and without repetition.
fn shingles(text: &Text) -> Vec<u64> {
    let words: Vec<&str> = text.folded().split(' ').collect();
    let hashes = words.windows(SHINGLE_WORDS).map(|shingle| {
        let hash = blake3::hash(shingle.join(" ").as_bytes());
        let (first, _) = hash.as_bytes().split_at(8);
        first.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    });
    let distinct: BTreeSet<u64> = hashes.collect();
    distinct.into_iter().collect()
}

fn prefix(shingles: &[u64]) -> &[u64] {
    let count = shingles.len();
    let must_share = (count * LEAST_SIMILARITY_PERCENT).div_ceil(100);
    &shingles[..(count - must_share + 1).min(count)]
}

fn are_similar(one: &[u64], other: &[u64]) -> bool {
    let shared = one.iter().filter(|shingle| other.binary_search(shingle).is_ok()).count();
    let either = one.len() + other.len() - shared;
    shared * 100 >= either * LEAST_SIMILARITY_PERCENT
}

#[cfg(test)]
mod tests {
    use gradus_domain::Marks;

    use super::*;
    use crate::guide::QuestionId;
    use crate::marked_answer::MarkedAnswer;
    use crate::metrics::random::SplitMix64;

    fn text(words: &[String], row: usize) -> Text {
        Text::of_answer(&MarkedAnswer {
            student: None,
            question: QuestionId("1".into()),
            answer: words.join(" "),
            mark: Marks::ONE,
            second_mark: None,
            verdict: None,
            feedback: None,
            source: RowSource { file: "a.csv".into(), row },
        })
    }

    /// Texts of which some are copies of earlier ones with a word changed or added.
    fn texts(random: &mut SplitMix64, count: usize) -> Vec<Text> {
        let mut all: Vec<Vec<String>> = Vec::new();
        for _ in 0..count {
            let copied = (random.below(3) > 0).then(|| all.get(random.below(20)).cloned());
            let mut words = copied.flatten().unwrap_or_else(|| {
                let length = random.below(20);
                (0..length).map(|_| random.below(500).to_string()).collect()
            });
            let another = random.below(500).to_string();
            if random.coin() || words.is_empty() {
                words.push(another);
            } else {
                let changed = random.below(words.len());
                words[changed] = another;
            }
            all.push(words);
        }
        let numbered = all.iter().enumerate();
        numbered.map(|(row, words)| text(words, row)).collect()
    }

    fn by_comparing_all_with_all(train: &[Text], held_out: &[Text]) -> Vec<(usize, usize)> {
        let train_shingles: Vec<_> = train.iter().map(shingles).collect();
        let mut pairs = Vec::new();
        for (position, text) in held_out.iter().enumerate() {
            let own = shingles(text);
            for (twin, other) in train.iter().enumerate() {
                let is_equal = own.is_empty() || other.identity == text.identity;
                if !is_equal && are_similar(&own, &train_shingles[twin]) {
                    pairs.push((position, twin));
                }
            }
        }
        pairs
    }

    #[test]
    fn the_index_finds_exactly_the_pairs_that_comparing_all_with_all_finds() {
        let mut found = 0;
        for seed in 0..10 {
            let texts = texts(&mut SplitMix64::new(seed), 240);
            let (train, held_out) = texts.split_at(160);
            let expected = by_comparing_all_with_all(train, held_out);
            assert_eq!(similar_pairs(train, held_out), expected);
            found += expected.len();
        }
        assert!(found > 100, "{found}");
    }
}
