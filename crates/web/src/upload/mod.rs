//! Files that clients send. A file goes to the blob store's spool as it arrives, hashed and counted on the way, so
//! that memory stays flat and it is written once; until somebody keeps it, dropping it removes it. Knows nothing of
//! what is in a file.

mod error;
mod file_name;
mod form;
mod unclaimed;

pub use error::UploadError;
pub use file_name::DisplayName;
pub use form::{UploadedForm, receive_form, receive_raw};
pub use unclaimed::TooMuchUnclaimed;
