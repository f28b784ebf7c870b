//! Database, blob store and services, opened.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use gradus_app::domain::SystemClock;
use gradus_app::models::{Catalogue, ModelStore};
use gradus_app::service::Services;
use gradus_app::store::blobs::BlobStore;
use gradus_app::store::{DatabaseLocation, Opening, Store, Timekeeper};

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
    std::fs::create_dir_all(data_directory)
        .with_context(|| format!("cannot make the data directory {}", data_directory.display()))?;
    let location = config.database(data_directory)?;
    let store = Store::open(&location, opening, timekeeper(&location))
        .await
        .with_context(|| format!("cannot open the database {location}"))?;
    let blobs =
        BlobStore::open(&config.blobs(data_directory)?).await.context("cannot open the blob store")?;
    let services = Services::new(
        (store.clone(), blobs),
        (base_models, catalogue),
        Config::work_directory(data_directory),
        config.accounts.quotas,
    );
    Ok(Opened { services, store })
}

/// Machines that share a server may have clocks that differ; a file has one machine.
pub(crate) fn timekeeper(location: &DatabaseLocation) -> Timekeeper {
    match location {
        DatabaseLocation::Sqlite(_) => Timekeeper::Clock(Arc::new(SystemClock)),
        DatabaseLocation::Postgres(_) => Timekeeper::Database,
    }
}
