//! The confidence above which answers are marked automatically, chosen for a wanted agreement with people so
//! that having searched for it does not weaken the promise: fixed-sequence testing, as in Angelopoulos, Bates,
//! Candès, Jordan and Lei, "Learn then Test" (2021).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::binomial;
use super::design_effect::{effective_sizes, intra_cluster_correlation};
use super::no_threshold::{LEAST_CLUSTERS, NoThreshold};
use crate::metrics::on_scale;

/// Searches start with the surest fifth (to mark fewer is hardly worth the trouble, and of the first few a
/// single error would end it) and with the surest half, which saves the outcome where the surest answers are no
/// better than the next. In simulations two searches, each at half the risk, lost little to one where
/// confidence orders answers well and gained much where it does not.
const FIRST_SHARES: [usize; 2] = [5, 2];
/// A search takes in one answer in so many at a time.
const STEP_SHARE: usize = 50;

/// A validation answer and what became of its mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedAnswer {
    /// How sure the mark was, 0 to 1 (others are clamped; what is not a number counts as 0).
    pub confidence: f64,
    /// Whether it agrees with the person's.
    pub agrees: bool,
    /// Answers with one number are not independent: one student's, or those to one question where it is other
    /// questions that the threshold is for.
    pub cluster: usize,
}

/// What is wanted of the answers that are marked automatically.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WantedAgreement {
    /// The share of them that must have the mark that a person gives, above 0 and below 1.
    pub agreement: f64,
    /// How sure that must be, above 0 and below 1: at .95, one class in twenty may fall below it.
    pub level: f64,
}

/// A confidence from which on answers are marked automatically.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The least confidence to mark by.
    pub confidence: f64,
    /// What it was chosen for.
    pub wanted: WantedAgreement,
    /// The validation answers it was chosen on.
    pub answers: usize,
    /// How many of these it marks.
    pub automatic: usize,
    /// The share of those that agree with the person's mark.
    pub agreement: f64,
    /// What their share is at least in all answers of the kind, at the wanted level.
    pub agreement_at_least: f64,
}

impl Threshold {
    /// The lowest confidence found above which agreement is as wanted. A search takes in more and more answers,
    /// the surest first, as long as the lower bound of Clopper and Pearson reaches the wanted agreement. Since
    /// it stops at the first failure, and the searches share the risk, the wanted level holds for the outcome;
    /// for answers of the same kind as the validation answers, and for those alone.
    ///
    /// Answers of one cluster are right or wrong together, so a bound is that of as many independent answers as
    /// they are worth (Korn and Graubard, "Confidence intervals for proportions with small expected number of
    /// positive counts estimated from survey data", Survey Methodology 24(2), 1998). How alike they are is
    /// estimated on all of them, since among the surest too few disagree to tell.
    ///
    /// # Errors
    /// Where no confidence is good enough, and why.
    pub fn choose(judged: &[JudgedAnswer], wanted: WantedAgreement) -> Result<Self, NoThreshold> {
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        if !is_share(wanted.agreement) || !is_share(wanted.level) {
            return Err(NoThreshold::OutOfRange(wanted));
        }
        let surest = Surest::new(judged, wanted);
        let answers = judged.len();
        let needed = (surest.risk.ln() / wanted.agreement.ln()).ceil() as usize;
        let Some(fewest) = surest.independent.iter().position(|independent| *independent >= needed) else {
            let independent = surest.independent.iter().copied().max().unwrap_or(0);
            return Err(NoThreshold::TooFewAnswers { wanted, answers, independent, needed });
        };
        let clusters = judged.iter().map(|one| one.cluster).collect::<BTreeSet<_>>().len();
        if clusters < LEAST_CLUSTERS {
            return Err(NoThreshold::TooFewClusters { answers, clusters });
        }
        let starts = FIRST_SHARES.map(|share| (fewest + 1).max(answers.div_ceil(share)));
        let found = starts.into_iter().filter_map(|start| surest.search(start));
        found.max_by_key(|found| found.automatic).ok_or_else(|| {
            let Self { automatic, agreement, .. } = surest.threshold(starts[0]);
            let agreed = (agreement * automatic as f64).round() as usize;
            NoThreshold::NotReached { wanted, answers, surest: automatic, agreed }
        })
    }

    /// Whether an answer of this confidence is marked automatically.
    pub fn accepts(&self, confidence: f64) -> bool {
        on_scale(confidence) >= self.confidence
    }

    /// The share of the validation answers that is marked automatically, 0 to 1.
    pub fn automatic_share(&self) -> f64 {
        self.automatic as f64 / self.answers as f64
    }
}

/// Validation answers by confidence, the surest first.
struct Surest {
    confidences: Vec<f64>,
    /// How many of the surest one, two, three … agree.
    agreeing: Vec<usize>,
    /// How many independent answers the surest one, two, three … are worth, rounded down.
    independent: Vec<usize>,
    wanted: WantedAgreement,
    /// The risk that one search may take.
    risk: f64,
}

impl Surest {
    fn new(judged: &[JudgedAnswer], wanted: WantedAgreement) -> Self {
        let mut judged = judged.to_vec();
        judged.iter_mut().for_each(|one| one.confidence = on_scale(one.confidence));
        judged.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let agreeing = judged.iter().scan(0, |sum, one| {
            *sum += usize::from(one.agrees);
            Some(*sum)
        });
        let correlation = intra_cluster_correlation(judged.iter().map(|one| (one.cluster, one.agrees)));
        let independent = effective_sizes(judged.iter().map(|one| one.cluster), correlation);
        Self {
            agreeing: agreeing.collect(),
            confidences: judged.iter().map(|one| one.confidence).collect(),
            independent: independent.into_iter().map(|size| size as usize).collect(),
            wanted,
            risk: (1.0 - wanted.level) / FIRST_SHARES.len() as f64,
        }
    }

    /// The last threshold that is good enough, from the surest `start` answers on.
    fn search(&self, start: usize) -> Option<Threshold> {
        let answers = self.confidences.len();
        let counts = (start..answers).step_by((answers / STEP_SHARE).max(1)).chain([answers]);
        let tried = counts.map(|count| self.threshold(count));
        tried.take_while(|tried| tried.agreement_at_least >= self.wanted.agreement).last()
    }

    /// The threshold that accepts the surest `count` answers, and others as sure as the last of them.
    fn threshold(&self, count: usize) -> Threshold {
        let confidence = self.confidences[count - 1];
        let automatic = self.confidences.partition_point(|other| *other >= confidence);
        let (agreed, independent) = (self.agreeing[automatic - 1], self.independent[automatic - 1]);
        Threshold {
            confidence,
            wanted: self.wanted,
            answers: self.confidences.len(),
            automatic,
            agreement: agreed as f64 / automatic as f64,
            agreement_at_least: binomial::lower_bound(
                agreed * independent / automatic,
                independent,
                self.risk,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Prediction;
    use crate::metrics::random::SplitMix64;

    const WANTED: WantedAgreement = WantedAgreement { agreement: 0.9, level: 0.95 };

    fn uniform(random: &mut SplitMix64) -> f64 {
        (random.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Answers by as many students.
    fn independent(predictions: &[Prediction]) -> Vec<JudgedAnswer> {
        let numbered = predictions.iter().enumerate();
        numbered
            .map(|(cluster, &(confidence, agrees))| JudgedAnswer { confidence, agrees, cluster })
            .collect()
    }

    /// Answers whose mark is right as often as the confidence says, from .5 to 1.
    fn calibrated(count: usize, random: &mut SplitMix64) -> Vec<JudgedAnswer> {
        let one = |random: &mut SplitMix64| {
            let confidence = 0.5 + uniform(random) / 2.0;
            (confidence, uniform(random) < confidence)
        };
        independent(&(0..count).map(|_| one(random)).collect::<Vec<_>>())
    }

    /// How much easier or harder than usual questions are, in log odds: one standard deviation.
    const UNLIKE: f64 = 1.2;

    fn logistic(log_odds: f64) -> f64 {
        1.0 / (1.0 + (-log_odds).exp())
    }

    /// How often marks of these log odds are right over all questions: the mean over the normal distribution.
    fn over_all_questions(log_odds: f64) -> f64 {
        let points = (0..40).map(|n| f64::from(n) * 0.15 - 2.925);
        let weighted = points.map(|z| ((-z * z / 2.0).exp(), logistic(log_odds + UNLIKE * z)));
        let (weights, sum) =
            weighted.fold((0.0, 0.0), |(all, sum), (weight, right)| (all + weight, sum + weight * right));
        sum / weights
    }

    /// Sixty answers to each of fifteen questions, some easier for the marker than others; over all questions
    /// marks are right as often as the confidence says.
    fn by_question(random: &mut SplitMix64) -> Vec<JudgedAnswer> {
        let mut answers = Vec::new();
        for cluster in 0..15 {
            let normal = (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0;
            for _ in 0..60 {
                let log_odds = 5.0 * uniform(random) - 1.0;
                let agrees = uniform(random) < logistic(log_odds + UNLIKE * normal);
                answers.push(JudgedAnswer { confidence: over_all_questions(log_odds), agrees, cluster });
            }
        }
        answers
    }

    #[test]
    fn questions_that_are_unlike_do_not_weaken_the_promise() {
        let share_above = |confidence: f64| {
            let all = (0..=500).map(|n| over_all_questions(f64::from(n) / 100.0 - 1.0));
            let above: Vec<f64> = all.filter(|right| *right >= confidence).collect();
            above.iter().sum::<f64>() / above.len() as f64
        };
        let misses = |answers: &[JudgedAnswer]| {
            Threshold::choose(answers, WANTED)
                .is_ok_and(|threshold| share_above(threshold.confidence) < WANTED.agreement)
        };
        let mut random = SplitMix64::new(8);
        let (mut missed, mut missed_if_independent, mut chosen) = (0, 0, 0);
        for _ in 0..200 {
            let answers = by_question(&mut random);
            missed += usize::from(misses(&answers));
            chosen += usize::from(Threshold::choose(&answers, WANTED).is_ok());
            let each_its_own: Vec<JudgedAnswer> =
                answers.iter().enumerate().map(|(cluster, one)| JudgedAnswer { cluster, ..*one }).collect();
            missed_if_independent += usize::from(misses(&each_its_own));
        }
        // 10 of 200 are allowed, with a standard deviation of 3.1.
        assert!(chosen >= 10 && missed <= 13, "{missed} of {chosen}");
        assert!(
            missed_if_independent > 20,
            "nothing would be lost without clusters: {missed_if_independent}"
        );
    }

    #[test]
    fn answers_to_few_questions_promise_nothing_of_others() {
        let message = |answers: &[JudgedAnswer]| Threshold::choose(answers, WANTED).unwrap_err().to_string();
        let right = |questions: usize| -> Vec<JudgedAnswer> {
            (0..400).map(|n| JudgedAnswer { confidence: 0.9, agrees: true, cluster: n % questions }).collect()
        };
        assert!(message(&right(4)).contains("to 4 questions or by 4 students"), "{}", message(&right(4)));
        assert!(Threshold::choose(&right(5), WANTED).is_ok());
        let half_of_the_questions: Vec<JudgedAnswer> =
            right(10).into_iter().map(|one| JudgedAnswer { agrees: one.cluster < 5, ..one }).collect();
        let message = message(&half_of_the_questions);
        assert!(message.contains("400 validation answers, so much alike"), "{message}");
        assert!(message.contains("tell no more than 10 would, are too few"), "{message}");
    }

    #[test]
    fn the_wanted_agreement_is_missed_no_more_often_than_the_level_allows() {
        let mut random = SplitMix64::new(4);
        let (mut missed, mut share) = (0, 0.0);
        for _ in 0..400 {
            let Ok(threshold) = Threshold::choose(&calibrated(2000, &mut random), WANTED) else { continue };
            // Confidences are uniform up to 1 and true: the answers above agree in the middle between.
            missed += usize::from(f64::midpoint(threshold.confidence, 1.0) < WANTED.agreement);
            share += threshold.automatic_share() / 400.0;
        }
        // 20 of 400 are allowed, with a standard deviation of 4.4.
        assert!(missed <= 28, "{missed} of 400");
        // All that is above .8 would do, which is two answers in five; being sure costs some of it.
        assert!((0.25..0.4).contains(&share), "{share}");
    }

    #[test]
    fn a_confidence_that_says_nothing_is_seldom_taken_for_one_that_does() {
        let mut random = SplitMix64::new(6);
        let mut taken = 0;
        for _ in 0..400 {
            let answers: Vec<Prediction> =
                (0..500).map(|n| (1.0 - f64::from(n) / 1000.0, uniform(&mut random) < 0.89)).collect();
            taken += usize::from(Threshold::choose(&independent(&answers), WANTED).is_ok());
        }
        // Whatever is accepted agrees in 89 of 100. The best of all thresholds would do so 48 times.
        assert!(taken <= 20, "{taken} of 400");
    }

    #[test]
    fn more_validation_answers_let_more_be_marked_automatically() {
        let mut random = SplitMix64::new(9);
        let share = |count, random: &mut SplitMix64| {
            Threshold::choose(&calibrated(count, random), WANTED).map_or(0.0, |found| found.automatic_share())
        };
        let (few, many) = (share(300, &mut random), share(50_000, &mut random));
        assert!(few < many && many > 0.36, "{few} {many}");
    }

    #[test]
    fn every_answer_is_marked_where_all_agree_and_equal_confidences_stay_together() {
        let mut predictions = vec![(0.7, true); 200];
        let threshold = Threshold::choose(&independent(&predictions), WANTED).unwrap();
        assert_eq!((threshold.confidence, threshold.automatic_share()), (0.7, 1.0));
        assert!(threshold.accepts(0.7) && !threshold.accepts(0.69) && !threshold.accepts(f64::NAN));
        // Half of those that are less sure are wrong: they stay out whole.
        predictions.extend((0..200).map(|n| (0.6, n % 2 == 0)));
        let threshold = Threshold::choose(&independent(&predictions), WANTED).unwrap();
        assert_eq!((threshold.confidence, threshold.automatic, threshold.agreement), (0.7, 200, 1.0));
        assert!(threshold.agreement_at_least > 0.97, "{threshold:?}");
    }

    #[test]
    fn why_there_is_no_threshold_is_said() {
        let message = |predictions: &[Prediction], wanted| {
            Threshold::choose(&independent(predictions), wanted).unwrap_err().to_string()
        };
        let out_of_range = WantedAgreement { agreement: 1.0, ..WANTED };
        assert!(message(&[(0.9, true); 500], out_of_range).contains("above 0 and below 1"));
        assert!(message(&[(0.9, true); 20], WANTED).contains("it would take at least 36"));
        assert!(message(&[], WANTED).starts_with("0 validation answers are too few"));
        let half: Vec<Prediction> = (0..500).map(|n| (0.9, n % 2 == 0)).collect();
        assert!(message(&half, WANTED).contains("surest 500 of 500 validation answers 250 agree"));
    }

    #[test]
    fn a_threshold_survives_being_stored() {
        let threshold = Threshold::choose(&calibrated(2000, &mut SplitMix64::new(2)), WANTED).unwrap();
        let stored = serde_json::to_string(&threshold).unwrap();
        assert_eq!(serde_json::from_str::<Threshold>(&stored).unwrap(), threshold);
    }
}
