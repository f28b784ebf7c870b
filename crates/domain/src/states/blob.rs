//! From announced bytes to deleted ones.

use crate::words::words;

words! {
    /// How far the bytes of a blob are.
    "blob" BlobState {
        /// Perhaps stored; nothing refers to it yet.
        Announced = "announced",
        /// Stored.
        Stored = "stored",
        /// Perhaps deleted already.
        Deleting = "deleting",
    }
}
