//! Errors sorted by what can be done about them: what is stored with the work that failed, and decides whether it is
//! begun again.

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_engine::training::TrainError;
use gradus_store::StoreError;

use crate::Error;

impl Error {
    /// Whose move it is.
    pub fn category(&self) -> Category {
        if let Some(category) = io_cause(self).and_then(category_of_io) {
            return category;
        }
        match self {
            Self::Interrupted | Self::Paused | Self::Child(_) => Category::Worker,
            Self::Store(error) => category_of_store(error),
            // A directory fails through the system, so that the rest is another machine.
            Self::Blobs(error) if error.is_transient() => Category::Network,
            // The files of Gradus's own that a service reads are those that it stored.
            Self::File { .. }
            | Self::Format { .. }
            | Self::Unfit { .. }
            | Self::Blobs(_)
            | Self::Checkpoint(_) => Category::Storage,
            Self::Models(error) if error.is_transient() => Category::Network,
            // A base model's files are whoever's who runs the server.
            Self::Models(_) | Self::ModelFiles(_) => Category::Configuration,
            Self::Train(TrainError::Checkpoint(_)) => Category::Storage,
            Self::Train(TrainError::NoLabels | TrainError::Plan { .. }) => Category::Input,
            Self::Backend(_) | Self::Train(_) | Self::Generation(_) => Category::Model,
            Self::Busy(_) => Category::Resource,
            Self::Report(_) | Self::Export(_) => Category::Internal,
            Self::Extract(_)
            | Self::Guide { .. }
            | Self::Paper { .. }
            | Self::Import(_)
            | Self::Conversations(_)
            | Self::Dataset(_)
            | Self::DatasetFile { .. }
            | Self::Tokenizer(_)
            | Self::Chat(_)
            | Self::Preflight { .. }
            | Self::Prompts { .. }
            | Self::Unanswered { .. }
            | Self::NothingToTest { .. }
            | Self::Invalid { .. }
            | Self::Quota(_)
            | Self::Request(_) => Category::Input,
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Store(StoreError::Damaged(_) | StoreError::Later { .. }) => Severity::Critical,
            Self::Store(error) if error.is_out_of_space() => Severity::Critical,
            error if error.is_transient() => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The error as it is stored.
    pub fn failure(&self) -> Failure {
        Failure {
            category: self.category(),
            severity: self.severity(),
            is_transient: self.is_transient() || matches!(self, Self::Child(_)) || is_out_of_something(self),
            message: self.to_string(),
        }
    }
}

/// What the system said, if it said something.
fn io_cause(error: &Error) -> Option<&std::io::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// Whose move it is when the system says this, where that is plain.
fn category_of_io(error: &std::io::Error) -> Option<Category> {
    use std::io::ErrorKind::{
        FileTooLarge, OutOfMemory, PermissionDenied, QuotaExceeded, ResourceBusy, StorageFull,
    };
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge | OutOfMemory | ResourceBusy => Some(Category::Resource),
        PermissionDenied => Some(Category::Configuration),
        _ => None,
    }
}

/// Whether there was too little of something, of which there may be more later.
fn is_out_of_something(error: &Error) -> bool {
    io_cause(error).and_then(category_of_io) == Some(Category::Resource)
}

fn category_of_store(error: &StoreError) -> Category {
    match error {
        StoreError::NotFound { .. }
        | StoreError::AlreadyThere { .. }
        | StoreError::InUse { .. }
        | StoreError::Stale { .. }
        | StoreError::Overtaken
        | StoreError::NotNow(_) => Category::Input,
        StoreError::LeaseLost(_) => Category::Worker,
        StoreError::Location(_) | StoreError::Later { .. } | StoreError::Behind { .. } => {
            Category::Configuration
        }
        StoreError::Changed { .. } | StoreError::Damaged(_) | StoreError::Database { .. } => {
            Category::Storage
        }
    }
}

/// What tells a kind of failure from others: its place and its words without what differs from time to time.
pub(crate) fn fingerprint(place: &str, failure: &Failure) -> String {
    let mut words = String::new();
    for word in failure.message.split_whitespace().take(40) {
        // Names, paths, numbers and ids differ from time to time.
        let is_name =
            word.chars().any(|letter| letter.is_ascii_digit() || matches!(letter, '/' | '\\' | '`' | '"'));
        words.push_str(if is_name { "…" } else { word });
        words.push(' ');
    }
    let text = format!("{place}\n{}\n{words}", failure.category);
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        Error::Request(message.to_owned()).failure()
    }

    #[test]
    fn failures_that_differ_in_names_and_numbers_are_of_one_kind() {
        let one = fingerprint("train", &failure("cannot read /data/a.json: 3 bytes are missing"));
        let other = fingerprint("train", &failure("cannot read /tmp/b.json: 17 bytes are missing"));
        assert_eq!(one, other);
        assert_ne!(one, fingerprint("train", &failure("cannot write /data/a.json: 3 bytes are missing")));
        assert_ne!(one, fingerprint("report", &failure("cannot read /data/a.json: 3 bytes are missing")));
    }

    #[test]
    fn a_full_disk_is_worth_another_try_and_a_wrong_request_is_not() {
        let full = Error::File {
            action: "write",
            path: "run/checkpoint".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        assert_eq!((full.failure().category, full.failure().is_transient), (Category::Resource, true));
        let checkpoint = gradus_engine::training::CheckpointError::Io {
            action: "write",
            path: "run/checkpoint".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        let deep = Error::Train(TrainError::Checkpoint(checkpoint)).failure();
        assert_eq!((deep.category, deep.is_transient), (Category::Resource, true), "however deep it lies");
        let wrong = Error::invalid("epochs", "must be above 0").failure();
        assert_eq!((wrong.category, wrong.is_transient), (Category::Input, false));
    }

    #[test]
    fn what_names_a_place_on_this_machine_is_not_told_to_who_asked_for_the_work() {
        let place = std::path::PathBuf::from("places/of-ours/7");
        let errors = [
            Error::Unfit { directory: place.clone(), reason: "holds no trained model".to_owned() },
            Error::Format {
                path: place.clone(),
                expected: "a judgement",
                reason: "it is cut off".to_owned(),
            },
            Error::File { action: "write", path: place.clone(), source: std::io::ErrorKind::Other.into() },
            Error::ModelFiles(gradus_engine::files::FilesError::Read {
                path: place.clone(),
                source: std::io::ErrorKind::NotFound.into(),
            }),
        ];
        for error in errors {
            let failure = error.failure();
            assert!(failure.message.contains("places/of-ours"), "{failure:?}");
            assert!(!failure.told().contains("places/of-ours"), "{failure:?}");
        }
    }
}
