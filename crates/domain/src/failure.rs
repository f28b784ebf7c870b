//! What went wrong, sorted by what can be done about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// Whose move it is after a failure.
    "category" Category {
        /// What was uploaded or asked for is wrong: the person who did so.
        Input = "input",
        /// The server is set up wrongly: its administrator.
        Configuration = "configuration",
        /// Memory, disk or processor ran out.
        Resource = "resource",
        /// Another machine did not answer, or refused.
        Network = "network",
        /// Database or blob store did not do its work.
        Storage = "storage",
        /// A model's files, or what it computes, are not sound.
        Model = "model",
        /// The process that did the work was lost.
        Worker = "worker",
        /// A fault of Gradus.
        Internal = "internal",
    }
}

words! {
    /// How bad a failure is.
    "severity" Severity {
        /// Nothing is lost; it will be tried again.
        Warning = "warning",
        /// One piece of work ended.
        Error = "error",
        /// The server as a whole cannot do its work.
        Critical = "critical",
    }
}

/// A failure, as it is stored with what it befell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose move it is.
    pub category: Category,
    /// How bad it is.
    pub severity: Severity,
    /// Whether trying again later may help.
    pub is_transient: bool,
    /// What happened and what to do, for people.
    pub message: String,
}

/// How a category's transient failures are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// How many times the work may be begun, the first time included.
    pub most_attempts: u32,
    /// The wait before the second time; it doubles from time to time.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Category {
    /// How its transient failures are met.
    pub fn recovery(self) -> Recovery {
        let (most_attempts, first_wait_s, longest_wait_s) = match self {
            // The same input fails the same way.
            Self::Input | Self::Configuration | Self::Internal => (1, 0, 0),
            Self::Model => (2, 5, 5),
            Self::Worker => (3, 0, 0),
            Self::Storage => (8, 1, 60),
            Self::Resource => (6, 15, 600),
            Self::Network => (8, 2, 300),
        };
        Recovery {
            most_attempts,
            first_wait: Duration::from_secs(first_wait_s),
            longest_wait: Duration::from_secs(longest_wait_s),
        }
    }
}

impl Failure {
    /// What the owner of the thing that it befell is told. What is wrong with what they sent or asked for, they read in
    /// full. What is wrong with the server has paths and addresses in it: administrators read it among the error events.
    pub fn told(&self) -> &str {
        match self.category {
            Category::Input | Category::Model => &self.message,
            Category::Configuration => {
                "The server is not set up for this. An administrator finds the reason among the error events."
            }
            Category::Resource => {
                "The server ran short of memory or disk. Try again later, or ask an administrator."
            }
            Category::Network => "Another machine that this needs did not answer. Try again later.",
            Category::Storage => {
                "The server could not store or read something. An administrator finds the reason among the error events."
            }
            Category::Worker => {
                "The process that did the work was lost, more than once. Try again, or ask an administrator."
            }
            Category::Internal => {
                "Something went wrong in the server. An administrator finds the reason among the error events."
            }
        }
    }

    /// How long to wait before the work is begun again after `attempts` times, or none if it is given up.
    /// `chance` in 0..1 spreads the waits over their upper half, so that many failures at once do not all come back at once
    /// ("equal jitter", M. Brooker, Exponential Backoff And Jitter, 2015).
    pub fn wait_before_next(&self, attempts: u32, chance: f64) -> Option<Duration> {
        let recovery = self.category.recovery();
        if !self.is_transient || attempts >= recovery.most_attempts {
            return None;
        }
        let doublings = attempts.saturating_sub(1).min(20);
        let whole = recovery.first_wait.saturating_mul(1 << doublings).min(recovery.longest_wait);
        Some(whole.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Word;

    fn failure(category: Category, is_transient: bool) -> Failure {
        Failure { category, severity: Severity::Error, is_transient, message: "it broke".to_owned() }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_last_attempt() {
        let lost = failure(Category::Network, true);
        let waits: Vec<_> = (1..).map_while(|attempts| lost.wait_before_next(attempts, 1.0)).collect();
        assert_eq!(waits.iter().map(Duration::as_secs).collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64, 128]);
        let starved = failure(Category::Resource, true);
        assert_eq!(starved.wait_before_next(5, 1.0), Some(Duration::from_secs(240)));
    }

    #[test]
    fn chance_moves_a_wait_within_its_upper_half() {
        let lost = failure(Category::Network, true);
        assert_eq!(lost.wait_before_next(2, 0.0), Some(Duration::from_secs(2)));
        assert_eq!(lost.wait_before_next(2, 0.5), Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_is_not_transient_is_never_begun_again() {
        for &category in Category::ALL {
            assert_eq!(failure(category, false).wait_before_next(1, 0.5), None);
        }
    }

    #[test]
    fn owners_read_what_is_wrong_with_their_own_and_nothing_of_the_machine() {
        for &category in Category::ALL {
            let message = "cannot write /var/lib/gradus/x".to_owned();
            let failure = Failure { message, ..failure(category, false) };
            let own = matches!(category, Category::Input | Category::Model);
            assert_eq!(failure.told().contains("/var"), own, "{}", category.word());
        }
    }

    #[test]
    fn work_that_loses_its_worker_three_times_is_given_up() {
        let lost = failure(Category::Worker, true);
        assert_eq!(lost.wait_before_next(2, 0.3), Some(Duration::ZERO));
        assert_eq!(lost.wait_before_next(3, 0.3), None);
    }
}
