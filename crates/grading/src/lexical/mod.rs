//! Marking by words alone: cheap, quick, and what a language model has to beat or can be blended with. Knows
//! nothing of models of language.

mod dense;
mod majority;
mod minimum;
mod model;
mod prepared;
mod question_model;
mod scale_design;
mod shared;
mod similarity;
mod sparse;
mod terms;
mod tf_idf;
mod verdict_logit;
mod words;

use crate::guide::Question;

pub use majority::Majority;
pub use model::LexicalModel;
pub(crate) use prepared::key as question_key;

/// A marked answer to learn from.
#[derive(Debug, Clone, Copy)]
pub struct TrainingAnswer<'a> {
    /// The question that it answers.
    pub question: &'a Question,
    /// What the student wrote.
    pub answer: &'a str,
    /// The position in the question's scale of the verdict given.
    pub verdict: usize,
}

/// What marks without a language model.
pub trait Baseline {
    /// The probability of each verdict of `question.scale()`, in its order; they add up to 1.
    fn distribution(&self, question: &Question, answer: &str) -> Vec<f64>;
}
