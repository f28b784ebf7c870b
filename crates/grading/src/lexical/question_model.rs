//! What one question's marked answers teach beyond what holds for every question: how readily each verdict is given
//! here, and which wordings go with it.

use serde::{Deserialize, Serialize};

use super::prepared::PreparedQuestion;
use super::scale_design::ScaleDesign;
use super::shared::{FIRST_WORD, SharedModel};
use super::similarity::FEATURES;
use super::sparse::SparseVector;
use super::terms::Terms;
use super::tf_idf::Vocabulary;
use super::verdict_logit::{Observation, Penalty, VerdictLogit};
use crate::guide::Question;

/// Chosen by cross-validation over answers of public training splits.
const PENALTY: Penalty = Penalty { weights: 0.25, bases: 1.0 };
/// Similarity features are a few large numbers beside many small ones of unit length together; in full they would
/// all but escape the penalty.
const SIMILARITY_SCALE: f64 = 0.5;

/// A correction to the shared model, for answers to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct QuestionModel {
    /// Word and character n-grams of its answers.
    vocabulary: Vocabulary,
    logit: VerdictLogit,
}

impl QuestionModel {
    pub(super) fn fit(prepared: &PreparedQuestion, shared: &SharedModel) -> Self {
        let design = ScaleDesign::of_question(prepared.question);
        let vocabulary = Vocabulary::of(prepared.answers.iter().map(|answer| &answer.n_grams));
        let observations: Vec<Observation> = prepared
            .answers
            .iter()
            .map(|answer| Observation {
                design: &design,
                features: features(&vocabulary, &answer.n_grams, &answer.features),
                offset: shared.logits(prepared.question, &answer.features),
                verdict: answer.verdict,
            })
            .collect();
        let logit = VerdictLogit::fit(&observations, FEATURES + vocabulary.len(), PENALTY);
        Self { vocabulary, logit }
    }

    /// What to add to the shared model's logits.
    pub(super) fn logits(&self, question: &Question, n_grams: &Terms, shared: &SparseVector) -> Vec<f64> {
        let design = ScaleDesign::of_question(question);
        self.logit.logits(&design, &features(&self.vocabulary, n_grams, shared))
    }
}

/// Columns: the similarity features, then the known n-grams.
fn features(vocabulary: &Vocabulary, n_grams: &Terms, shared: &SparseVector) -> SparseVector {
    let likeness = shared.0[1..FIRST_WORD].iter();
    let likeness = likeness.map(|(column, value)| (column - 1, SIMILARITY_SCALE * value));
    let n_grams = vocabulary.vector(n_grams).0.into_iter();
    let n_grams = n_grams.map(|(column, value)| (FEATURES as u32 + column, value));
    SparseVector(likeness.chain(n_grams).collect())
}
