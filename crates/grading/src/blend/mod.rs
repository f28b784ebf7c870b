//! One distribution from several: a language model's with those of other markers, as far as validation answers say
//! that it pays. Knows nothing of where the distributions come from.

mod pool;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use pool::{Pool, log_loss};

/// With fewer validation answers, weights would follow chance.
const MIN_ANSWERS: usize = 50;
/// With fewer new questions, weights would follow what happens to hold for these.
const MIN_QUESTIONS: usize = 3;
/// How many parts the validation answers are cut into to see what a blend gains on answers it was not fitted on.
const FOLDS: usize = 5;
/// A gain counts where it is above this many of its standard errors.
const STANDARD_ERRORS: f64 = 1.0;

/// A validation answer with what each source makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BlendExample {
    /// One distribution over the question's scale a source; the language model's first.
    pub sources: Vec<Vec<f64>>,
    /// The position of the verdict given.
    pub verdict: usize,
    /// Whether the sources learnt from marked answers to the question.
    pub marked_question: bool,
    /// Answers with one number are not independent: one student's where the question has marked answers; elsewhere
    /// those to one question, for it is other questions that the weights are for.
    pub cluster: usize,
}

/// How distributions are blended: by weights of their own where the question has marked answers, and where not.
///
/// Blending is a log-linear pool, `softmax(Σ_s w_s log p_s)` with weights of at least 0 (Genest and Zidek,
/// "Combining probability distributions", Statistical Science 1(1), 1986), learnt as in stacking (Wolpert 1992).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// For questions with marked answers.
    pub marked_questions: BlendFit,
    /// For questions without.
    pub new_questions: BlendFit,
}

/// What was learnt of one kind of questions, and what it gains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlendFit {
    /// The weight of each source, in their order; 1, 0, … is the language model alone.
    pub weights: Vec<f64>,
    /// Why these.
    pub decision: BlendDecision,
    /// Number of validation answers.
    pub count: usize,
    /// Mean log loss of the language model alone, in nats; `None` without answers.
    pub log_loss_alone: Option<f64>,
    /// Mean log loss of blends on answers that they were not fitted on, in nats; `None` where none was tried.
    pub log_loss_blended: Option<f64>,
}

/// Whether a blend is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlendDecision {
    /// It lowers the log loss by more than noise.
    Blended,
    /// It does not: the language model alone.
    NoGain,
    /// There are too few validation answers to tell, or to too few new questions: the language model alone.
    TooFewAnswers,
}

impl Blend {
    /// The language model alone, of `sources` sources.
    pub fn alone(sources: usize) -> Self {
        let fit = BlendFit::fit(&[], sources, 1);
        Self { marked_questions: fit.clone(), new_questions: fit }
    }

    /// Learns weights for `sources` sources. An example with another number of sources, with distributions of
    /// different lengths or with a verdict outside them is left out.
    pub fn fit(examples: &[BlendExample], sources: usize) -> Self {
        let is_whole = |example: &&BlendExample| {
            let mut lengths = example.sources.iter().map(Vec::len);
            let length = lengths.next().unwrap_or(0);
            example.sources.len() == sources
                && lengths.all(|other| other == length)
                && example.verdict < length
        };
        let of = |marked: bool, least_clusters: usize| {
            let examples = examples.iter().filter(is_whole);
            let kind: Vec<&BlendExample> =
                examples.filter(|example| example.marked_question == marked).collect();
            BlendFit::fit(&kind, sources, least_clusters)
        };
        Self { marked_questions: of(true, 1), new_questions: of(false, MIN_QUESTIONS) }
    }

    /// The blended distribution. `sources` are as many and in the same order as those it was learnt from, all over
    /// one scale.
    pub fn distribution<D: AsRef<[f64]>>(&self, sources: &[D], marked_question: bool) -> Vec<f64> {
        let fit = if marked_question { &self.marked_questions } else { &self.new_questions };
        match sources.first() {
            // Not by way of logarithms, so that the language model's own numbers stay to the last bit.
            Some(alone) if fit.decision != BlendDecision::Blended => alone.as_ref().to_vec(),
            _ => pool::pooled(&fit.weights, sources),
        }
    }
}

impl BlendFit {
    fn fit(examples: &[&BlendExample], sources: usize, least_clusters: usize) -> Self {
        let alone: Vec<f64> = (0..sources).map(|source| f64::from(u8::from(source == 0))).collect();
        let mut fit = Self {
            weights: alone.clone(),
            decision: BlendDecision::TooFewAnswers,
            count: examples.len(),
            log_loss_alone: mean(examples.iter().map(|example| log_loss(&alone, example))),
            log_loss_blended: None,
        };
        let clusters: BTreeSet<usize> = examples.iter().map(|example| example.cluster).collect();
        if examples.len() < MIN_ANSWERS || clusters.len() < least_clusters || sources < 2 {
            return fit;
        }
        let gains = gains_out_of_fold(examples, &alone);
        let gain = mean(gains.iter().map(|(_, gain)| *gain)).unwrap_or(0.0);
        fit.log_loss_blended = fit.log_loss_alone.map(|alone| alone - gain);
        fit.decision = BlendDecision::NoGain;
        if gain > STANDARD_ERRORS * standard_error(&gains, gain) {
            fit.decision = BlendDecision::Blended;
            fit.weights = Pool::of(examples).fitted(&alone);
        }
        fit
    }
}

/// For each example its cluster and by how much a blend fitted on the other folds lowers its log loss. A cluster's
/// answers are in one fold, unless there is a single student.
fn gains_out_of_fold(examples: &[&BlendExample], alone: &[f64]) -> Vec<(usize, f64)> {
    let one_cluster = examples.iter().all(|example| example.cluster == examples[0].cluster);
    let numbered = examples.iter().enumerate();
    let clusters: Vec<usize> =
        numbered.map(|(number, example)| if one_cluster { number } else { example.cluster }).collect();
    let mut gains = vec![(0, 0.0); examples.len()];
    for fold in 0..FOLDS {
        let is_here = |position: &usize| clusters[*position] % FOLDS == fold;
        let (here, others): (Vec<usize>, Vec<usize>) = (0..examples.len()).partition(is_here);
        let others: Vec<&BlendExample> = others.into_iter().map(|position| examples[position]).collect();
        let weights = Pool::of(&others).fitted(alone);
        for position in here {
            let example = examples[position];
            gains[position] = (clusters[position], log_loss(alone, example) - log_loss(&weights, example));
        }
    }
    gains
}

/// Of the mean gain, when whole clusters are drawn (Cochran, Sampling Techniques, 1977, section 9A.1).
fn standard_error(gains: &[(usize, f64)], mean: f64) -> f64 {
    let mut by_cluster = BTreeMap::<usize, f64>::new();
    gains.iter().for_each(|(cluster, gain)| *by_cluster.entry(*cluster).or_default() += gain - mean);
    let clusters = by_cluster.len() as f64;
    let squares: f64 = by_cluster.values().map(|sum| sum * sum).sum();
    (squares * clusters / (clusters - 1.0).max(1.0)).sqrt() / gains.len() as f64
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}
