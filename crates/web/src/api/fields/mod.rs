//! What fields of requests may hold: each type reads only what fits, and writes its limits into the API's
//! description, so that the two never differ.

mod metadata;
mod number;
mod text;
mod word;

pub(crate) use metadata::Metadata;
pub(crate) use number::{Factor, PartialShare, Rate, Share, Whole};
pub(crate) use text::{AccountName, Label, Line, Prose, Slug, Typed};
pub(crate) use word::{
    DatasetVersionStateWord, DocumentPurposeWord, DocumentStateWord, FailureCategoryWord, JobKindWord,
    ModelTestStateWord, QueueStateWord, ReportStateWord, RoleWord, ScopeWord, SeverityWord,
    TrainingJobStateWord,
};
