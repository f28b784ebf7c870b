//! Answers made to mislead a marker, and how far they move the marks: what `gradus test --robustness` uses.
//!
//! Every kind of attack that is put in words has two families of wordings, one to train on and one to test
//! with, so that a model is tested on wordings that it never saw. Knows nothing of models: marks come in.

mod contradiction;
mod gibberish;
mod hidden;
mod kind;
mod off_topic;
mod summary;
mod wordings;

use serde::{Deserialize, Serialize};

pub use kind::{AttackGroup, AttackKind, Expectation};
pub use summary::{AttackSummary, MarkShares, MarkedAttack, RobustnessSummary, summarise};

use crate::guide::Question;
use crate::metrics::random::SplitMix64;
use wordings::Values;

/// Which wordings an attack is drawn from. No wording is in both, as the prompt's fence leaves it; of an order that
/// nobody sees the fence leaves one and the same sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// For examples that a model learns from.
    Training,
    /// For measuring, and nothing else.
    Test,
}

/// What an attack is made of.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// The question that is answered.
    pub question: &'a Question,
    /// A genuine answer to it.
    pub answer: &'a str,
    /// A genuine answer to another question of the set, for [`AttackKind::OffTopic`].
    pub other_answer: Option<&'a str>,
}

/// A text to be marked in place of the genuine answer. What it may get, its kind says
/// ([`AttackKind::expectation`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttackedAnswer {
    /// How it was made.
    pub kind: AttackKind,
    /// The text as a student would hand it in; the prompt's fence is yet to come.
    pub text: String,
}

/// Makes an attack; the same seed gives the same one.
///
/// `None` where the material does not allow it: an off-topic answer needs one to another question that says
/// nothing about this one, a contradiction needs a model answer with a statement that a rule can reverse, and a
/// copied question needs a text.
pub fn attacked(
    kind: AttackKind,
    family: Family,
    material: Material<'_>,
    seed: u64,
) -> Option<AttackedAnswer> {
    let random = &mut SplitMix64::new(seed);
    let Material { question, answer, other_answer } = material;
    let text = match kind {
        AttackKind::OffTopic => {
            other_answer.filter(|other| off_topic::is_off_topic(question, other))?.to_owned()
        }
        AttackKind::Gibberish => gibberish::gibberish(family, random),
        AttackKind::QuestionCopied if question.text.trim().is_empty() => return None,
        AttackKind::InstructionsAlone => instructions_alone(family, question, random),
        AttackKind::Contradiction => contradiction::contradicted(question.model_answer.as_deref()?, random)?,
        AttackKind::InvisibleCharacters => {
            hidden::with_hidden_order(family, &Values::of(question, answer), random)
        }
        _ => {
            let templates = wordings::templates(kind, family);
            Values::of(question, answer).filled(templates.get(random.below(templates.len().max(1)))?)
        }
    };
    Some(AttackedAnswer { kind, text })
}

/// The words of an injection without an answer.
fn instructions_alone(family: Family, question: &Question, random: &mut SplitMix64) -> String {
    let orders = AttackKind::SPOKEN_ORDERS;
    let templates = wordings::templates(orders[random.below(orders.len())], family);
    Values::of(question, "").filled(templates[random.below(templates.len())]).trim().to_owned()
}
