//! Database, blob store and services, opened.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use gradus_app::domain::SystemClock;
use gradus_app::models::{Catalogue, ModelStore};
use gradus_app::service::Services;
use gradus_app::store::blobs::BlobStore;
use gradus_app::store::{DatabaseLocation, Opening, Store, StoreError, Timekeeper};

use crate::config::Config;

/// What a server and a worker have in common.
pub(crate) struct Opened {
    /// The services.
    pub(crate) services: Services,
    /// The database, which they use too.
    pub(crate) store: Store,
}

/// Opens what the configuration names; the server makes what is missing, a worker does not.
pub(crate) async fn open(
    config: &Config,
    data_directory: &Path,
    (base_models, catalogue): (ModelStore, Arc<Catalogue>),
    opening: Opening,
) -> anyhow::Result<Opened> {
    config.check(data_directory)?;
    keep_private();
    std::fs::create_dir_all(data_directory).with_context(|| {
        format!("cannot make the data directory {}: name another with --data-dir", data_directory.display())
    })?;
    let location = config.database(data_directory)?;
    let store = Store::open(&location, opening, timekeeper(&location))
        .await
        .map_err(|error| unopened(&location, &error))?;
    let blobs = BlobStore::open(&config.blobs(data_directory)?).await.context(
        "cannot open the blob store: see to what is said here, or name another in [blobs] location",
    )?;
    let services = Services::new(
        (store.clone(), blobs),
        (base_models, catalogue),
        Config::work_directory(data_directory),
        config.accounts.quotas,
    );
    Ok(Opened { services, store })
}

/// From now on this process and those that it starts make nothing that other users of the machine can read: the database
/// has hashes of passwords, and the files are people's work.
fn keep_private() {
    #[cfg(unix)]
    {
        use rustix::fs::Mode;
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
    }
}

/// Why the database cannot be opened, and what to do where that does not say so itself.
fn unopened(location: &DatabaseLocation, error: &StoreError) -> anyhow::Error {
    let advice = match (error, location) {
        (StoreError::Database { .. }, _) if error.is_out_of_space() => "; free some space and start again",
        (StoreError::Database { .. }, DatabaseLocation::Postgres(_)) => {
            "; make sure that PostgreSQL runs there, that the database exists and that this user may use it, or name \
             another one in [database] location"
        }
        (StoreError::Database { .. }, DatabaseLocation::Sqlite(_)) if error.is_transient() => {
            "; another program is writing to it: end that one, then start again"
        }
        (StoreError::Database { .. }, DatabaseLocation::Sqlite(_)) => {
            "; make sure that it is a database of Gradus and that this user may write to it and its directory; one that \
             is damaged gives way to a backup: move it away, then `gradus restore`"
        }
        _ => "",
    };
    anyhow!("cannot open the database {location}: {error}{advice}")
}

/// Machines that share a server may have clocks that differ; a file has one machine.
pub(crate) fn timekeeper(location: &DatabaseLocation) -> Timekeeper {
    match location {
        DatabaseLocation::Sqlite(_) => Timekeeper::Clock(Arc::new(SystemClock)),
        DatabaseLocation::Postgres(_) => Timekeeper::Database,
    }
}
