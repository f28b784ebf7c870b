//! The training answers by question, as features.

use std::collections::BTreeMap;

use super::TrainingAnswer;
use super::scale_design::ScaleDesign;
use super::shared;
use super::similarity::{QuestionTexts, Text};
use super::sparse::SparseVector;
use super::terms::Terms;
use super::tf_idf::Vocabulary;
use super::verdict_logit::Observation;
use super::words::Words;
use crate::guide::Question;

/// A question with its marked answers.
pub(super) struct PreparedQuestion<'a> {
    pub(super) question: &'a Question,
    pub(super) answers: Vec<PreparedAnswer>,
}

/// A marked answer.
pub(super) struct PreparedAnswer {
    pub(super) n_grams: Terms,
    /// What [`shared::features`] made of it.
    pub(super) features: SparseVector,
    /// Position of the verdict given.
    pub(super) verdict: usize,
}

impl<'a> PreparedQuestion<'a> {
    /// `answers` are all of one question, and at least one.
    pub(super) fn of(answers: &[TrainingAnswer<'a>], vocabulary: &Vocabulary) -> Self {
        let question = answers[0].question;
        let texts = QuestionTexts::of(question, vocabulary);
        let prepare = |answer: &TrainingAnswer| {
            let text = Text::of(answer.answer, vocabulary);
            PreparedAnswer {
                n_grams: Terms::n_grams(&text.words),
                features: shared::features(&texts, &text, vocabulary),
                verdict: answer.verdict,
            }
        };
        Self { question, answers: answers.iter().map(prepare).collect() }
    }

    /// What the shared model learns from.
    pub(super) fn observations<'s>(
        &'s self,
        design: &'s ScaleDesign,
    ) -> impl Iterator<Item = Observation<'s>> {
        self.answers.iter().map(|answer| Observation {
            design,
            features: answer.features.clone(),
            offset: vec![0.0; design.bases.len()],
            verdict: answer.verdict,
        })
    }
}

/// By a question's [`key`]. A verdict that the question's scale lacks teaches nothing.
pub(super) fn by_question<'a>(answers: &[TrainingAnswer<'a>]) -> BTreeMap<String, Vec<TrainingAnswer<'a>>> {
    let mut questions: BTreeMap<String, Vec<TrainingAnswer>> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| answer.verdict < answer.question.scale().len()) {
        questions.entry(key(answer.question)).or_default().push(*answer);
    }
    questions
}

/// What a question is known by: its name without case, and what it asks. Another guide's question 1 is another
/// question; so is one whose text, model answer, points, notes or scale have changed.
pub(crate) fn key(question: &Question) -> String {
    format!("{} {}", question.id.0.to_ascii_lowercase(), question.fingerprint())
}

/// The words of all answers, questions and model answers.
pub(super) fn vocabulary(questions: &BTreeMap<String, Vec<TrainingAnswer>>) -> Vocabulary {
    let texts = questions.values().flat_map(|answers| {
        let question = answers[0].question;
        let of_guide = [question.text.as_str(), question.model_answer.as_deref().unwrap_or_default()];
        let of_guide = of_guide.into_iter().chain(question.accepted_answers());
        answers.iter().map(|answer| answer.answer).chain(of_guide)
    });
    let terms: Vec<Terms> = texts.map(|text| Terms::words(&Words::of(text))).collect();
    Vocabulary::of(terms.iter())
}
