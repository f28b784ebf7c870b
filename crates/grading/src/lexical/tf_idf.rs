//! Which terms are known, and how much each says: TF-IDF with sublinear term frequency and unit length (Salton
//! and Buckley, "Term-weighting approaches in automatic text retrieval", 1988).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sparse::SparseVector;
use super::terms::{Terms, is_of_characters};

/// A term of one text alone says nothing of other texts.
const MIN_TEXTS: u32 = 2;

/// The terms seen in at least two texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Vocabulary {
    /// How many texts it was counted in.
    texts: u32,
    /// Hashes, ascending.
    terms: Vec<u32>,
    /// In how many texts each occurs.
    text_counts: Vec<u32>,
}

impl Vocabulary {
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a Terms>) -> Self {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        let mut number = 0;
        for text in texts {
            number += 1;
            text.0.iter().for_each(|(term, _)| *counts.entry(*term).or_default() += 1);
        }
        counts.retain(|_, count| *count >= MIN_TEXTS);
        Self {
            texts: number,
            terms: counts.keys().copied().collect(),
            text_counts: counts.into_values().collect(),
        }
    }

    /// Number of terms, which is the number of columns of its vectors.
    pub(super) fn len(&self) -> usize {
        self.terms.len()
    }

    /// `ln((1 + texts) / (1 + texts with the term)) + 1`; an unknown term counts as seen in no text.
    pub(super) fn inverse_document_frequency(&self, term: u32) -> f64 {
        self.frequency_at(self.terms.binary_search(&term).ok())
    }

    fn frequency_at(&self, column: Option<usize>) -> f64 {
        let texts = column.and_then(|column| self.text_counts.get(column)).copied().unwrap_or(0);
        ((1.0 + f64::from(self.texts)) / (1.0 + f64::from(texts))).ln() + 1.0
    }

    /// The known terms of a text, each `(1 + ln(count)) * idf`. Words and characters are scaled to half of the
    /// squared length each, so that the many n-grams of characters do not drown the words.
    pub(super) fn vector(&self, terms: &Terms) -> SparseVector {
        let known = terms.0.iter().filter_map(|(term, count)| {
            let column = self.terms.binary_search(term).ok()?;
            Some((column as u32, (1.0 + f64::from(*count).ln()) * self.frequency_at(Some(column))))
        });
        let mut entries: Vec<(u32, f64)> = known.collect();
        let first_of_characters = self.terms.partition_point(|term| !is_of_characters(*term)) as u32;
        let words = entries.partition_point(|(column, _)| *column < first_of_characters);
        let (words, characters) = entries.split_at_mut(words);
        for block in [words, characters] {
            let squares: f64 = block.iter().map(|(_, value)| value * value).sum();
            let scale = (0.5 / squares).sqrt();
            block.iter_mut().for_each(|(_, value)| *value *= scale);
        }
        SparseVector(entries)
    }

    /// Every term of a text, known or not, by its hash: `(1 + ln(count)) * idf`, not scaled.
    pub(super) fn weighted(&self, terms: &Terms) -> SparseVector {
        let weigh = |(term, count): &(u32, u32)| {
            (*term, (1.0 + f64::from(*count).ln()) * self.inverse_document_frequency(*term))
        };
        SparseVector(terms.0.iter().map(weigh).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::word_hash;
    use super::super::words::Words;
    use super::*;

    fn terms(text: &str) -> Terms {
        Terms::n_grams(&Words::of(text))
    }

    #[test]
    fn a_vector_has_unit_length_and_only_terms_of_two_texts() {
        let texts = [terms("the gap is wide"), terms("a gap"), terms("gap gap gap")];
        let vocabulary = Vocabulary::of(texts.iter());
        let vector = vocabulary.vector(&texts[0]);
        assert!((vector.norm() - 1.0).abs() < 1e-12);
        assert!(vocabulary.terms.contains(&word_hash("gap")));
        assert!(!vocabulary.terms.contains(&word_hash("wid")));
        assert_eq!(vocabulary.vector(&terms("")), SparseVector::default());
    }

    #[test]
    fn rare_terms_weigh_more_and_repeated_ones_a_little_more() {
        let texts = [terms("gap bulb"), terms("gap bulb"), terms("gap")];
        let vocabulary = Vocabulary::of(texts.iter());
        assert_eq!(vocabulary.inverse_document_frequency(word_hash("gap")), 1.0);
        let bulb = vocabulary.inverse_document_frequency(word_hash("bulb"));
        assert!((bulb - ((4.0_f64 / 3.0).ln() + 1.0)).abs() < 1e-15);
        let unknown = vocabulary.inverse_document_frequency(word_hash("gaps"));
        assert!((unknown - (4.0_f64.ln() + 1.0)).abs() < 1e-15);
        let weighted = vocabulary.weighted(&Terms(vec![(word_hash("gap"), 3)]));
        assert!((weighted.0[0].1 - (1.0 + 3.0_f64.ln())).abs() < 1e-15);
    }
}
