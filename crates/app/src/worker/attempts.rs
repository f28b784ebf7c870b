//! The directories of attempts at jobs on this machine: those that no worker is at any more are removed.

use gradus_domain::QueueJobState;
use gradus_store::{StoreError, queue};

use crate::Error;
use crate::service::Services;

/// Removes what lost attempts left.
pub(super) async fn remove_lost(services: &Services) -> Result<(), Error> {
    let directory = &services.work_directory;
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::file("list", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::file("list", directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((id, fence)) = name.rsplit_once('-') else { continue };
        let (Ok(id), Ok(fence)) = (id.parse(), fence.parse::<i64>()) else { continue };
        let is_live = match queue::get(&services.store.reader(), id).await {
            Ok(job) => job.state.0 == QueueJobState::Running && job.fence == fence,
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !is_live {
            // The attempt may just be removing it itself; what is left is found the next time.
            _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
