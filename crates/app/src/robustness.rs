//! How a trained model stands up to answers made to mislead it.

use gradus_grading::guide::Question;
use gradus_grading::robustness::{
    AttackKind, AttackedAnswer, Expectation, Family, MarkShares, MarkedAttack, Material, RobustnessSummary,
    attacked, summarise,
};

use crate::marking::{Marking, Unmarked, mark_answers};
use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session};

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
    let planned = plan(&chosen);
    session.watcher.stage(&format!("Attacking {} answers in {} ways", chosen.len(), AttackKind::ALL.len()));
    let texts: Vec<Unmarked<'_>> = planned
        .iter()
        .flat_map(|one| {
            [one.compared, &one.attack.text].map(|answer| Unmarked { question: one.question, answer })
        })
        .collect();
    let mut markings = mark_answers(runtime, Some(model), &texts, session)?.into_iter();
    let mut attacks = Vec::with_capacity(planned.len());
    for one in planned {
        let (Some(original), Some(attacked)) = (markings.next(), markings.next()) else { break };
        let (kind, text) = (one.attack.kind, one.attack.text);
        attacks.push(Attack { kind, question: one.question.clone(), text, original, attacked });
    }
    let marked: Vec<MarkedAttack> = attacks.iter().map(Attack::shares).collect();
    Ok(summarise(&marked).map(|summary| Robustness { summary, answers: chosen.len(), attacks }))
}

/// Some of the answers, evenly from first to last.
fn spread<'a>(answers: &[Unmarked<'a>]) -> Vec<Unmarked<'a>> {
    let number = answers.len().min(MOST_ANSWERS);
    (0..number).map(|index| answers[index * answers.len() / number]).collect()
}

fn plan<'a>(answers: &[Unmarked<'a>]) -> Vec<Planned<'a>> {
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
            planned.push(Planned { question: one.question, compared, attack });
        }
    }
    planned
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
        }
    }
}
