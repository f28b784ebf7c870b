//! Pulling a model by its name, with a session that watches.

use super::{Acceptance, Catalogue, InstalledModel, ModelStore, ModelsError, Progress, Stage};
use crate::{Error, Session, Watcher};

/// Makes sure that a model of the catalogue is on this machine. One under terms is fetched only where they
/// were accepted.
///
/// # Errors
/// When there is no such model, its terms were not accepted, or no source delivers it.
pub fn fetch(
    store: &ModelStore,
    catalogue: &Catalogue,
    (name, acceptance): (&str, Acceptance),
    session: &mut Session<'_>,
) -> Result<InstalledModel, Error> {
    let Some(entry) = catalogue.get(name) else {
        let known: Vec<&str> = catalogue.entries().iter().map(|entry| entry.name.as_str()).collect();
        return Err(ModelsError::Unknown { name: name.to_owned(), known: known.join(", ") }.into());
    };
    Ok(store.pull((entry, acceptance), session.clock, &mut PullProgress(&mut *session.watcher))?)
}

struct PullProgress<'a>(&'a mut dyn Watcher);

impl Progress for PullProgress<'_> {
    fn report(&mut self, _stage: Stage, done_bytes: u64, total_bytes: Option<u64>) {
        self.0.progress(done_bytes, total_bytes, "bytes");
    }

    fn trying(&mut self, source: &str) {
        self.0.note(&format!("Trying {source}"));
    }

    fn failed(&mut self, source: &str, reason: &str) {
        self.0.note(&format!("{source} did not work: {reason}"));
    }
}
