//! The names of things: a UUID each, of a type of its own, so that one cannot be taken for another.
//! Ids of one process grow with time (UUID version 7), so newest first is an order by id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What all ids have in common.
pub trait Id: Copy + Eq + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The id with these bits.
    fn from_uuid(uuid: Uuid) -> Self;
    /// Its bits.
    fn uuid(self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$documentation:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one.
            #[expect(clippy::new_without_default, reason = "every id made is another")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Id for $name {
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// Someone who may log in.
    UserId,
    /// A login.
    SessionId,
    /// A secret that a program logs in with.
    ApiTokenId,
    /// An uploaded file.
    DocumentId,
    /// A guide and answers under one name, in versions.
    DatasetId,
    /// One frozen version of a dataset.
    DatasetVersionId,
    /// One fine-tuning run.
    TrainingJobId,
    /// A state of a run that it can be resumed from.
    CheckpointId,
    /// A trained model.
    ModelId,
    /// A model tried on submissions.
    ModelTestId,
    /// One answer, or one paper, in a model test.
    SubmissionId,
    /// A page of evidence.
    ReportId,
    /// A piece of work for a worker.
    QueueJobId,
    /// A kind of failure that was seen.
    ErrorEventId,
    /// Something that someone did.
    AuditEventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_one_after_the_other_grow() {
        let ids: Vec<_> = (0..1000).map(|_| QueueJobId::new()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn an_id_survives_text_and_json() {
        let id = UserId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::from_str::<UserId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        assert!("no id".parse::<UserId>().is_err());
    }
}
