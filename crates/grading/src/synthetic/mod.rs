//! Training examples made by construction, from which follows what they teach: partial answers
//! from rubric points, worthless answers, contradictions, and genuine answers with orders to the marker.
//!
//! **Invariant:** they come from the genuine examples handed in and those examples' questions alone. A question
//! without an example may be held out, so not even its model answer is used.

mod labels;
mod points;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::guide::{Guide, QuestionId, Verdict};
use crate::metrics::random::SplitMix64;
use crate::prompt::one_line;
use crate::robustness::{AttackKind, Expectation, Family, Material, attacked};

/// How often a kind may fail before its turn passes: an answer may exist already, or a question lack what the
/// kind needs.
const ATTEMPTS: usize = 8;

/// Fewer orders to the marker hardly teach what one is, so there are as many, or a sixth of the number of genuine
/// examples where that is less.
pub const LEAST_ORDERS: usize = 50;

/// How a synthetic answer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyntheticKind {
    /// The model answer: the best verdict.
    ModelAnswer,
    /// Some of the rubric points, worth the sum of their marks.
    RubricPoints,
    /// An attack in a wording of [`Family::Training`]: an order where it speaks to the marker in words that can be
    /// seen (and the genuine answer's verdict where they cannot), the lowest verdict where it is worthless
    /// otherwise, and "contradictory" where the model answer is contradicted. In files it has the attack's name.
    #[serde(untagged)]
    Attack(AttackKind),
}

/// A marked answer to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenuineAnswer<'a> {
    /// Which question it answers.
    pub question: &'a QuestionId,
    /// What the student wrote.
    pub answer: &'a str,
    /// The position of its verdict on the question's scale ([`crate::guide::Question::scale`]).
    pub verdict: usize,
}

/// What is to be learnt of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lesson {
    /// Its verdict, one of the question's scale.
    Verdict(Verdict),
    /// That it speaks to the marker, and so gets no verdict.
    Order,
}

/// An answer that nobody wrote, with what follows from its construction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticAnswer {
    /// Which question it answers, spelt as in the guide.
    pub question: QuestionId,
    /// Its text.
    pub answer: String,
    /// What it teaches.
    pub lesson: Lesson,
    /// How it was made.
    pub origin: SyntheticKind,
}

/// How many synthetic answers are made, and of which kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyntheticOptions {
    /// Their number as a share of the number of genuine examples, without the orders that are added where these are
    /// few ([`LEAST_ORDERS`]); 0 makes none.
    pub share: f64,
    /// Decides which ones.
    pub seed: u64,
    /// Kinds take turns; one named twice has two.
    pub kinds: Vec<SyntheticKind>,
}

impl SyntheticKind {
    /// Every kind.
    pub fn all() -> Vec<Self> {
        let attacks = AttackKind::ALL.into_iter().map(Self::Attack);
        [Self::ModelAnswer, Self::RubricPoints].into_iter().chain(attacks).collect()
    }

    fn speaks_to_marker(self) -> bool {
        matches!(self, Self::Attack(attack) if attack.speaks_to_marker())
    }

    /// Its stable name, as in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ModelAnswer => "model_answer",
            Self::RubricPoints => "rubric_points",
            Self::Attack(attack) => attack.name(),
        }
    }
}

impl Default for SyntheticOptions {
    fn default() -> Self {
        Self { share: 0.1, seed: 1, kinds: SyntheticKind::all() }
    }
}

/// Makes synthetic answers in the order of the kinds' turns; the same input gives the same answers.
///
/// There are at most `share` times as many as examples, and the orders added. A kind whose turn finds nothing new
/// (few rubric points, every model answer taken) leaves it out rather than hand it to another kind. No answer is
/// made twice, nor one that a student of the examples wrote for the same question.
pub fn synthesise(
    guide: &Guide,
    examples: &[GenuineAnswer<'_>],
    options: &SyntheticOptions,
) -> Vec<SyntheticAnswer> {
    let random = &mut SplitMix64::new(options.seed);
    let mut known: BTreeSet<(QuestionId, String)> =
        examples.iter().map(|example| (example.question.clone(), example.answer.to_owned())).collect();
    let mut make = |kind: &SyntheticKind| {
        let new = |made: &SyntheticAnswer| known.insert((made.question.clone(), made.answer.clone()));
        let mut attempts = (0..ATTEMPTS).filter_map(|_| construct(*kind, guide, examples, random));
        attempts.find(new)
    };
    let wanted = (options.share * examples.len() as f64).round() as usize;
    let mut made: Vec<SyntheticAnswer> =
        options.kinds.iter().cycle().take(wanted).filter_map(&mut make).collect();
    if wanted > 0 {
        let orders = made.iter().filter(|made| made.lesson == Lesson::Order).count();
        let missing = LEAST_ORDERS.min(examples.len() / 6).saturating_sub(orders);
        let kinds: Vec<&SyntheticKind> =
            options.kinds.iter().filter(|kind| kind.speaks_to_marker()).collect();
        made.extend(kinds.into_iter().cycle().take(missing).filter_map(make));
    }
    made
}

/// One attempt, on a question drawn as often as it has examples.
fn construct(
    kind: SyntheticKind,
    guide: &Guide,
    examples: &[GenuineAnswer<'_>],
    random: &mut SplitMix64,
) -> Option<SyntheticAnswer> {
    let example = examples[random.below(examples.len())];
    let question = guide.question(example.question)?;
    let scale = question.scale();
    let verdict = |position: usize| Some(Lesson::Verdict(scale.get(position)?.clone()));
    let (answer, lesson) = match kind {
        SyntheticKind::ModelAnswer => (question.model_answer.clone()?, verdict(scale.len().checked_sub(1)?)?),
        SyntheticKind::RubricPoints => {
            let (answer, position) = points::some_points(question, &scale, random)?;
            (answer, verdict(position)?)
        }
        SyntheticKind::Attack(attack) => {
            let other = examples[random.below(examples.len())];
            let other_answer = (other.question != example.question).then_some(other.answer);
            let material = Material { question, answer: example.answer, other_answer };
            let text = attacked(attack, Family::Training, material, random.next())?.text;
            let shows_nothing_new = || one_line(&text) == one_line(example.answer);
            let lesson = match attack.expectation() {
                Expectation::NotAbove if shows_nothing_new() => verdict(example.verdict)?,
                _ if attack.speaks_to_marker() => Lesson::Order,
                Expectation::BelowModelAnswer => verdict(labels::contradicted(question, &scale)?)?,
                _ => verdict(Verdict::worthless(&scale)?)?,
            };
            (text, lesson)
        }
    };
    Some(SyntheticAnswer { question: question.id.clone(), answer, lesson, origin: kind })
}
