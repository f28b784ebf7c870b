//! What can go wrong with base models, in words that say what to do next.

use super::terms::Terms;
use std::fmt;
use std::path::PathBuf;

/// A model that could not be fetched or found.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// No such name.
    #[error(
        "there is no model \"{name}\": it is neither installed, nor in the catalogue ({known}), nor a file or directory"
    )]
    Unknown {
        /// As asked for.
        name: String,
        /// Names that would work.
        known: String,
    },
    /// The catalogue has it, the disk does not.
    #[error("the model \"{name}\" is not on this machine yet; fetch it with: gradus models pull {name}{}", under(terms.as_ref()))]
    NotInstalled {
        /// Its name.
        name: String,
        /// What has to be accepted first.
        terms: Option<Terms>,
    },
    /// Nobody accepted its terms.
    #[error(
        "the model \"{name}\" was not fetched, as it is under terms that have to be accepted first: the {}. {} Read them; if you accept them, fetch it with: gradus models pull {name} --accept-licence",
        terms.reference(), terms.summary
    )]
    TermsNotAccepted {
        /// Its name.
        name: String,
        /// What they are.
        terms: Terms,
    },
    /// Every source failed.
    #[error(
        "the model \"{name}\" could not be fetched from any of its sources:\n{}What to do: {advice}",
        list(failures)
    )]
    AllSourcesFailed {
        /// Its name.
        name: String,
        /// In the order in which they were tried.
        failures: Vec<FailedSource>,
        /// What to do next.
        advice: String,
    },
    /// No room.
    #[error("the disk that holds {directory} is full{}; free some space and pull the model again (what was fetched so far has been removed)", needed(*bytes))]
    DiskFull {
        /// Where the model was to go.
        directory: PathBuf,
        /// Size of the model's files, where known.
        bytes: Option<u64>,
    },
    /// Two pulls at once.
    #[error("the model \"{name}\" is being pulled by another process; wait for it to finish")]
    PullInProgress {
        /// Its name.
        name: String,
    },
    /// The data directory would not do what was asked.
    #[error("cannot {doing} {path}: {source}")]
    Disk {
        /// What was attempted.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A source that did not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedSource {
    /// The source, in words.
    pub source: String,
    /// Why it failed.
    pub reason: String,
}

impl fmt::Display for FailedSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.source, self.reason)
    }
}

impl ModelsError {
    /// Trying again later may help without anyone doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::AllSourcesFailed { .. } | Self::PullInProgress { .. })
    }
}

fn list(failures: &[FailedSource]) -> String {
    failures.iter().map(|failure| format!("- {failure}\n")).collect()
}

fn under(terms: Option<&Terms>) -> String {
    terms.map_or_else(String::new, |terms| format!(" (it is under the {})", terms.reference()))
}

fn needed(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(" (the model needs {} MB)", bytes.div_ceil(1_000_000)))
}
