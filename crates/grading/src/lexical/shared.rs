//! What holds for every question: how an answer's likeness to the model answer, and the words of answers in
//! general, go with verdicts. It marks questions of which no answer was marked, and is where every question's own
//! model starts.

use serde::{Deserialize, Serialize};

use super::prepared::PreparedQuestion;
use super::scale_design::{ScaleDesign, names};
use super::similarity::{FEATURES, QuestionTexts, Text};
use super::sparse::SparseVector;
use super::terms::Terms;
use super::tf_idf::Vocabulary;
use super::verdict_logit::{Observation, Penalty, VerdictLogit};
use crate::guide::Question;

/// Chosen by cross-validation over questions and over modules of public training splits: a question's answers are
/// alike, so a few thousand answers are worth far fewer.
const PENALTY: Penalty = Penalty { weights: 4.0, bases: 0.1 };

/// The first column is 1 in every answer, then come the similarity features.
pub(super) const FIRST_WORD: usize = 1 + FEATURES;

/// Learnt from all answers together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SharedModel {
    /// By the share of the maximum, for any scale.
    by_share: VerdictLogit,
    /// By name, where all questions have one scale of words.
    by_name: Option<NamedVerdicts>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NamedVerdicts {
    names: Vec<String>,
    logit: VerdictLogit,
}

impl SharedModel {
    pub(super) fn fit(questions: &[PreparedQuestion], vocabulary: &Vocabulary) -> Self {
        let columns = FIRST_WORD + 2 * vocabulary.len();
        let fit = |design: &dyn Fn(&Question) -> ScaleDesign| {
            let designs: Vec<ScaleDesign> =
                questions.iter().map(|prepared| design(prepared.question)).collect();
            let observations: Vec<Observation> = questions
                .iter()
                .zip(&designs)
                .flat_map(|(question, design)| question.observations(design))
                .collect();
            VerdictLogit::fit(&observations, columns, PENALTY)
        };
        let by_name = common_words(questions).map(|names| {
            let logit = fit(&|_| ScaleDesign::of_names(names.len()));
            NamedVerdicts { names, logit }
        });
        Self { by_share: fit(&ScaleDesign::of_shares), by_name }
    }

    /// One a verdict of the question's scale.
    pub(super) fn logits(&self, question: &Question, features: &SparseVector) -> Vec<f64> {
        let names = names(&question.scale());
        match &self.by_name {
            Some(by_name) if by_name.names == names => {
                by_name.logit.logits(&ScaleDesign::of_names(names.len()), features)
            }
            _ => self.by_share.logits(&ScaleDesign::of_shares(question), features),
        }
    }
}

/// The names of the scale of words that all questions have.
fn common_words(questions: &[PreparedQuestion]) -> Option<Vec<String>> {
    let in_words = questions.first()?.question.is_judged_in_words();
    let first = names(&questions.first()?.question.scale());
    let is_common = questions.iter().all(|prepared| names(&prepared.question.scale()) == first);
    (in_words && is_common).then_some(first)
}

/// Columns: 1, the similarity features, the answer's known words, and the known words of the model answer that it
/// lacks.
pub(super) fn features(texts: &QuestionTexts, answer: &Text, vocabulary: &Vocabulary) -> SparseVector {
    let likeness = texts.features(answer);
    let likeness = likeness.iter().enumerate().map(|(position, value)| (1 + position as u32, *value));
    let words = vocabulary.vector(&Terms::words(&answer.words)).0.into_iter();
    let missing = vocabulary.vector(&texts.missing(answer)).0.into_iter();
    let first_missing = (FIRST_WORD + vocabulary.len()) as u32;
    let words = words.map(|(column, value)| (FIRST_WORD as u32 + column, value));
    let missing = missing.map(|(column, value)| (first_missing + column, value));
    SparseVector(std::iter::once((0, 1.0)).chain(likeness).chain(words).chain(missing).collect())
}
