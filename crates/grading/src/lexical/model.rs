//! The lexical model: one regression shared by all questions on likeness to the model answer, and for each question
//! with marked answers a correction learnt from their wordings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::prepared::{self, PreparedQuestion};
use super::question_model::QuestionModel;
use super::shared::{self, SharedModel};
use super::similarity::{QuestionTexts, Text};
use super::terms::Terms;
use super::tf_idf::Vocabulary;
use super::{Baseline, TrainingAnswer};
use crate::guide::Question;
use crate::metrics::normalise;

/// Marks by words and characters alone. It holds no text of a student: terms are kept as hashes, and only those of
/// at least two texts (which hides no word from someone who guesses it). The same answers in the same order give
/// the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LexicalModel {
    vocabulary: Vocabulary,
    shared: SharedModel,
    /// By the question's [`prepared::key`].
    questions: BTreeMap<String, QuestionModel>,
}

impl LexicalModel {
    /// Learns from marked answers; 5,000 take about a second. Answers whose verdict is not on their question's
    /// scale are left out. Without answers, every verdict is equally probable.
    pub fn fit(answers: &[TrainingAnswer<'_>]) -> Self {
        let questions = prepared::by_question(answers);
        let vocabulary = prepared::vocabulary(&questions);
        let prepared: Vec<PreparedQuestion> =
            questions.values().map(|answers| PreparedQuestion::of(answers, &vocabulary)).collect();
        let shared = SharedModel::fit(&prepared, &vocabulary);
        let models = prepared.iter().map(|question| QuestionModel::fit(question, &shared));
        let questions = questions.into_keys().zip(models).collect();
        Self { vocabulary, shared, questions }
    }

    /// Whether it learnt from marked answers to this question: the same in name, text and marking, not merely in
    /// name.
    pub fn has_marked_answers(&self, question: &Question) -> bool {
        self.questions.contains_key(&prepared::key(question))
    }
}

impl Baseline for LexicalModel {
    fn distribution(&self, question: &Question, answer: &str) -> Vec<f64> {
        let texts = QuestionTexts::of(question, &self.vocabulary);
        let text = Text::of(answer, &self.vocabulary);
        let features = shared::features(&texts, &text, &self.vocabulary);
        let mut logits = self.shared.logits(question, &features);
        let own = self.questions.get(&prepared::key(question));
        let own = own.map(|own| own.logits(question, &Terms::n_grams(&text.words), &features));
        logits.iter_mut().zip(own.into_iter().flatten()).for_each(|(logit, own)| *logit += own);
        normalise(&mut logits);
        logits
    }
}
