//! How a trained model stands up to answers made to mislead it.

use std::collections::BTreeMap;

use gradus_grading::guide::Question;
use gradus_grading::robustness::{
    AttackKind, AttackedAnswer, Expectation, Family, MarkShares, MarkedAttack, Material, RobustnessSummary,
    attacked, summarise,
};

use crate::marking::{Marking, Unmarked, mark_answers};
use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session, encoding};

/// Genuine answers that are attacked, at most: with every kind of attack each.
const MOST_ANSWERS: usize = 100;

/// Whether answers made to mislead are marked too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attacks {
    /// In every way there is.
    Tried,
    /// Not at all.
    Skipped,
}

/// What attacks came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Robustness {
    /// By kind and over all.
    pub summary: RobustnessSummary,
    /// Genuine answers that were attacked.
    pub answers: usize,
    /// Every attack, in the order that the summary's positions count in.
    pub attacks: Vec<Attack>,
}

/// One attack and what it got.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// How it was made.
    pub kind: AttackKind,
    /// The question it is handed in for.
    pub question: Question,
    /// The text.
    pub text: String,
    /// What the text that it was made from got.
    pub original: Marking,
    /// What it got.
    pub attacked: Marking,
}

/// An attack before it is marked, with the text that it is compared with.
struct Planned<'a> {
    question: &'a Question,
    compared: &'a str,
    attack: AttackedAnswer,
}

/// Attacks genuine answers in every way there is, in wordings that no model was trained on. `None` without answers.
pub fn test_robustness(
    runtime: &mut Runtime,
    model: &TrainedModel,
    answers: &[Unmarked<'_>],
    session: &mut Session<'_>,
) -> Result<Option<Robustness>, Error> {
    let chosen = spread(answers);
    let planned = plan(&chosen, runtime)?;
    session.watcher.stage(&format!("Attacking {} answers in {} ways", chosen.len(), AttackKind::ALL.len()));
    // Each text once: an answer is compared with many attacks on it.
    let mut texts: Vec<Unmarked<'_>> = Vec::new();
    let mut positions: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in &planned {
        for answer in [one.compared, &one.attack.text] {
            positions.entry((&one.question.id.0, answer)).or_insert_with(|| {
                texts.push(Unmarked { question: one.question, answer });
                texts.len() - 1
            });
        }
    }
    let markings = mark_answers(runtime, Some(model), &texts, session)?;
    let marking =
        |one: &Planned<'_>, answer: &str| markings[positions[&(one.question.id.0.as_str(), answer)]].clone();
    let attacks: Vec<Attack> = planned
        .iter()
        .map(|one| Attack {
            kind: one.attack.kind,
            question: one.question.clone(),
            text: one.attack.text.clone(),
            original: marking(one, one.compared),
            attacked: marking(one, &one.attack.text),
        })
        // What is taken for an order from the first has no mark to be moved.
        .filter(|attack| !attack.original.is_order())
        .collect();
    let marked: Vec<MarkedAttack> = attacks.iter().map(Attack::shares).collect();
    Ok(summarise(&marked).map(|summary| Robustness { summary, answers: chosen.len(), attacks }))
}

/// Some of the answers, evenly from first to last.
fn spread<'a>(answers: &[Unmarked<'a>]) -> Vec<Unmarked<'a>> {
    let number = answers.len().min(MOST_ANSWERS);
    (0..number).map(|index| answers[index * answers.len() / number]).collect()
}

/// Every attack on the answers that the model can read.
fn plan<'a>(answers: &[Unmarked<'a>], runtime: &Runtime) -> Result<Vec<Planned<'a>>, Error> {
    let mut planned = Vec::new();
    for (number, one) in answers.iter().enumerate() {
        let elsewhere = |other: &&Unmarked<'_>| other.question.id != one.question.id;
        let other_answer = answers.iter().cycle().skip(number).take(answers.len()).find(elsewhere);
        let material = Material {
            question: one.question,
            answer: one.answer,
            other_answer: other_answer.map(|other| other.answer),
        };
        for kind in AttackKind::ALL {
            let Some(attack) = attacked(kind, Family::Test, material, number as u64) else { continue };
            let model_answer = one.question.model_answer.as_deref().unwrap_or_default();
            let compared = match kind.expectation() {
                Expectation::BelowModelAnswer => model_answer,
                Expectation::Worthless | Expectation::NotAbove => one.answer,
            };
            let tokens = encoding::prompt_tokens(&runtime.tokenizer, one.question, &attack.text)?.len();
            if tokens + encoding::ROOM_FOR_VERDICTS <= runtime.config.context_length {
                planned.push(Planned { question: one.question, compared, attack });
            }
        }
    }
    Ok(planned)
}

impl Attack {
    fn shares(&self) -> MarkedAttack {
        let maximum = self.question.max_marks.as_f64().max(f64::MIN_POSITIVE);
        let shares = |marking: &Marking| MarkShares {
            expected: marking.expected_mark / maximum,
            chosen: marking.mark.as_f64() / maximum,
        };
        let lowest = self.question.worthless_verdict().map(|verdict| verdict.marks).unwrap_or_default();
        MarkedAttack {
            kind: self.kind,
            original: shares(&self.original),
            lowest: lowest.as_f64() / maximum,
            attacked: shares(&self.attacked),
            found_out: self.attacked.is_order(),
        }
    }
}
