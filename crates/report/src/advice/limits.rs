//! Whether marks may stand unseen: automatic marking, and answers written to mislead.

use gradus_grading::robustness::{AttackGroup, AttackSummary};

use super::Advice;
use crate::data::{AutomaticMarking, RobustnessFacts};
use crate::intervals::share_interval;
use crate::numbers::{grouped, percent, percent_interval};

/// Attacks that surely work less often than this count as rarely working.
const RARELY: f64 = 0.05;

/// Whether fewer attacks work than count, beyond the uncertainty of having tried so many.
pub(crate) fn rarely_works(attacks: &AttackSummary) -> bool {
    share_interval(attacks.share_raised, attacks.count).high <= RARELY
}

/// How many of the attacks worked.
pub(crate) fn raised(attacks: &AttackSummary) -> usize {
    number_of(attacks.share_raised, attacks)
}

/// How many of the attacks a share of them is.
pub(crate) fn number_of(share: f64, attacks: &AttackSummary) -> usize {
    (share * attacks.count as f64).round() as usize
}

impl Advice {
    pub(super) fn on_automatic(&mut self, automatic: &AutomaticMarking) {
        const WHAT: &str = "Marking the surest answers by itself";
        let Some(agreement) = &automatic.agreement_here else {
            let reason = automatic.reason.as_deref();
            self.against(WHAT, reason.unwrap_or("None of these answers is sure enough for it."));
            return;
        };
        let numbers = format!(
            "Where it is sure enough ({} of these answers), it has the teacher’s mark on {} ({}); the aim was {}.",
            percent(automatic.share_here),
            percent(agreement.value),
            percent_interval(agreement),
            percent(automatic.wanted_agreement),
        );
        if agreement.low >= automatic.wanted_agreement {
            self.for_use(WHAT, numbers);
        } else {
            self.against(WHAT, format!("{numbers} This test does not show that it is reached."));
        }
    }

    pub(super) fn on_attacks(&mut self, robustness: &RobustnessFacts) {
        let Some(injections) = robustness.summary.groups.get(&AttackGroup::Injection) else {
            return;
        };
        let numbers = format!(
            "Words for the marker added to an answer raised its mark in {} of {} attempts.",
            grouped(raised(injections) as u64),
            grouped(injections.count as u64),
        );
        if rarely_works(injections) {
            self.for_use("Not being talked into marks", numbers);
        } else {
            self.against("Answers of students who try to talk it into marks", numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_grading::metrics::Estimate;

    fn automatic(low: f64) -> AutomaticMarking {
        AutomaticMarking {
            kind: "answers".into(),
            count: 100,
            wanted_agreement: 0.9,
            threshold: Some(0.7),
            share_on_validation: 0.6,
            share_here: 0.5,
            agreement_here: Some(Estimate { value: 0.95, low, high: 1.0 }),
            reason: None,
        }
    }

    #[test]
    fn automatic_marks_are_trusted_only_where_their_whole_interval_is_as_wanted() {
        let mut advice = Advice::default();
        advice.on_automatic(&automatic(0.91));
        assert_eq!((advice.trust.len(), advice.distrust.len()), (1, 0));
        advice.on_automatic(&automatic(0.89));
        assert_eq!((advice.trust.len(), advice.distrust.len()), (1, 1));
        let none =
            AutomaticMarking { agreement_here: None, reason: Some("Too few.".into()), ..automatic(0.0) };
        advice.on_automatic(&none);
        assert_eq!(advice.distrust[1].why, "Too few.");
    }

    #[test]
    fn a_few_attempts_without_success_do_not_show_that_attacks_rarely_work() {
        let attacks = |count| AttackSummary {
            count,
            mean_shift: 0.0,
            mean_upward_shift: 0.0,
            share_raised: 0.0,
            share_raised_to_full: 0.0,
            share_found_out: 0.0,
            worst: Vec::new(),
        };
        assert!(!rarely_works(&attacks(20)));
        assert!(rarely_works(&attacks(200)));
    }
}
