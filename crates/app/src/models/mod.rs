//! Base models by name: the catalogue, fetching them from the first source that works, and what is
//! installed. Knows files and checksums; what is in a model is the engine's business.

mod catalogue;
mod checksum;
mod error;
mod fetch;
mod installed;
mod progress;
mod pull;
mod source;
mod terms;

pub use catalogue::{Catalogue, CatalogueEntry, CatalogueSettings, ModelFile};
pub use error::{FailedSource, ModelsError};
pub use fetch::fetch;
pub use installed::{InstalledFile, InstalledModel, Manifest, ModelStore};
pub use progress::{Progress, Silent, Stage};
pub use source::{
    HubRepository, LocalDirectory, ModelSource, PackagedPart, PythonPackage, PythonPackages, SourceError,
};
pub use terms::{Acceptance, Terms};
