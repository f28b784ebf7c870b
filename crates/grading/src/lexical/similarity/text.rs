//! A text prepared for comparing with others: its words weighed, its character n-grams counted.

use super::super::sparse::SparseVector;
use super::super::terms::{Terms, word_hash};
use super::super::tf_idf::Vocabulary;
use super::super::words::Words;

/// A text prepared for comparing.
#[derive(Debug, Clone)]
pub(in crate::lexical) struct Text {
    pub(in crate::lexical) words: Words,
    /// Stems by hash, TF-IDF, not scaled.
    pub(super) stems: SparseVector,
    /// Neighbouring stems.
    pub(super) pairs: Terms,
    /// N-grams by hash, `1 + ln(count)`.
    pub(super) characters: SparseVector,
}

impl Text {
    pub(in crate::lexical) fn of(text: &str, vocabulary: &Vocabulary) -> Self {
        Self::of_words(Words::of(text), vocabulary)
    }

    fn of_words(words: Words, vocabulary: &Vocabulary) -> Self {
        let characters = Terms::characters(&words).0.into_iter();
        let characters = characters.map(|(term, count)| (term, 1.0 + f64::from(count).ln())).collect();
        Self {
            stems: vocabulary.weighted(&Terms::words(&words)),
            pairs: Terms::word_pairs(&words),
            characters: SparseVector(characters),
            words,
        }
    }

    pub(super) fn has(&self, stem: u32) -> bool {
        self.stems.has(stem)
    }

    /// The share of the weight of its words that fulfil `condition`, 0 to 1; 0 without words.
    pub(super) fn share(&self, condition: impl Fn(u32) -> bool) -> f64 {
        let all: f64 = self.stems.0.iter().map(|(_, weight)| weight).sum();
        let fulfil = self.stems.0.iter().filter(|(stem, _)| condition(*stem));
        let weight: f64 = fulfil.map(|(_, weight)| weight).sum();
        if all > 0.0 { weight / all } else { 0.0 }
    }

    /// The words that another text lacks.
    pub(super) fn without(&self, other: &Self, vocabulary: &Vocabulary) -> Self {
        let both = self.words.written.iter().zip(&self.words.stems);
        let kept = both.filter(|(_, stem)| !other.has(word_hash(stem)));
        let (written, stems) = kept.map(|(written, stem)| (written.clone(), stem.clone())).unzip();
        Self::of_words(Words { written, stems }, vocabulary)
    }

    /// The stems that another text lacks, each once.
    pub(super) fn stems_missing_in(&self, other: &Self) -> Terms {
        let missing = self.stems.0.iter().filter(|(stem, _)| !other.has(*stem));
        Terms(missing.map(|(stem, _)| (*stem, 1)).collect())
    }
}
