//! The instructions that tests run on: as with the program, those that `GRADUS_CPU` names.

use std::sync::OnceLock;

use gradus_kernels::cpu::{Level, force};

/// To be called before the first model is made.
#[expect(clippy::disallowed_methods, reason = "tests are told here what to run on")]
pub(crate) fn as_asked() {
    static ASKED: OnceLock<()> = OnceLock::new();
    ASKED.get_or_init(|| {
        if let Ok(name) = std::env::var("GRADUS_CPU") {
            force(Level::from_name(&name).unwrap()).unwrap();
        }
    });
}
