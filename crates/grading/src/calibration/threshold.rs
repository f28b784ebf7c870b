//! The confidence above which answers are marked automatically, chosen for a wanted agreement with people so
//! that having searched for it does not weaken the promise: fixed-sequence testing, as in Angelopoulos, Bates,
//! Candès, Jordan and Lei, "Learn then Test" (2021).

use serde::{Deserialize, Serialize};

use super::binomial;
use crate::metrics::{Prediction, on_scale};

/// Searches start with the surest fifth (to mark fewer is hardly worth the trouble, and of the first few a
/// single error would end it) and with the surest half, which saves the outcome where the surest answers are no
/// better than the next. In simulations two searches, each at half the risk, lost little to one where
/// confidence orders answers well and gained much where it does not.
const FIRST_SHARES: [usize; 2] = [5, 2];
/// A search takes in one answer in so many at a time.
const STEP_SHARE: usize = 50;

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

/// Why there is no threshold.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NoThreshold {
    /// The wish cannot be understood.
    #[error(
        "an agreement of {} at a level of {} cannot be had: choose both above 0 and below 1",
        .0.agreement, .0.level
    )]
    OutOfRange(WantedAgreement),
    /// Even if all were right, there would be too few.
    #[error(
        "{answers} validation answers are too few to be sure of {}: even if all agreed it would take at \
         least {needed}. Have more marked answers for validation, or want less",
        .wanted.agreement
    )]
    TooFewAnswers {
        /// What was wanted.
        wanted: WantedAgreement,
        /// How many answers there are.
        answers: usize,
        /// How many agreeing ones it would take.
        needed: usize,
    },
    /// Not even the surest agree often enough.
    #[error(
        "no confidence is high enough to be sure of {}: of the surest {surest} of {answers} validation answers \
         {agreed} agree. Look at every answer, train with more marked answers, or want less",
        .wanted.agreement
    )]
    NotReached {
        /// What was wanted.
        wanted: WantedAgreement,
        /// How many answers there are.
        answers: usize,
        /// The fewest that were tried.
        surest: usize,
        /// How many of these agree.
        agreed: usize,
    },
}

impl Threshold {
    /// The lowest confidence found above which agreement is as wanted. A search takes in more and more answers,
    /// the surest first, as long as the lower bound of Clopper and Pearson reaches the wanted agreement. Since
    /// it stops at the first failure, and the searches share the risk, the wanted level holds for the outcome;
    /// for answers of the same kind as the validation answers, and for those alone.
    ///
    /// # Errors
    /// Where no confidence is good enough, and why.
    pub fn choose(predictions: &[Prediction], wanted: WantedAgreement) -> Result<Self, NoThreshold> {
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        if !is_share(wanted.agreement) || !is_share(wanted.level) {
            return Err(NoThreshold::OutOfRange(wanted));
        }
        let surest = Surest::new(predictions, wanted);
        let answers = predictions.len();
        let needed = (surest.risk.ln() / wanted.agreement.ln()).ceil() as usize;
        if answers < needed {
            return Err(NoThreshold::TooFewAnswers { wanted, answers, needed });
        }
        let starts = FIRST_SHARES.map(|share| needed.max(answers.div_ceil(share)));
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

/// Predictions by confidence, the surest first.
struct Surest {
    predictions: Vec<Prediction>,
    /// How many of the surest one, two, three … agree.
    agreeing: Vec<usize>,
    wanted: WantedAgreement,
    /// The risk that one search may take.
    risk: f64,
}

impl Surest {
    fn new(predictions: &[Prediction], wanted: WantedAgreement) -> Self {
        let mut predictions: Vec<Prediction> =
            predictions.iter().map(|(confidence, agrees)| (on_scale(*confidence), *agrees)).collect();
        predictions.sort_by(|a, b| b.0.total_cmp(&a.0));
        let agreeing = predictions.iter().scan(0, |sum, (_, agrees)| {
            *sum += usize::from(*agrees);
            Some(*sum)
        });
        let agreeing = agreeing.collect();
        let risk = (1.0 - wanted.level) / FIRST_SHARES.len() as f64;
        Self { agreeing, wanted, risk, predictions }
    }

    /// The last threshold that is good enough, from the surest `start` answers on.
    fn search(&self, start: usize) -> Option<Threshold> {
        let answers = self.predictions.len();
        let counts = (start..answers).step_by((answers / STEP_SHARE).max(1)).chain([answers]);
        let tried = counts.map(|count| self.threshold(count));
        tried.take_while(|tried| tried.agreement_at_least >= self.wanted.agreement).last()
    }

    /// The threshold that accepts the surest `count` answers, and others as sure as the last of them.
    fn threshold(&self, count: usize) -> Threshold {
        let confidence = self.predictions[count - 1].0;
        let automatic = self.predictions.partition_point(|(other, _)| *other >= confidence);
        let agreed = self.agreeing[automatic - 1];
        Threshold {
            confidence,
            wanted: self.wanted,
            answers: self.predictions.len(),
            automatic,
            agreement: agreed as f64 / automatic as f64,
            agreement_at_least: binomial::lower_bound(agreed, automatic, self.risk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::SplitMix64;

    const WANTED: WantedAgreement = WantedAgreement { agreement: 0.9, level: 0.95 };

    fn uniform(random: &mut SplitMix64) -> f64 {
        (random.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Answers whose mark is right as often as the confidence says, from .5 to 1.
    fn calibrated(count: usize, random: &mut SplitMix64) -> Vec<Prediction> {
        let one = |random: &mut SplitMix64| {
            let confidence = 0.5 + uniform(random) / 2.0;
            (confidence, uniform(random) < confidence)
        };
        (0..count).map(|_| one(random)).collect()
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
            taken += usize::from(Threshold::choose(&answers, WANTED).is_ok());
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
        let threshold = Threshold::choose(&predictions, WANTED).unwrap();
        assert_eq!((threshold.confidence, threshold.automatic_share()), (0.7, 1.0));
        assert!(threshold.accepts(0.7) && !threshold.accepts(0.69) && !threshold.accepts(f64::NAN));
        // Half of those that are less sure are wrong: they stay out whole.
        predictions.extend((0..200).map(|n| (0.6, n % 2 == 0)));
        let threshold = Threshold::choose(&predictions, WANTED).unwrap();
        assert_eq!((threshold.confidence, threshold.automatic, threshold.agreement), (0.7, 200, 1.0));
        assert!(threshold.agreement_at_least > 0.97, "{threshold:?}");
    }

    #[test]
    fn why_there_is_no_threshold_is_said() {
        let message = |predictions: &[Prediction], wanted| {
            Threshold::choose(predictions, wanted).unwrap_err().to_string()
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
