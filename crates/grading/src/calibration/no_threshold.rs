//! Why no confidence is high enough to mark answers without a person, and what to do about it.

use super::WantedAgreement;

/// From fewer questions, or fewer students, nothing follows for others, however many answers there are.
pub(super) const LEAST_CLUSTERS: usize = 5;

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
        "{} are too few to be sure of {}: even if all agreed it would take at least {needed}. Have more marked \
         answers for validation, or want less",
        counted(*.answers, *.independent), .wanted.agreement
    )]
    TooFewAnswers {
        /// What was wanted.
        wanted: WantedAgreement,
        /// How many answers there are.
        answers: usize,
        /// How many independent ones they are worth.
        independent: usize,
        /// How many independent agreeing ones it would take.
        needed: usize,
    },
    /// They are many, but of few clusters.
    #[error(
        "the {answers} validation answers are to {clusters} questions or by {clusters} students alone, from which \
         nothing follows for others: have answers to or by at least {LEAST_CLUSTERS}"
    )]
    TooFewClusters {
        /// How many answers there are.
        answers: usize,
        /// How many clusters.
        clusters: usize,
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

/// How a message counts answers.
fn counted(answers: usize, independent: usize) -> String {
    let counted = format!("{answers} validation answers");
    if independent == answers {
        return counted;
    }
    format!(
        "{counted}, so much alike within a question or student that they tell no more than {independent} would,"
    )
}
